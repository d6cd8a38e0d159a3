/** Waiting, given as a dependency so that tests need not wait. */
export interface Timers {
  /** Runs `task` once after `delayMs`, or as soon as the present turn of the event loop is over for 0. Gives how to prevent it. */
  after(delayMs: number, task: () => void): () => void;
}

export const systemTimers: Timers = {
  after(delayMs, task) {
    if (delayMs <= 0) {
      const immediate = setImmediate(task);
      return () => clearImmediate(immediate);
    }
    const timeout = setTimeout(task, delayMs);
    return () => clearTimeout(timeout);
  },
};
