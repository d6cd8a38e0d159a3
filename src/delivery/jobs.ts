import type { MessageTry } from "../model/message.js";
import type { EpochMs } from "../model/time.js";
import type { OutboxMessage } from "../store/port/outbox.js";
import type { Store } from "../store/port/store.js";
import { type DeliverDeps, deliver, type Outcome } from "./deliver.js";
import { isEmpty, type Memory, noMemory } from "./rounds.js";
import { causeOf } from "./verdict.js";

/** A message that this process has claimed and not finished, or remembers while it is put off. */
interface Job {
  readonly outboxId: number;
  readonly expiresAt: EpochMs;
  readonly memory: Memory;
  /** The latest lease. Only with this one can the message be settled. */
  tries: number;
  sending: boolean;
  /** What the store does not know yet. While there is such an outcome, the message is not tried again. */
  outcome: Outcome | null;
}

export interface JobDeps extends DeliverDeps {
  /** Returns the apps that are to hear of their messages. */
  readonly forwardTo: () => ReadonlySet<string>;
  /** Replaces `deliver` in tests. */
  readonly deliver?: typeof deliver;
}

export interface Jobs {
  readonly byId: Map<number, Job>;
  /** Jobs whose outcome is to be written. */
  readonly unsettled: Set<Job>;
  sending: number;
}

export function noJobs(): Jobs {
  return { byId: new Map(), unsettled: new Set(), sending: 0 };
}

export interface Claimed {
  readonly message: OutboxMessage;
  readonly leasedUntil: EpochMs;
}

/** Starts to deliver a claimed message. Calls `onFinished` when the result is known, or at once if there is nothing to send. */
export function begin(jobs: Jobs, deps: JobDeps, { message, leasedUntil }: Claimed, onFinished: () => void): void {
  const { delivery, ...claimed } = message;
  const { outboxId, tries, carrier, unknowns } = claimed;
  const job = jobs.byId.get(outboxId) ?? newJob(message);
  job.tries = tries;
  jobs.byId.set(outboxId, job);
  // Claimed again because the lease expired during the send. The result will be settled with the new lease.
  if (job.sending) return;
  const finish = (outcome: Outcome) => {
    job.outcome = outcome;
    jobs.unsettled.add(job);
    onFinished();
  };
  // Claimed again because its lease expired before its outcome was written.
  if (job.outcome !== null) finish(job.outcome);
  else if (delivery === null) {
    // A message that is claimed for the first time, such as that of a decoy, was never tried.
    const lapse = tries > 1 ? { lapsed: lapsed(deps, unknowns) } : {};
    finish({ retryAt: null, carrier, unknowns, ended: null, ...lapse });
  } else {
    job.sending = true;
    jobs.sending += 1;
    void (deps.deliver ?? deliver)(deps, { ...claimed, delivery, leasedUntil, memory: job.memory }).then((outcome) => {
      job.sending = false;
      jobs.sending -= 1;
      finish(outcome);
    });
  }
}

/** How a message ends whose challenge was redeemed, replaced, cancelled or erased between two tries. */
function lapsed({ clock }: Pick<JobDeps, "clock">, unknowns: number): MessageTry {
  const detail = causeOf(unknowns, "its challenge ended before the next try");
  return { provider: "", result: "temporary", endedAt: clock(), detail };
}

function newJob({ outboxId, tries, delivery }: OutboxMessage): Job {
  return { outboxId, expiresAt: delivery?.expiresAt ?? 0, memory: noMemory(), tries, sending: false, outcome: null };
}

type SettleDeps = Pick<JobDeps, "forwardTo"> & { readonly store: Pick<Store, "outbox"> };

/** Writes all known outcomes in one operation. Returns the earliest time at which one of the messages is tried again. */
export async function settle(jobs: Jobs, { store, forwardTo }: SettleDeps): Promise<EpochMs> {
  if (jobs.unsettled.size === 0) return Infinity;
  const batch = [...jobs.unsettled].map((job) => ({ job, outcome: job.outcome! }));
  jobs.unsettled.clear();
  try {
    const settlements = batch.map(({ job: { outboxId, tries }, outcome }) => ({ outboxId, tries, ...outcome }));
    await store.outbox.settle(settlements, forwardTo());
  } catch (error) {
    for (const { job } of batch) jobs.unsettled.add(job);
    throw error;
  }
  let retryAt = Infinity;
  for (const { job, outcome } of batch) {
    // Claimed again while its outcome was being written. Its try is recorded; the rest is settled with the new lease.
    if (jobs.unsettled.has(job)) {
      job.outcome = { ...outcome, ended: null };
      continue;
    }
    job.outcome = null;
    retryAt = Math.min(retryAt, outcome.retryAt ?? Infinity);
    if (outcome.retryAt === null || isEmpty(job.memory)) jobs.byId.delete(job.outboxId);
  }
  return retryAt;
}

/** Forgets postponed messages whose challenge has expired: another process has taken them over. */
export function forgetExpired(jobs: Jobs, now: EpochMs): void {
  for (const job of jobs.byId.values()) {
    if (job.expiresAt <= now && !job.sending && job.outcome === null) jobs.byId.delete(job.outboxId);
  }
}
