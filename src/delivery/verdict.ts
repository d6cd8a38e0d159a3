import type { EpochMs } from "../model/time.js";
import type { EndedTry } from "../store/port/messages.js";
import type { DeliveryResult } from "./provider.js";
import { nextInRound, nextRoundFrom, type Round, waitAfter } from "./rounds.js";

/** What becomes of a message after a try. */
export interface Verdict {
  readonly status: EndedTry["status"];
  /** When to try again. Null: never. */
  readonly retryAt: EpochMs | null;
  /** The index of the carrier to try then. */
  readonly carrier: number;
  readonly unknowns: number;
  readonly detail: string;
}

export interface Standing extends Round {
  /** How many times sending has started, including this time. */
  readonly tries: number;
  /** How many results of the message were `unknown` before this try. */
  readonly unknowns: number;
  readonly expiresAt: EpochMs;
  readonly random: () => number;
}

/**
 * Decides what follows a try of the carrier at `index`. Any result but `sent` goes to the next carrier of the round at once; after
 * the last one, the message waits for a new round. A carrier that refused for good is not asked again, and a message that all refused
 * has failed. Results that are `unknown` allow one more try in the message's life: after the second one the message has failed. So at
 * most two messages arrive.
 */
export function verdictOf(standing: Standing, index: number, result: DeliveryResult): Verdict {
  const { carriers, memory, now } = standing;
  const unknowns = standing.unknowns + (result.kind === "unknown" ? 1 : 0);
  const after = { ...standing, unknowns };
  const { name } = carriers[index]!;
  if (result.kind === "sent") return { status: "sent", retryAt: null, carrier: index, unknowns, detail: result.detail };
  if (result.kind === "permanent") memory.refusedBy.add(name);
  if ("retryAfterMs" in result && result.retryAfterMs !== undefined) memory.waits.set(name, now + result.retryAfterMs);
  if (unknowns > 1) return givenUp(after, "failed", result.detail);
  const next = nextInRound(after, index + 1);
  if (next === null) return newRound(after, result.detail);
  return again(after, { retryAt: now, carrier: next, detail: result.detail });
}

/** Puts a message off to its next round. If the code expires before that, the message ends. */
export function newRound(standing: Standing, detail: string): Verdict {
  const { carriers, tries, now, random } = standing;
  const from = nextRoundFrom(standing);
  if (from === Infinity) return givenUp(standing, "failed", detail);
  const rounds = Math.max(1, Math.ceil(tries / carriers.length));
  return again(standing, { retryAt: Math.max(now + waitAfter(rounds, random), from), carrier: 0, detail });
}

function again(standing: Standing, next: Pick<Verdict, "carrier" | "detail"> & { readonly retryAt: EpochMs }): Verdict {
  if (next.retryAt >= standing.expiresAt) return givenUp(standing, "expired", next.detail);
  return { status: "queued", unknowns: standing.unknowns, ...next };
}

function givenUp({ unknowns }: Standing, status: "failed" | "expired", detail: string): Verdict {
  return { status, retryAt: null, carrier: 0, unknowns, detail: causeOf(unknowns, detail) };
}

/** Returns the cause of a message that was given up. The status says why Latchkey stopped, the cause whether it perhaps arrived. */
export function causeOf(unknowns: number, detail: string): string {
  return unknowns > 0 ? `perhaps delivered: ${detail}` : detail;
}
