import type { EpochMs } from "../model/time.js";
import type { OutboxMessage } from "../store/port/outbox.js";
import type { Store } from "../store/port/store.js";
import { type DeliverDeps, deliver } from "./deliver.js";

/** A message that this process has claimed and is not finished with. */
interface Job {
  readonly outboxId: number;
  readonly expiresAt: EpochMs;
  readonly doneProviders: Set<string>;
  /** The latest lease: with it, and no older one, the message can be settled. */
  tries: number;
  sending: boolean;
  /** When to try again; null: never. Counts when it is not being sent. */
  retryAt: EpochMs | null;
}

export interface JobDeps extends DeliverDeps {
  /** Instead of `deliver`, which it does. */
  readonly deliver?: typeof deliver;
}

export interface Jobs {
  readonly byId: Map<number, Job>;
  /** Those whose result is known and not written yet. */
  readonly unsettled: Set<Job>;
  sending: number;
}

export function noJobs(): Jobs {
  return { byId: new Map(), unsettled: new Set(), sending: 0 };
}

/** Starts on a claimed message. `onFinished` is called when its result is known, at once if there is nothing to send. */
export function begin(jobs: Jobs, deps: JobDeps, message: OutboxMessage, onFinished: () => void): void {
  const { outboxId, tries, delivery } = message;
  const known = jobs.byId.get(outboxId);
  const expiresAt = delivery?.expiresAt ?? 0;
  const job = known ?? { outboxId, expiresAt, doneProviders: new Set<string>(), tries, sending: false, retryAt: null };
  job.tries = tries;
  jobs.byId.set(outboxId, job);
  // Claimed again because its lease ran out while it was being sent: the result will be settled with the new lease.
  if (job.sending) return;
  const finish = (retryAt: EpochMs | null) => {
    job.retryAt = retryAt;
    jobs.unsettled.add(job);
    onFinished();
  };
  if (delivery === null) {
    finish(null);
    return;
  }
  // Here too it may be known: put off, or sent and not settled before its lease ran out. Providers that are done stay so.
  jobs.unsettled.delete(job);
  job.sending = true;
  jobs.sending += 1;
  void (deps.deliver ?? deliver)(deps, { outboxId, tries, delivery, doneProviders: job.doneProviders }).then((retryAt) => {
    job.sending = false;
    jobs.sending -= 1;
    finish(retryAt);
  });
}

/** Writes all results that are known, in one operation. Gives the earliest time at which one of them is tried again. */
export async function settle(jobs: Jobs, store: Pick<Store, "outbox">): Promise<EpochMs> {
  if (jobs.unsettled.size === 0) return Infinity;
  const batch = [...jobs.unsettled];
  jobs.unsettled.clear();
  try {
    await store.outbox.settle(batch.map(({ outboxId, tries, retryAt }) => ({ outboxId, tries, retryAt })));
  } catch (error) {
    for (const job of batch) if (!job.sending) jobs.unsettled.add(job);
    throw error;
  }
  let retryAt = Infinity;
  for (const job of batch) {
    // Claimed again while it was being settled.
    if (job.sending || jobs.unsettled.has(job)) continue;
    retryAt = Math.min(retryAt, job.retryAt ?? Infinity);
    if (job.retryAt === null || job.doneProviders.size === 0) jobs.byId.delete(job.outboxId);
  }
  return retryAt;
}

/** Forgets what was put off and has expired: another process has taken it over. */
export function forgetExpired(jobs: Jobs, now: EpochMs): void {
  for (const job of jobs.byId.values()) {
    if (job.expiresAt <= now && !job.sending && !jobs.unsettled.has(job)) jobs.byId.delete(job.outboxId);
  }
}
