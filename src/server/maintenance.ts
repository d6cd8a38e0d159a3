import type { SigningKeys } from "../crypto/signing-keys.js";
import type { LearnedRoutes } from "../delivery/learned-routes.js";
import type { Log } from "../lib/log.js";
import type { EpochMs } from "../model/time.js";
import { StoreMovedError } from "../store/port/errors.js";
import type { Store } from "../store/port/store.js";
import type { ExpiredChallenge } from "../store/port/upkeep.js";

/** Rows deleted in one transaction. It takes a few milliseconds, so that writes of callers hardly wait. */
const sweepBatch = 200;
/** Batches in one run of a task. The rest waits for the next run. */
const batchesMax = 25;
/** Messages looked at in one query, to see whether their codes were redeemed. It takes a few milliseconds. */
const joinBatch = 400;

/** How long an operator sees a process that was lost. */
const forgottenMs = 60 * 60_000;

interface Chore {
  readonly everyMs: number;
  readonly name: string;
  run(): Promise<void>;
}

/**
 * Starts the periodic tasks. Every second it sweeps expired rows; every five seconds it overwrites copies of erased data. Every
 * two seconds it reads the signing keys again, which limits how long a deleted key is still trusted; notes on messages which codes
 * were redeemed; learns which routes fail; and sweeps messages that are older than `messageRetentionMs`. Every minute it forgets
 * processes that were lost an hour ago. Every hour it maintains the signing keys. No task overlaps with itself. A failure is
 * logged, and the task runs again at its next time.
 */
export function startMaintenance(deps: {
  readonly store: Store;
  readonly keys: SigningKeys;
  readonly learned: Pick<LearnedRoutes, "look">;
  readonly messageRetentionMs: number;
  readonly clock: () => EpochMs;
  readonly log: Log;
  readonly onExpired: (challenge: ExpiredChallenge) => void;
}): { stop(): Promise<void> } {
  const { store, keys, learned, messageRetentionMs, clock, log, onExpired } = deps;
  const chores: readonly Chore[] = [
    { everyMs: 1_000, name: "sweep", run: () => sweep(store, clock, onExpired) },
    { everyMs: 5_000, name: "scrub", run: async () => void (await store.upkeep.scrub()) },
    { everyMs: 2_000, name: "reload of the signing keys", run: () => keys.reload() },
    { everyMs: 2_000, name: "note of redeemed codes", run: () => joinRedemptions(store, clock) },
    { everyMs: 2_000, name: "judgement of routes", run: () => learned.look() },
    { everyMs: 2_000, name: "sweep of messages", run: () => sweepMessages(store, clock, messageRetentionMs) },
    { everyMs: 60 * 60_000, name: "upkeep of the signing keys", run: () => keys.maintain(clock()) },
    { everyMs: 60_000, name: "upkeep of processes", run: () => store.processes.forget({ before: clock() - forgottenMs }) },
  ];
  const running = new Map<Chore, Promise<void>>();
  const timers = chores.map((chore) =>
    setInterval(() => {
      if (running.has(chore)) return;
      const run = chore
        .run()
        .catch((error: unknown) => {
          // Readiness logs this, once.
          if (error instanceof StoreMovedError) return;
          log.warn({ error }, `${chore.name} failed; it is tried again`);
        })
        .finally(() => running.delete(chore));
      running.set(chore, run);
    }, chore.everyMs).unref(),
  );
  return {
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(running.values());
    },
  };
}

/** Deletes expired rows in small batches, so that operations of callers run in between. */
async function sweep(store: Store, clock: () => EpochMs, onExpired: (challenge: ExpiredChallenge) => void): Promise<void> {
  for (let batch = 0; batch < batchesMax; batch += 1) {
    const { swept, expired } = await store.upkeep.sweep({ now: clock(), limit: sweepBatch });
    for (const challenge of expired) onExpired(challenge);
    if (swept < sweepBatch) return;
  }
}

async function joinRedemptions(store: Store, clock: () => EpochMs): Promise<void> {
  for (let batch = 0; batch < batchesMax; batch += 1) {
    const { seen } = await store.messages.joinRedemptions({ now: clock(), limit: joinBatch });
    if (seen < joinBatch) return;
  }
}

async function sweepMessages(store: Store, clock: () => EpochMs, retentionMs: number): Promise<void> {
  for (let batch = 0; batch < batchesMax; batch += 1) {
    const now = clock();
    const swept = await store.messages.sweep({ now, before: now - retentionMs, limit: sweepBatch });
    if (swept < sweepBatch) return;
  }
}
