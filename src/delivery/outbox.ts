import type { EpochMs } from "../model/time.js";
import { StoreBusyError } from "../store/port/errors.js";
import type { Store } from "../store/port/store.js";
import { begin, forgetExpired, type JobDeps, type Jobs, noJobs, settle } from "./jobs.js";
import { systemTimers, type Timers } from "./timers.js";

export interface OutboxDeps extends JobDeps {
  readonly store: Pick<Store, "outbox">;
  /** How many messages are sent at a time. Default: 64. */
  readonly inFlightMax?: number;
}

export interface Outbox {
  /** Reports that a commit added a message that is due at `dueAt`. Default: now. Costs almost nothing. */
  wake(dueAt?: EpochMs): void;
  /** Claims no more messages. Resolves when running sends are settled, after 10 s at the latest. */
  stop(): Promise<void>;
}

// Longer than any send takes (35 s), so that a live process keeps the leases of messages that it is sending.
const leaseMs = 60_000;
const pollMs = 1_000;
// Wakes within this time share one claim, and results within it share one settlement. Each is a write that every login would
// pay for.
const claimSpacingMs = 5;
const settleWindowMs = 50;
const busyWaitMinMs = 50;
const busyWaitMaxMs = 250;
const outageWaitsMs = [1_000, 2_000, 4_000, 8_000];
const outageWaitMaxMs = 10_000;
const stopMaxMs = 10_000;

interface State {
  readonly deps: OutboxDeps;
  readonly timers: Timers;
  readonly inFlightMax: number;
  readonly jobs: Jobs;
  /** Whether a message may be due. */
  wanted: boolean;
  /** When to look for messages without a wake: those of other processes, and postponed ones. */
  lookAt: EpochMs;
  settleAt: EpochMs;
  /** When to forget expired messages. Apart from `lookAt`, which a flow of wakes can keep in the future. */
  forgetAt: EpochMs;
  /** The store is not used before this time. It was `pauseMs` in the future when it was set. */
  notBefore: EpochMs;
  pauseMs: number;
  outages: number;
  working: boolean;
  timer: { readonly at: EpochMs; readonly cancel: () => void } | null;
  /** Set by `stop`. Called when nothing is left to do. */
  drained: (() => void) | null;
}

/**
 * Sends the messages in the store's outbox until it is stopped. Each is sent at least once: if a process dies between sending
 * and settling, the message is sent again. It never rejects and never ends by itself, whatever the store and the providers do.
 * @param jobs What it works on. Only tests pass it, to read it.
 */
export function startOutbox(deps: OutboxDeps, jobs = noJobs()): Outbox {
  const now = deps.clock();
  const state: State = {
    deps,
    timers: deps.timers ?? systemTimers,
    inFlightMax: deps.inFlightMax ?? 64,
    jobs,
    wanted: true,
    lookAt: now,
    settleAt: now,
    forgetAt: now,
    notBefore: now,
    pauseMs: 0,
    outages: 0,
    working: false,
    timer: null,
    drained: null,
  };
  let stopped: Promise<void> | null = null;
  plan(state);
  return {
    wake(dueAt = 0) {
      const isLater = dueAt > deps.clock();
      if (isLater ? dueAt >= state.lookAt : state.wanted) return;
      if (isLater) state.lookAt = dueAt;
      else state.wanted = true;
      plan(state);
    },
    stop() {
      stopped ??= drain(state);
      return stopped;
    },
  };
}

/** Sets the only timer to the next time at which there is work. */
function plan(state: State): void {
  if (state.working) return;
  if (state.drained !== null && state.jobs.sending === 0 && state.jobs.unsettled.size === 0) {
    state.drained();
    return;
  }
  const now = state.deps.clock();
  // No time is farther away than this unless the clock was set back. Waiting for it could then take hours.
  state.lookAt = Math.min(state.lookAt, now + pollMs);
  state.settleAt = Math.min(state.settleAt, now + settleWindowMs);
  state.notBefore = Math.min(state.notBefore, now + state.pauseMs);
  const at = Math.max(nextWorkAt(state), state.notBefore);
  if (at === Infinity || at === state.timer?.at) return;
  state.timer?.cancel();
  const cancel = state.timers.after(at - now, () => {
    state.timer = null;
    void work(state);
  });
  state.timer = { at, cancel };
}

