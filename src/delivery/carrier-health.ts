import type { HealthOfCarrier } from "../model/carrier.js";
import type { Contact } from "../model/contact.js";
import { callingCodeOf } from "../model/phone-number.js";
import type { EpochMs } from "../model/time.js";
import type { DeliveryResult } from "./provider.js";

export interface CarrierHealth {
  /** Returns from when on messages may be given to the carrier. A time in the past means now. */
  availableAt(provider: string): EpochMs;
  /**
   * Reports that a try begins. While a carrier refuses its credentials, one message at a time tries it; while it fails, a few do.
   * Returns what reports once how the try ended.
   */
  begins(provider: string): TryEnded;
  of(provider: string): HealthOfCarrier;
  /** Forgets a carrier that changed or is not used any more. */
  forget(provider: string): void;
}

/** Returns whether the carrier went down or came up by the result of a try, or null. */
export type TryEnded = (result: DeliveryResult, to: Contact) => "down" | "up" | null;

interface Entry {
  state: "up" | "down";
  since: EpochMs;
  lastError: HealthOfCarrier["lastError"];
  sent: number;
  failed: number;
  /** Tries in a row that found the carrier misconfigured. While there are some, one message at a time tries it. */
  lockouts: number;
  /** Calling codes to which the carrier refused the sender since its last other answer. */
  readonly senderRefusals: Set<string>;
  isProbed: boolean;
  /** How many more tries without an answer than answers there were of late, at most 10, and how many tries run now. */
  failures: number;
  running: number;
  availableAt: EpochMs;
}

const firstProbeMs = 5_000;
const probeMaxMs = 60_000;
const probedWaitMs = 1_000;
const senderRefusalsMax = 3;
const failuresMax = 3;
const failuresCountedMax = 10;
const runningMax = 4;
const runningOfAppMax = 8;
// A carrier that asks for a day would otherwise get no message until the process restarts.
const pauseMaxMs = 5 * 60_000;

/**
 * Keeps in memory which carriers can be used. A carrier that refuses its credentials is down: it is tried again after 5 s, doubling
 * to 60 s with each further message that it refuses so, and is up as soon as it answers otherwise. A carrier that is unavailable for a
 * time that it names is left alone for that time, at most 5 minutes.
 *
 * A refused sender marks a carrier down after refusals in a row to three calling codes. A stranger can name any numbers of a country
 * that refuses the sender, so numbers don't count. E-mail has no countries, so a refusal there never counts. Such a carrier is still
 * tried by every message, because a stranger who names numbers of three such countries must not keep messages to others from it.
 *
 * A send may wait for its time-out and hold a place that messages over other carriers need. So a carrier that failed three times more
 * often than it answered gets four messages at a time, and the carriers of one app together get eight, whatever they answer.
 */
export function createCarrierHealth(clock: () => EpochMs): CarrierHealth {
  const entries = new Map<string, Entry>();
  /** How many messages the carriers of each app are sending. It outlives `forget`: carriers that an app replaced may still send. */
  const runningOfApps = new Map<string, number>();
  const startedAt = clock();
  const fresh = (): Entry => ({
    state: "up",
    since: startedAt,
    lastError: null,
    sent: 0,
    failed: 0,
    lockouts: 0,
    senderRefusals: new Set(),
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
  /** Changes how many messages the carriers of the provider's app are sending. Those of the deployment are of no app. */
  function countOfApp(provider: string, by: 1 | -1): void {
    const app = appOf(provider);
    if (app === null) return;
    const running = (runningOfApps.get(app) ?? 0) + by;
    if (running === 0) runningOfApps.delete(app);
    else runningOfApps.set(app, running);
  }
  return {
    availableAt(provider) {
      const { availableAt, isProbed, failures, running } = entries.get(provider) ?? fresh();
      const app = appOf(provider);
      const isFull =
        (failures >= failuresMax && running >= runningMax) ||
        (app !== null && (runningOfApps.get(app) ?? 0) >= runningOfAppMax);
      return isProbed || isFull ? Math.max(availableAt, clock() + probedWaitMs) : availableAt;
    },
    begins(provider) {
      const entry = entryOf(provider);
      entry.running += 1;
      countOfApp(provider, 1);
      if (entry.lockouts > 0) entry.isProbed = true;
      return (result, to) => {
        entry.running -= 1;
        countOfApp(provider, -1);
        return note(entry, { result, to, now: clock() });
      };
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

/** Names of the deployment's carriers have no slash. */
function appOf(provider: string): string | null {
  const slash = provider.indexOf("/");
  return slash === -1 ? null : provider.slice(0, slash);
}

interface Ended {
  readonly result: DeliveryResult;
  readonly to: Contact;
  readonly now: EpochMs;
}

function note(entry: Entry, { result, to, now }: Ended): "down" | "up" | null {
  count(entry, result, now);
  if (result.kind === "unavailable" && result.refusesSender) {
    const callingCode = to.kind === "phone" ? callingCodeOf(to.value) : null;
    if (callingCode !== null) entry.senderRefusals.add(callingCode);
  } else if (result.kind === "unavailable" || result.kind === "unknown") {
    entry.failures = Math.min(entry.failures + 1, failuresCountedMax);
    if (result.kind === "unavailable" && result.isMisconfigured) return lockOut(entry, now);
    // It says nothing about the credentials.
    if (entry.isProbed) entry.availableAt = now + probeWait(entry);
    entry.isProbed = false;
    const waitMs = result.kind === "unavailable" ? (result.retryAfterMs ?? 0) : 0;
    if (waitMs > 0) entry.availableAt = Math.max(entry.availableAt, now + Math.min(waitMs, pauseMaxMs));
    return null;
  } else entry.senderRefusals.clear();
  // The carrier answered, and accepts the credentials.
  entry.failures = Math.max(entry.failures - 1, 0);
  entry.isProbed = false;
  // A carrier that accepted them before keeps the wait that it asked for, though it took an earlier message.
  if (entry.lockouts > 0) entry.availableAt = 0;
  entry.lockouts = 0;
  return change(entry, entry.senderRefusals.size < senderRefusalsMax ? "up" : "down", now);
}

function count(entry: Entry, result: DeliveryResult, now: EpochMs): void {
  if (result.kind === "sent") entry.sent += 1;
  else entry.failed += 1;
  if (result.kind !== "sent" && result.kind !== "permanent") entry.lastError = { at: now, detail: result.detail };
}

function lockOut(entry: Entry, now: EpochMs): "down" | null {
  // Messages that were given to the carrier before it refused the first one lengthen no interval.
  if (entry.lockouts === 0 || entry.isProbed) {
    entry.lockouts += 1;
    entry.availableAt = now + probeWait(entry);
  }
  entry.isProbed = false;
  return change(entry, "down", now);
}

function probeWait({ lockouts }: Entry): number {
  return Math.min(firstProbeMs * 2 ** Math.min(Math.max(lockouts - 1, 0), 10), probeMaxMs);
}

function change<State extends "up" | "down">(entry: Entry, state: State, now: EpochMs): State | null {
  if (entry.state === state) return null;
  entry.state = state;
  entry.since = now;
  return state;
}
