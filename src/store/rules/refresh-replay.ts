import type { EpochMs } from "../../model/time.js";

/** A refresh token as presented, and the session's newest. */
export interface Presented {
  readonly generation: number;
  readonly newest: number;
  /** When the newest generation was made: the grace counts from there. */
  readonly rotatedAt: EpochMs;
  /** Whether the call has the idempotency key that the newest generation was made with. */
  readonly sameCall: boolean;
}

/**
 * What presenting a token means: it is spent, its successor is given again, it was spent before by somebody else, or the database
 * is older than it. Only the immediate predecessor is ever replayed (RFC 9700 §4.14.2 asks for the end of the session otherwise).
 */
export function judgeRefresh(
  { generation, newest, rotatedAt, sameCall }: Presented,
  graceMs: number,
  now: EpochMs,
): "rotated" | "replayed" | "reused" | "lost" {
  if (generation === newest) return "rotated";
  if (generation > newest) return "lost";
  // Either way: a clock that is set back does not make it longer.
  const inGrace = Math.abs(now - rotatedAt) < graceMs;
  return generation === newest - 1 && (inGrace || sameCall) ? "replayed" : "reused";
}
