import type { Opened } from "./session.js";

/** Keeps one session with a message center: receipts arrive only while it is bound. */
export interface Link {
  /**
   * Returns the bound session, or opens one. After a failure it repeats that failure until the wait is over, unless `atOnce`.
   * Concurrent callers share one attempt.
   */
  open(atOnce?: boolean): Promise<Opened>;
  /** Unbinds, and opens no session again. */
  close(): Promise<void>;
}

export interface LinkOptions {
  /** Connects and binds. Never throws. */
  readonly connect: () => Promise<Opened>;
  /** The first wait after a failure or a lost session. It doubles up to `waitMaxMs`. */
  readonly waitMs: number;
  readonly waitMaxMs: number;
}

/** A session that lived as long is no sign of trouble when it ends. */
const soundMs = 30_000;

const closedLink: Opened = { kind: "unreachable", code: "ECANCELED" };

/** From the first use on, it reconnects by itself, with growing waits. */
export function createLink({ connect, waitMs, waitMaxMs }: LinkOptions): Link {
  let current: Promise<Opened> | null = null;
  let failure: { readonly opened: Opened; readonly until: number } | null = null;
  let troubles = 0;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function open(atOnce = false): Promise<Opened> {
    if (isClosed) return Promise.resolve(closedLink);
    if (current !== null) return current;
    if (!atOnce && failure !== null && performance.now() < failure.until) return Promise.resolve(failure.opened);
    clearTimeout(timer);
    current = attempt();
    return current;
  }

  async function attempt(): Promise<Opened> {
    const opened = await connect();
    if (opened.kind === "bound") {
      failure = null;
      const since = performance.now();
      void opened.session.closed.then(() => {
        if (performance.now() - since > soundMs) troubles = 0;
        current = null;
        later();
      });
      return opened;
    }
    current = null;
    failure = { opened, until: performance.now() + later() };
    return opened;
  }

  /** Schedules the next attempt and returns the wait before it. */
  function later(): number {
    const wait = Math.min(waitMaxMs, waitMs * 2 ** Math.min(troubles, 20));
    troubles += 1;
    if (!isClosed) {
      timer = setTimeout(() => void open(true), wait);
      timer.unref();
    }
    return wait;
  }

  return {
    open,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      const opened = await current;
      if (opened?.kind === "bound") await opened.session.unbind();
    },
  };
}
