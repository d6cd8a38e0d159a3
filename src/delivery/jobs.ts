import type { EpochMs } from "../model/time.js";
import type { OutboxMessage } from "../store/port/outbox.js";
import type { Store } from "../store/port/store.js";
import { type DeliverDeps, deliver } from "./deliver.js";

/** A message that this process has claimed and not finished. */
interface Job {
  readonly outboxId: number;
  readonly expiresAt: EpochMs;
  readonly doneProviders: Set<string>;
  /** The latest lease. Only with this one can the message be settled. */
  tries: number;
  sending: boolean;
  /** When to try again; null means never. Not valid while the message is being sent. */
  retryAt: EpochMs | null;
}

export interface JobDeps extends DeliverDeps {
  /** Replaces `deliver` in tests. */
  readonly deliver?: typeof deliver;
}

export interface Jobs {
  readonly byId: Map<number, Job>;
  /** Jobs whose result is known but not written yet. */
  readonly unsettled: Set<Job>;
  sending: number;
}

export function noJobs(): Jobs {
  return { byId: new Map(), unsettled: new Set(), sending: 0 };
}

/** Starts to deliver a claimed message. Calls `onFinished` when the result is known, or at once if there is nothing to send. */
export function begin(jobs: Jobs, deps: JobDeps, message: OutboxMessage, onFinished: () => void): void {
  const { outboxId, tries, delivery } = message;
  const known = jobs.byId.get(outboxId);
  const expiresAt = delivery?.expiresAt ?? 0;
  const job = known ?? { outboxId, expiresAt, doneProviders: new Set<string>(), tries, sending: false, retryAt: null };
  job.tries = tries;
  jobs.byId.set(outboxId, job);
  // Claimed again because the lease expired during the send. The result will be settled with the new lease.
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
  // The job may be known here because it was postponed, or sent but not settled before its lease expired. Its done providers
  // stay done.
  jobs.unsettled.delete(job);
  job.sending = true;
  jobs.sending += 1;
  void (deps.deliver ?? deliver)(deps, { outboxId, tries, delivery, doneProviders: job.doneProviders }).then((retryAt) => {
    job.sending = false;
    jobs.sending -= 1;
    finish(retryAt);
  });
}

/** Writes all known results in one operation. Returns the earliest time at which one of them is tried again. */
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
    // Claimed again while its result was being written.
    if (job.sending || jobs.unsettled.has(job)) continue;
    retryAt = Math.min(retryAt, job.retryAt ?? Infinity);
    if (job.retryAt === null || job.doneProviders.size === 0) jobs.byId.delete(job.outboxId);
  }
  return retryAt;
}

/** Forgets postponed messages whose challenge has expired: another process has taken them over. */
export function forgetExpired(jobs: Jobs, now: EpochMs): void {
  for (const job of jobs.byId.values()) {
    if (job.expiresAt <= now && !job.sending && !jobs.unsettled.has(job)) jobs.byId.delete(job.outboxId);
  }
}
