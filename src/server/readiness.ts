import type { Log } from "../lib/log.js";

/** Whether the database can be used, as health reports it. */
export interface Readiness {
  /**
   * Checks the database now, or joins a running check. Resolves with its end. While the database can't be used it is also
   * checked without this.
   */
  check(): Promise<void>;
  stop(): void;
}

const againMs = 250;
const regularlyMs = 10_000;

/**
 * Calls `changed` with the result of the first check and with every later change, and logs an outage and its end. Call `check`
 * once at the start and after each operation that the database refused, so that an outage is noticed at once. It also checks
 * every 10 s.
 */
export function watchReadiness(deps: {
  readonly ping: () => Promise<void>;
  readonly log: Log;
  readonly changed: (ready: boolean) => void;
}): Readiness {
  const { ping, log, changed } = deps;
  let ready: boolean | null = null;
  let asking: Promise<void> | null = null;
  let stopped = false;
  let again: NodeJS.Timeout | undefined;

  async function check(): Promise<void> {
    if (stopped) return;
    clearTimeout(again);
    asking ??= ping().then(
      () => settle(true),
      (error: unknown) => settle(false, error),
    );
    await asking;
  }

  function settle(now: boolean, error?: unknown): void {
    asking = null;
    if (stopped) return;
    if (now !== ready) {
      const isFirst = ready === null;
      ready = now;
      if (!now) log.error({ error }, `not ready: ${error instanceof Error ? error.message : String(error)}`);
      else if (!isFirst) log.info({}, "ready: the database can be used again");
      changed(now);
    }
    if (!ready) again = setTimeout(check, againMs).unref();
  }

  const regularly = setInterval(check, regularlyMs).unref();
  return {
    check,
    stop() {
      stopped = true;
      clearInterval(regularly);
      clearTimeout(again);
    },
  };
}
