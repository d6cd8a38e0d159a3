import type { Log } from "./auth/deps.js";

/** Whether the database can be used, as health tells it. */
export interface Readiness {
  /** Has the database asked now; while it can't be used it is asked by itself. Costs nothing while an answer is awaited. */
  check(): void;
  stop(): void;
}

const againMs = 250;
const regularlyMs = 10_000;

/**
 * Begins as ready, tells when that changes, and logs it. It is to be checked whenever the database refused something: so an outage
 * is known as soon as it is met; every 10 s it looks by itself.
 */
export function watchReadiness(deps: {
  readonly ping: () => Promise<void>;
  readonly log: Log;
  readonly changed: (ready: boolean) => void;
}): Readiness {
  const { ping, log, changed } = deps;
  let ready = true;
  let asking = false;
  let stopped = false;
  let again: NodeJS.Timeout | undefined;

  function check(): void {
    if (asking || stopped) return;
    asking = true;
    clearTimeout(again);
    ping().then(
      () => settle(true),
      (error: unknown) => settle(false, error),
    );
  }

  function settle(now: boolean, error?: unknown): void {
    asking = false;
    if (stopped) return;
    if (now !== ready) {
      ready = now;
      if (now) log.info({}, "the database can be used again");
      else log.error({ error }, "the database can't be used: calls are refused until it can");
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
