import type { EpochMs } from "../model/time.js";
import type { Forward } from "../store/port/forwards.js";
import type { Store } from "../store/port/store.js";
import type { DeliveryLog } from "./deliver.js";
import { type ForwardDeps, type Forwarded, forward } from "./forward.js";
import { systemTimers, type Timers } from "./timers.js";

/** The results of posts, for metrics. `given_up`: the app did not take the change within 24 hours. */
export const forwardResults = ["taken", "failed", "dropped", "given_up"] as const satisfies (Forwarded["kind"] | "given_up")[];
export type ForwardResult = (typeof forwardResults)[number];

export interface ForwardingDeps extends ForwardDeps {
  readonly store: Pick<Store, "forwards">;
  readonly log: DeliveryLog;
  /** Returns the apps that have a hook now. Without one, the database is left alone but for a sweep each minute. */
  readonly apps: () => ReadonlySet<string>;
  readonly onResult: (result: ForwardResult, count: number) => void;
  readonly timers?: Timers;
  readonly random?: () => number;
}

/** How many changes this process posts at a time, and of one app. A slow app leaves the other places free. */
const inFlightMax = 16;
const ofAppMax = 4;
// Longer than a post takes (5 s), so that a live process keeps its leases.
const leaseMs = 60_000;
const pollMs = 1_000;
/** Results within this time share one settlement. */
const windowMs = 50;
const sweepEveryMs = 60_000;
const sweepBatch = 200;
const keptMs = 24 * 60 * 60_000;
/** The waits of a change after its failed posts. The last one repeats. */
const waitsMs = [5_000, 30_000, 2 * 60_000, 10 * 60_000, 30 * 60_000, 60 * 60_000];
/** An app that fails is left alone for 1 s, doubling to 1 minute, and is then tried with one change. */
const pauseMinMs = 1_000;
const pauseMaxMs = 60_000;

interface Pause {
  readonly until: EpochMs;
  readonly failures: number;
}

interface State {
  readonly deps: ForwardingDeps;
  readonly timers: Timers;
  readonly posts: Set<Promise<void>>;
  /** How many changes of each app are being posted. */
  readonly ofApp: Map<string, number>;
  readonly pauses: Map<string, Pause>;
  /** What the store does not know yet. */
  results: { readonly forwardId: number; readonly tries: number; readonly retryAt: EpochMs | null }[];
  sweepAt: EpochMs;
  running: Promise<void> | null;
  timer: { readonly at: EpochMs; readonly cancel: () => void } | null;
  failing: boolean;
  stopped: boolean;
}

/**
 * Posts new statuses of messages to the hooks of apps until it is stopped. Each arrives at least once, in the order of its message,
 * unless the app takes none for 24 hours. Any number of processes may run it. It never rejects and never ends by itself.
 */
export function startForwarding(deps: ForwardingDeps): { stop(): Promise<void> } {
  const state: State = {
    deps,
    timers: deps.timers ?? systemTimers,
    posts: new Set(),
    ofApp: new Map(),
    pauses: new Map(),
    results: [],
    sweepAt: deps.clock(),
    running: null,
    timer: null,
    failing: false,
    stopped: false,
  };
  plan(state, 0);
  return {
    async stop() {
      state.stopped = true;
      state.timer?.cancel();
      await state.running;
      await Promise.all(state.posts);
      await settle(state).catch(() => {});
    },
  };
}

/** Works after `waitMs` at the latest. */
function plan(state: State, waitMs: number): void {
  const at = state.deps.clock() + waitMs;
  if (state.stopped || state.running !== null || (state.timer !== null && state.timer.at <= at)) return;
  state.timer?.cancel();
  const cancel = state.timers.after(waitMs, () => {
    state.timer = null;
    state.running = work(state).then((nextMs) => {
      state.running = null;
      plan(state, state.results.length > 0 && !state.failing ? windowMs : nextMs);
    });
  });
  state.timer = { at, cancel };
}

/** Returns when to work again. Never rejects. */
async function work(state: State): Promise<number> {
  const { log } = state.deps;
  try {
    await settle(state);
    await sweep(state);
    const claimed = await claim(state);
    if (state.failing) log.info({}, "delivery reports: the database can be used again");
    state.failing = false;
    return claimed > 0 ? windowMs : pollMs;
  } catch (error) {
    // Logged once, because every further try would log it again.
    if (!state.failing) log.error({ error }, "delivery reports: the database can't be used; reports to apps wait until it can");
    state.failing = true;
    return pollMs;
  }
}

