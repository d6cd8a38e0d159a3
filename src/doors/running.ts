/** Counts what is running, so that a door can wait until all of it has ended. */
export interface Running {
  /** Counts one more, until the returned function is called, which must be once. */
  begin(): () => void;
  /** Resolves as soon as nothing runs. */
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
