/** More callers wait for a hash than the queue takes; nothing was done for this one. */
export class HashQueueFullError extends Error {
  override readonly name = "HashQueueFullError";
  constructor(readonly retryAfterMs: number) {
    super("the hash queue is full");
  }
}

/**
 * `verify` goes before `send`: a send that is turned away cost nothing, a verify that is turned away has already cost the hash of
 * its send, so under overload this order finishes the most sign-ins.
 */
export type HashPriority = "verify" | "send";

/** A hash that is done, told for measuring. */
export interface EndedTurn {
  readonly waitedMs: number;
  readonly tookMs: number;
}

/** Runs a hash when it is this caller's turn. Rejects without running it when the caller goes away while it waits, with that reason. */
export type Turn = <T>(hash: () => Promise<T>) => Promise<T>;

/** Who may go away while waiting. Its signal is looked at when there is a wait and not before: it may be made on demand. */
export interface MayLeave {
  readonly signal: AbortSignal;
}

/** How many may have a place beside as many as can hash at once. */
const waitingMax = 64;
/** How many of those may be sends, so that half of the room is left to verifies. */
const sendsWaitingMax = 32;

/**
 * Bounds the hashes that run at once and the callers that wait for one. A place is taken before anything is written, so that a
 * caller who is turned away has spent nothing. With a place a caller may write while others hash: a guess reserves its attempt in a
 * commit that takes longer than a `fast` hash, and turns held meanwhile would stand idle. The price is that a caller who goes away
 * between the two has spent the attempt.
 */
export interface HashQueue {
  /** Runs `work` with a place, or throws HashQueueFullError at once. */
  withPlace<T>(priority: HashPriority, caller: MayLeave, work: (turn: Turn) => Promise<T>): Promise<T>;
  /** How many have a place and no hash running. */
  waiting(): number;
}

export function createHashQueue(concurrency: number, ended: (turn: EndedTurn) => void = () => {}): HashQueue {
  const places: Record<HashPriority, number> = { verify: 0, send: 0 };
  const queues: Record<HashPriority, Set<() => void>> = { verify: new Set(), send: new Set() };
  let running = 0;
  let averageMs = 25;

  const waiting = (): number => places.verify + places.send - running;

  function waitForTurn(priority: HashPriority, { signal }: MayLeave): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const queue = queues[priority];
      const start = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        queue.delete(start);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      queue.add(start);
    });
  }

  /** Hands the turn on instead of freeing it, so that nobody who comes later can take it first. */
  function passOn(): void {
    for (const queue of [queues.verify, queues.send]) {
      const next = queue.values().next().value;
      if (next === undefined) continue;
      queue.delete(next);
      next();
      return;
    }
    running -= 1;
  }

  async function takeTurn<T>(priority: HashPriority, caller: MayLeave, hash: () => Promise<T>): Promise<T> {
    const askedAt = performance.now();
    if (running < concurrency) running += 1;
    else await waitForTurn(priority, caller);
    const startedAt = performance.now();
    try {
      return await hash();
    } finally {
      const tookMs = performance.now() - startedAt;
      averageMs += (tookMs - averageMs) / 16;
      passOn();
      ended({ waitedMs: startedAt - askedAt, tookMs });
    }
  }

  return {
    async withPlace(priority, caller, work) {
      const taken = places.verify + places.send;
      const tooManySends = priority === "send" && places.send >= concurrency + sendsWaitingMax;
      if (tooManySends || taken >= concurrency + waitingMax) {
        throw new HashQueueFullError(Math.max(Math.ceil((waiting() * averageMs) / concurrency), 100));
      }
      places[priority] += 1;
      try {
        return await work((hash) => takeTurn(priority, caller, hash));
      } finally {
        places[priority] -= 1;
      }
    },
    waiting,
  };
}
