import type { EpochMs } from "../model/time.js";
import type { CarrierHealth } from "./carrier-health.js";
import type { Provider } from "./provider.js";

/**
 * What this process remembers about a message between its tries. The store keeps the rest. Without it, a carrier is asked once more
 * than it should be.
 */
export interface Memory {
  /** Carriers that refused the message for good. */
  readonly refusedBy: Set<string>;
  /** Until when carriers asked to wait with the message. */
  readonly waits: Map<string, EpochMs>;
  /** Whether development has shown the message. */
  shown: boolean;
  /** The carriers of the round that it is in, in their order. Null between rounds. */
  round: readonly Provider[] | null;
}

export function noMemory(): Memory {
  return { refusedBy: new Set(), waits: new Map(), shown: false, round: null };
}

export function isEmpty({ refusedBy, waits, shown, round }: Memory): boolean {
  return refusedBy.size === 0 && waits.size === 0 && !shown && round === null;
}

/** The carriers of a message, in order of preference. A round tries each of them at most once, in this order. */
export interface Round {
  readonly carriers: readonly Pick<Provider, "name" | "label">[];
  readonly memory: Memory;
  readonly health: Pick<CarrierHealth, "availableAt">;
  readonly now: EpochMs;
}

/** Returns the index of the first carrier from `from` on that can be tried now. Null if there is none in this round. */
export function nextInRound(round: Round, from: number): number | null {
  const at = round.carriers.findIndex((carrier, index) => index >= from && availableAt(round, carrier.name) <= round.now);
  return at === -1 ? null : at;
}

/** Returns from when on a new round has a carrier to try. Infinity if all carriers refused the message for good. */
export function nextRoundFrom(round: Round): EpochMs {
  return Math.min(...round.carriers.map(({ name }) => availableAt(round, name)));
}

function availableAt({ memory, health }: Round, name: string): EpochMs {
  if (memory.refusedBy.has(name)) return Infinity;
  return Math.max(memory.waits.get(name) ?? 0, health.availableAt(name));
}

const firstWaitMs = 1_000;
const waitMaxMs = 60_000;

/**
 * Returns how long to wait before the round after `rounds` rounds: 1 s, doubling to 60 s. Each wait varies by a quarter, so that
 * messages that failed together are not retried together.
 */
export function waitAfter(rounds: number, random: () => number): number {
  const waitMs = Math.min(firstWaitMs * 2 ** Math.min(rounds - 1, 10), waitMaxMs);
  return Math.round(Math.min(waitMs * (0.75 + random() / 2), waitMaxMs));
}
