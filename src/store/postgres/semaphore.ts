/** Runs a limited number of tasks at once. The others wait for a place in the order of their arrival. */
export interface Semaphore {
  /**
   * Starts `work` at once if there is a place. Throws the error of `busy` if too many tasks already wait, or after too long a
   * wait.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Returns true if no task runs and none waits. */
  isEmpty(): boolean;
}

export interface SemaphoreRules {
  readonly places: number;
  readonly waitingMax: number;
  readonly waitMs: number;
  readonly busy: () => Error;
}

export function createSemaphore({ places, waitingMax, waitMs, busy }: SemaphoreRules): Semaphore {
  const waiting = new Set<() => void>();
  let working = 0;

  function enter(): Promise<void> | undefined {
    if (working < places) {
      working += 1;
      return undefined;
    }
    if (waiting.size >= waitingMax) throw busy();
    return new Promise((resolve, reject) => {
      const start = (): void => {
        clearTimeout(timer);
        waiting.delete(start);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.delete(start);
        reject(busy());
      }, waitMs);
      waiting.add(start);
    });
  }

  /** Passes the place on instead of freeing it, so that a later task can't take it first. */
  function leave(): void {
    const [next] = waiting;
    if (next === undefined) working -= 1;
    else next();
  }

  return {
    async run(work) {
      const wait = enter();
      if (wait !== undefined) await wait;
      try {
        return await work();
      } finally {
        leave();
      }
    },
    isEmpty: () => working === 0 && waiting.size === 0,
  };
}

/** One semaphore for each key. */
export interface Semaphores {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function createSemaphores(rules: SemaphoreRules): Semaphores {
  const semaphores = new Map<string, Semaphore>();
  return {
    async run(key, work) {
      const semaphore = semaphores.get(key) ?? createSemaphore(rules);
      semaphores.set(key, semaphore);
      try {
        return await semaphore.run(work);
      } finally {
        if (semaphore.isEmpty() && semaphores.get(key) === semaphore) semaphores.delete(key);
      }
    },
  };
}
