/** Counts running work, so that a door can wait until it has ended. */
export interface Running {
  /** Counts one more. Call the returned function exactly once, at the end. */
  begin(): () => void;
  /** Resolves as soon as nothing is running. */
  idle(): Promise<void>;
}

export function createRunning(): Running {
  let count = 0;
  let whenIdle: (() => void) | null = null;
  function end(): void {
    count -= 1;
    if (count === 0) whenIdle?.();
  }
  return {
    begin() {
      count += 1;
      return end;
    },
    idle: () =>
      new Promise((resolve) => {
        if (count === 0) resolve();
        else whenIdle = resolve;
      }),
  };
}
