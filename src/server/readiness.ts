import type { Log } from "../lib/log.js";

/** Whether this process can serve, as health reports it. */
export interface Readiness {
  /**
   * Checks now, or joins a running check. Resolves with its end. While the process can't serve, it is also checked without
   * this.
   */
  check(): Promise<void>;
  /** Calls `changed` no more. The checks go on. */
  withdraw(): void;
  stop(): void;
}

const againMs = 250;

/**
 * Calls `changed` with the result of the first check and with every later change, and logs an outage and its end. Call `check`
 * once at the start and after each operation that the database refused, so that an outage is noticed at once. It also checks
 * every `everyMs`.
 */
export function watchReadiness(deps: {
  /** Resolves if this process can serve. */
  readonly check: () => Promise<void>;
  readonly everyMs: number;
  readonly log: Log;
  readonly changed: (ready: boolean) => void;
}): Readiness {
  const { everyMs, log, changed } = deps;
  let ready: boolean | null = null;
  let asking: Promise<void> | null = null;
  let withdrawn = false;
  let stopped = false;
  let again: NodeJS.Timeout | undefined;

  async function check(): Promise<void> {
    if (stopped) return;
    clearTimeout(again);
    asking ??= deps.check().then(
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
      else if (!isFirst) log.info({}, "ready: the process can serve again");
      if (!withdrawn) changed(now);
    }
    if (!ready) again = setTimeout(check, againMs).unref();
  }

  const regularly = setInterval(check, everyMs).unref();
  return {
    check,
    withdraw() {
      withdrawn = true;
    },
    stop() {
      stopped = true;
      clearInterval(regularly);
      clearTimeout(again);
    },
  };
}
