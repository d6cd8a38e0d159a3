/** Timers, injected so that tests need not wait. */
export interface Timers {
  /**
   * Runs `task` once after `delayMs`; 0 means right after the present turn of the event loop. Returns a function that cancels
   * it.
   */
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
