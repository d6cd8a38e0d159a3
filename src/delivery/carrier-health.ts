import type { HealthOfCarrier } from "../model/carrier.js";
import type { EpochMs } from "../model/time.js";
import type { DeliveryResult } from "./provider.js";

export interface CarrierHealth {
  /** Returns from when on messages may be given to the carrier. A time in the past means now. */
  availableAt(provider: string): EpochMs;
  /** Reports that a try begins. While a carrier is down, one message at a time tries it; while it fails, a few do. */
  begins(provider: string): void;
  /**
   * Reports how the try ended. Returns whether the carrier went down or came up by it, or null. `isRepeated`: the carrier had refused
   * its settings for the same message before.
   */
  ended(provider: string, result: DeliveryResult, isRepeated?: boolean): "down" | "up" | null;
  of(provider: string): HealthOfCarrier;
  /** Forgets a carrier that changed or is not used any more. */
  forget(provider: string): void;
}

interface Entry {
  state: "up" | "down";
  since: EpochMs;
  lastError: HealthOfCarrier["lastError"];
  sent: number;
  failed: number;
  /** Tries in a row that found the carrier misconfigured. */
  refusals: number;
  isProbed: boolean;
  /** Tries in a row that ended `unavailable` or `unknown`, and tries that run now. */
  failures: number;
  running: number;
  availableAt: EpochMs;
}

const firstProbeMs = 5_000;
const probeMaxMs = 60_000;
const probedWaitMs = 1_000;
const failuresMax = 3;
const runningMax = 4;
// A carrier that asks for a day would otherwise get no message until the process restarts.
const pauseMaxMs = 5 * 60_000;

/**
 * Keeps in memory which carriers can be used. A carrier that refuses its credentials is down: it is tried again after 5 s, doubling
 * to 60 s with each further message that it refuses so, and is up as soon as it answers otherwise. A carrier that is unavailable for a
 * time that it names is left alone for that time, at most 5 minutes. One that failed three times in a row gets four messages at a time
 * until it answers, because each may wait for its time-out and hold a place that messages over other carriers need.
 */
export function createCarrierHealth(clock: () => EpochMs): CarrierHealth {
  const entries = new Map<string, Entry>();
  const startedAt = clock();
  const fresh = (): Entry => ({
    state: "up",
    since: startedAt,
    lastError: null,
    sent: 0,
    failed: 0,
    refusals: 0,
    isProbed: false,
    failures: 0,
    running: 0,
    availableAt: 0,
  });
  function entryOf(provider: string): Entry {
    const entry = entries.get(provider) ?? fresh();
    entries.set(provider, entry);
    return entry;
  }
  return {
    availableAt(provider) {
      const entry = entries.get(provider);
      if (entry === undefined) return 0;
      const isFull = entry.failures >= failuresMax && entry.running >= runningMax;
      return entry.isProbed || isFull ? Math.max(entry.availableAt, clock() + probedWaitMs) : entry.availableAt;
    },
    begins(provider) {
      const entry = entryOf(provider);
      entry.running += 1;
      if (entry.state === "down") entry.isProbed = true;
    },
    ended(provider, result, isRepeated = false) {
      const entry = entryOf(provider);
      const now = clock();
      entry.running -= 1;
      entry.failures = result.kind === "unavailable" || result.kind === "unknown" ? entry.failures + 1 : 0;
      count(entry, result, now);
      if (result.kind === "unavailable" && result.isMisconfigured) return markDown(entry, now, isRepeated);
      if (result.kind === "unavailable" || result.kind === "unknown") {
        // It says nothing about the credentials.
        if (entry.isProbed) entry.availableAt = now + probeWait(entry);
        entry.isProbed = false;
        const waitMs = result.kind === "unavailable" ? (result.retryAfterMs ?? 0) : 0;
        if (waitMs > 0) entry.availableAt = Math.max(entry.availableAt, now + Math.min(waitMs, pauseMaxMs));
        return null;
      }
      entry.isProbed = false;
      entry.refusals = 0;
      // A carrier that is up keeps the wait that it asked for, though it took an earlier message.
      if (entry.state === "down") entry.availableAt = 0;
      return change(entry, "up", now);
    },
    forget(provider) {
      entries.delete(provider);
    },
    of(provider) {
      const { state, since, lastError, sent, failed } = entries.get(provider) ?? fresh();
      return { state, since, lastError, sent, failed };
    },
  };
}

function count(entry: Entry, result: DeliveryResult, now: EpochMs): void {
  if (result.kind === "sent") entry.sent += 1;
  else entry.failed += 1;
  if (result.kind !== "sent" && result.kind !== "permanent") entry.lastError = { at: now, detail: result.detail };
}

function markDown(entry: Entry, now: EpochMs, isRepeated: boolean): "down" | null {
  // Messages that were given to the carrier before it went down lengthen no interval.
  if (entry.state === "up" || entry.isProbed) {
    // Perhaps the carrier refuses only this message, so that it says nothing new.
    if (!isRepeated) entry.refusals += 1;
    entry.availableAt = now + probeWait(entry);
  }
  entry.isProbed = false;
  return change(entry, "down", now);
}

function probeWait({ refusals }: Entry): number {
  return Math.min(firstProbeMs * 2 ** Math.min(Math.max(refusals - 1, 0), 10), probeMaxMs);
}

function change<State extends "up" | "down">(entry: Entry, state: State, now: EpochMs): State | null {
  if (entry.state === state) return null;
  entry.state = state;
  entry.since = now;
  return state;
}