function nextWorkAt({ jobs, drained, inFlightMax, wanted, lookAt, settleAt }: State): EpochMs {
  if (drained !== null) return jobs.unsettled.size > 0 ? 0 : Infinity;
  const claimAt = wanted ? 0 : lookAt;
  return Math.min(jobs.sending < inFlightMax ? claimAt : Infinity, jobs.unsettled.size > 0 ? settleAt : Infinity);
}

async function work(state: State): Promise<void> {
  state.working = true;
  pause(state, claimSpacingMs);
  // Started together, so that the store can commit both at once.
  const results = await Promise.allSettled([writeResults(state), state.drained === null ? claim(state) : undefined]);
  state.working = false;
  const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  const outage = failures.find((reason) => !(reason instanceof StoreBusyError));
  if (outage !== undefined) noteOutage(state, outage);
  else if (failures.length > 0) waitWhileBusy(state);
  else noteRecovery(state);
  plan(state);
}

async function writeResults(state: State): Promise<void> {
  const retryAt = await settle(state.jobs, state.deps);
  state.lookAt = Math.min(state.lookAt, retryAt);
}

async function claim(state: State): Promise<void> {
  const { store, clock } = state.deps;
  const now = clock();
  // `forgetAt` is never farther away than this unless the clock was set back.
  if (now >= state.forgetAt || state.forgetAt > now + pollMs) {
    state.forgetAt = now + pollMs;
    forgetExpired(state.jobs, now);
  }
  if (!state.wanted && now >= state.lookAt) {
    const dueAt = (await store.outbox.nextDueAt({ now, withinMs: pollMs })) ?? Infinity;
    state.lookAt = Math.min(now + pollMs, dueAt);
    if (dueAt <= now) state.wanted = true;
  }
  const limit = state.inFlightMax - state.jobs.sending;
  if (!state.wanted || limit <= 0) return;
  // Reset before the claim: a message added during the claim may miss it.
  state.wanted = false;
  state.lookAt = now + pollMs;
  try {
    const messages = await store.outbox.claim({ now, leaseMs, limit });
    if (messages.length >= limit) state.wanted = true;
    const leasedUntil = now + leaseMs;
    for (const [index, message] of messages.entries()) {
      // Calls that wait meanwhile get their turn of the event loop.
      if (index > 0) await new Promise<void>((resolve) => state.timers.after(0, resolve));
      begin(state.jobs, state.deps, { message, leasedUntil }, () => noteResult(state));
    }
    state.lookAt = Math.min(state.lookAt, (await store.outbox.nextDueAt({ now, withinMs: pollMs })) ?? Infinity);
  } catch (error) {
    state.wanted = true;
    throw error;
  }
}

function pause(state: State, pauseMs: number): void {
  state.pauseMs = pauseMs;
  state.notBefore = state.deps.clock() + pauseMs;
}

function noteResult(state: State): void {
  if (state.jobs.unsettled.size === 1) state.settleAt = state.deps.clock() + settleWindowMs;
  plan(state);
}

/** Other calls use the database now, and it works. The wait varies, so that processes that met don't meet again. */
function waitWhileBusy(state: State): void {
  const { random = Math.random } = state.deps;
  pause(state, Math.round(busyWaitMinMs + random() * (busyWaitMaxMs - busyWaitMinMs)));
}

function noteOutage(state: State, error: unknown): void {
  pause(state, outageWaitsMs[state.outages] ?? outageWaitMaxMs);
  // Logged once, because every further try would log it again.
  if (state.outages === 0) state.deps.log.error({ error }, "outbox: the database can't be used; codes wait until it can");
  state.outages += 1;
  // There is no second chance while stopping: the leases expire and another process sends the messages.
  if (state.drained !== null) state.jobs.unsettled.clear();
}

function noteRecovery(state: State): void {
  if (state.outages === 0) return;
  state.outages = 0;
  state.deps.log.info({}, "outbox: the database can be used again");
}

function drain(state: State): Promise<void> {
  return new Promise((resolve) => {
    const cancel = state.timers.after(stopMaxMs, () => {
      const sending = state.jobs.sending;
      state.deps.log.warn({ sending }, "outbox: stopped before every code was sent and settled; some may be sent twice");
      resolve();
    });
    state.drained = () => {
      state.timer?.cancel();
      cancel();
      resolve();
    };
    state.timer?.cancel();
    state.timer = null;
    pause(state, 0);
    plan(state);
  });
}