async function settle(state: State): Promise<void> {
  const { results } = state;
  if (results.length === 0) return;
  state.results = [];
  try {
    await state.deps.store.forwards.settle(results);
  } catch (error) {
    state.results = [...results, ...state.results];
    throw error;
  }
}

/** Gives up what no app took in time. What was stored for an app whose hook is gone is forgotten likewise. */
async function sweep(state: State): Promise<void> {
  const { store, clock, log, apps, onResult } = state.deps;
  const now = clock();
  if (now < state.sweepAt && state.sweepAt - now <= sweepEveryMs) return;
  const counts = new Map<string, number>();
  for (let left = true; left; ) {
    const swept = await store.forwards.sweep({ before: now - keptMs, limit: sweepBatch });
    for (const { appId, count } of swept) counts.set(appId, (counts.get(appId) ?? 0) + count);
    left = swept.reduce((sum, { count }) => sum + count, 0) === sweepBatch;
  }
  for (const [app, count] of counts) {
    const isGone = !apps().has(app);
    onResult(isGone ? "dropped" : "given_up", count);
    if (!isGone) log.error({ app, count }, "delivery reports given up: the app's hook did not take them within 24 hours");
  }
  state.sweepAt = now + sweepEveryMs;
}

/** Starts to post what is due. Returns how many changes it found. */
async function claim(state: State): Promise<number> {
  const { store, clock } = state.deps;
  const now = clock();
  const apps = [...state.deps.apps()].flatMap((appId) => {
    const max = placesOf(state, appId, now);
    return max > 0 ? [{ appId, max }] : [];
  });
  const limit = inFlightMax - state.posts.size;
  if (apps.length === 0 || limit <= 0) return 0;
  const changes = await store.forwards.claim({ apps, now, leaseMs, limit });
  for (const change of changes) {
    state.ofApp.set(change.appId, (state.ofApp.get(change.appId) ?? 0) + 1);
    const posting = post(state, change).then(() => void state.posts.delete(posting));
    state.posts.add(posting);
  }
  return changes.length;
}

/** Returns how many more changes of an app may be posted now. */
function placesOf({ pauses, ofApp }: State, appId: string, now: EpochMs): number {
  const pause = pauses.get(appId);
  if (pause !== undefined && isOn(pause, now)) return 0;
  return (pause === undefined ? ofAppMax : 1) - (ofApp.get(appId) ?? 0);
}

/** No pause is longer unless the clock was set back. */
function isOn({ until }: Pause, now: EpochMs): boolean {
  return now < until && until - now <= pauseMaxMs;
}

async function post(state: State, change: Forward): Promise<void> {
  const { deps, ofApp } = state;
  const { appId, forwardId, tries } = change;
  const result = await forward(deps, change);
  const left = ofApp.get(appId)! - 1;
  if (left > 0) ofApp.set(appId, left);
  else ofApp.delete(appId);
  deps.onResult(result.kind, 1);
  if (result.kind === "failed") pauseApp(state, appId, result);
  if (result.kind === "taken") resumeApp(state, appId);
  const retryAt = result.kind === "failed" ? deps.clock() + waitAfter(tries, deps.random ?? Math.random) : null;
  state.results.push({ forwardId, tries, retryAt });
  plan(state, windowMs);
}

function pauseApp(
  { deps, pauses }: State,
  appId: string,
  { why, code }: { readonly why: string; readonly code: string },
): void {
  const now = deps.clock();
  const known = pauses.get(appId);
  // Changes that were posted together fail together. That is one failure.
  if (known !== undefined && isOn(known, now)) return;
  const failures = (known?.failures ?? 0) + 1;
  pauses.set(appId, { failures, until: now + Math.min(pauseMinMs * 2 ** (failures - 1), pauseMaxMs) });
  if (failures === 1)
    deps.log.warn({ app: appId, why, code }, "delivery reports: the app's hook did not take one; it is tried again");
}

function resumeApp({ deps, pauses }: State, appId: string): void {
  if (pauses.delete(appId)) deps.log.info({ app: appId }, "delivery reports: the app's hook takes them again");
}

/** Each wait varies by a quarter, so that changes that failed together are not posted together again. */
function waitAfter(tries: number, random: () => number): number {
  return Math.round(waitsMs[Math.min(tries, waitsMs.length) - 1]! * (0.75 + random() / 2));
}
