/** Lets a few work at once and others wait for a place, in the order in which they came. */
export interface Line {
  /** Begins in the same moment when there is a place. Throws what `busy` gives when too many wait already, or after too long a wait. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Nobody works and nobody waits. */
  isEmpty(): boolean;
}

export interface LineRules {
  readonly places: number;
  readonly waitingMax: number;
  readonly waitMs: number;
  readonly busy: () => Error;
}

export function createLine({ places, waitingMax, waitMs, busy }: LineRules): Line {
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

  /** Hands the place on instead of freeing it, so that nobody who comes later can take it first. */
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

/** A line a key. */
export interface Lines {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function createLines(rules: LineRules): Lines {
  const lines = new Map<string, Line>();
  return {
    async run(key, work) {
      const line = lines.get(key) ?? createLine(rules);
      lines.set(key, line);
      try {
        return await line.run(work);
      } finally {
        if (line.isEmpty() && lines.get(key) === line) lines.delete(key);
      }
    },
  };
}
