import type { Log } from "../lib/log.js";

/** Whether the database can be used, as health tells it. */
export interface Readiness {
  /**
   * Has the database asked now; while it can't be used it is asked by itself. Costs nothing while an answer is awaited. Resolves when
   * there is one.
   */
  check(): Promise<void>;
  stop(): void;
}

const againMs = 250;
const regularlyMs = 10_000;

/**
 * Tells what the first check finds, and every change after that; logs what is wrong, and its end. It is to be checked at once and
 * whenever the database refused something: so an outage is known as soon as it is met; every 10 s it looks by itself.
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
