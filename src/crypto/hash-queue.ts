/** Thrown when too many callers wait for a hash. Nothing was done for this one. */
export class HashQueueFullError extends Error {
  override readonly name = "HashQueueFullError";
  constructor(readonly retryAfterMs: number) {
    super("the hash queue is full");
  }
}

/** A caller that may leave while it waits. `signal` is read only if there is a wait, because creating one takes time. */
export interface MayLeave {
  readonly signal: AbortSignal;
}

/** How many callers have a place besides those that hash, sends and verifies together. */
const queueMax = 64;
/** How many of these may be sends, so that sends never crowd out verifies. */
const queuedSendsMax = 32;

/**
 * Limits how many hashes run at once. Verifies go before sends. A rejected send has cost nothing, while a rejected verify has
 * already cost the hash of its send. So under overload this order completes the most sign-ins.
 */
export interface HashQueue {
  /** Runs the hash of a send in a slot. Throws HashQueueFullError at once if there is no place to wait. */
  send<T>(caller: MayLeave, hash: () => Promise<T>): Promise<T>;
  /**
   * Keeps a place for a verify while `work` runs. Throws HashQueueFullError at once, without running `work`, if none is left.
   * With a place, `work` may spend an attempt, because its hash is never refused. It holds a slot only in `place.run`.
   */
  verify<T>(caller: MayLeave, work: (place: HashPlace) => Promise<T>): Promise<T>;
  /** Returns how many callers wait for a slot. */
  waiting(): number;
}

export interface HashPlace {
  /** Waits for a slot and runs `hash` in it. If the caller leaves first, rejects with its abort reason and never runs `hash`. */
  run<T>(hash: () => Promise<T>): Promise<T>;
}

/** Each waits for a slot and is called with it. */
type Waiters = Set<() => void>;

/** @param waited Called with how long each caller waited for its slot. */
export function createHashQueue(concurrency: number, waited: (ms: number) => void = () => {}): HashQueue {
  const verifies: Waiters = new Set();
  const sends: Waiters = new Set();
  /** Callers with a place: those that hash, those that wait, and verifies before and after their hash. */
  let places = 0;
  let running = 0;
  let averageMs = 25;

  async function withPlace<T>(isRefused: boolean, work: () => Promise<T>): Promise<T> {
    if (isRefused || places >= concurrency + queueMax) {
      throw new HashQueueFullError(Math.max(Math.ceil(((places - running) * averageMs) / concurrency), 100));
    }
    places += 1;
    try {
      return await work();
    } finally {
      places -= 1;
    }
  }

  function slot(waiters: Waiters, caller: MayLeave): Promise<void> | undefined {
    if (running < concurrency) {
      running += 1;
      return undefined;
    }
    const { signal } = caller;
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const abort = (): void => {
        waiters.delete(start);
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      waiters.add(start);
    });
  }

  /** Passes the slot on instead of freeing it, so that a later caller can't take it first. */
  function release(): void {
    for (const waiters of [verifies, sends]) {
      const next = waiters.values().next().value;
      if (next === undefined) continue;
      waiters.delete(next);
      next();
      return;
    }
    running -= 1;
  }

  async function inSlot<T>(waiters: Waiters, caller: MayLeave, hash: () => Promise<T>): Promise<T> {
    const askedAt = performance.now();
    await slot(waiters, caller);
    const startedAt = performance.now();
    waited(startedAt - askedAt);
    try {
      return await hash();
    } finally {
      averageMs += (performance.now() - startedAt - averageMs) / 16;
      release();
    }
  }

  return {
    send: (caller, hash) =>
      withPlace(running >= concurrency && sends.size >= queuedSendsMax, () => inSlot(sends, caller, hash)),
    verify: (caller, work) => withPlace(false, () => work({ run: (hash) => inSlot(verifies, caller, hash) })),
    waiting: () => verifies.size + sends.size,
  };
}
