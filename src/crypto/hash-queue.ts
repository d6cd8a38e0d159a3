/** Thrown when too many callers wait for a hash. Nothing was done for this one. */
export class HashQueueFullError extends Error {
  override readonly name = "HashQueueFullError";
  constructor(readonly retryAfterMs: number) {
    super("the hash queue is full");
  }
}

/**
 * Verifies go before sends. A rejected send has cost nothing. A rejected verify has already cost the hash of its send. So under
 * overload this order completes the most sign-ins.
 */
export type HashPriority = "verify" | "send";

/** A caller that may leave while it waits. `signal` is read only if there is a wait, because creating one takes time. */
export interface MayLeave {
  readonly signal: AbortSignal;
}

interface Waiter {
  readonly start: () => void;
}

/** How many callers may wait for a slot, sends and verifies together. */
const queueMax = 64;
/** How many of these may be sends, so that sends never crowd out verifies. */
const queuedSendsMax = 32;

export interface HashQueue {
  run<T>(priority: HashPriority, caller: MayLeave, work: () => Promise<T>): Promise<T>;
  waiting(): number;
}

/** @param waited Called with how long each caller waited for its slot. */
export function createHashQueue(concurrency: number, waited: (ms: number) => void = () => {}): HashQueue {
  const queues: Record<HashPriority, Set<Waiter>> = { verify: new Set(), send: new Set() };
  let running = 0;
  let averageMs = 25;

  const waiting = (): number => queues.verify.size + queues.send.size;

  function refuse(): HashQueueFullError {
    return new HashQueueFullError(Math.max(Math.ceil((waiting() * averageMs) / concurrency), 100));
  }

  function admit(priority: HashPriority, caller: MayLeave): Promise<void> | undefined {
    if (running < concurrency) {
      running += 1;
      return undefined;
    }
    if (waiting() >= queueMax || (priority === "send" && queues.send.size >= queuedSendsMax)) throw refuse();
    const { signal } = caller;
    return new Promise((resolve, reject) => {
      const queue = queues[priority];
      const waiter: Waiter = {
        start() {
          signal.removeEventListener("abort", abort);
          resolve();
        },
      };
      const abort = (): void => {
        queue.delete(waiter);
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      queue.add(waiter);
    });
  }

  /** Passes the slot on instead of freeing it, so that a later caller can't take it first. */
  function release(): void {
    for (const queue of [queues.verify, queues.send]) {
      const next = queue.values().next().value;
      if (next === undefined) continue;
      queue.delete(next);
      next.start();
      return;
    }
    running -= 1;
  }

  return {
    async run(priority, caller, work) {
      const askedAt = performance.now();
      await admit(priority, caller);
      const startedAt = performance.now();
      waited(startedAt - askedAt);
      try {
        return await work();
      } finally {
        averageMs += (performance.now() - startedAt - averageMs) / 16;
        release();
      }
    },
    waiting,
  };
}
