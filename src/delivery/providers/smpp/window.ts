/** Lets at most `size` users in at once, first come, first served. */
export interface Window {
  /** Returns whether a place is held. False: none was free in time, or the window is closed. */
  enter(waitMs: number): Promise<boolean>;
  leave(): void;
  /** Refuses all that wait and all that come. */
  close(): void;
}

export function createWindow(size: number): Window {
  let free = size;
  let isClosed = false;
  const waiting = new Set<(entered: boolean) => void>();
  return {
    enter(waitMs) {
      if (isClosed) return Promise.resolve(false);
      if (free > 0) {
        free -= 1;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => settle(false), waitMs);
        const settle = (entered: boolean): void => {
          clearTimeout(timer);
          waiting.delete(settle);
          resolve(entered);
        };
        waiting.add(settle);
      });
    },
    leave() {
      const [next] = waiting;
      if (next === undefined) free += 1;
      else next(true);
    },
    close() {
      isClosed = true;
      for (const settle of waiting) settle(false);
    },
  };
}
