import type { EpochMs } from "../../model/time.js";

/** A presented refresh token, compared with the newest one of the session. */
export interface Presented {
  readonly generation: number;
  readonly newest: number;
  /** When the newest generation was made. The grace period starts here. */
  readonly rotatedAt: EpochMs;
  /** Whether the call has the idempotency key that the newest generation was made with. */
  readonly sameCall: boolean;
}

/**
 * Judges a presented refresh token. `rotated`: it is the newest, and is spent now. `replayed`: its successor is given again.
 * `reused`: it was spent before by another call. `lost`: it is newer than the database. Only the immediate predecessor is ever
 * replayed; for anything older RFC 9700 §4.14.2 asks to end the session.
 */
export function judgeRefresh(
  { generation, newest, rotatedAt, sameCall }: Presented,
  graceMs: number,
  now: EpochMs,
): "rotated" | "replayed" | "reused" | "lost" {
  if (generation === newest) return "rotated";
  if (generation > newest) return "lost";
  // In both directions, so that setting the clock back does not extend the grace period.
  const inGrace = Math.abs(now - rotatedAt) < graceMs;
  return generation === newest - 1 && (inGrace || sameCall) ? "replayed" : "reused";
}
