import { vi } from "vitest";
import type { StoredSession, TokenStore } from "../../../src/client/token-store.js";

/** Storage of an origin that several pages open, each by a store of its own. Every operation takes a turn of the event loop. */
export function createSharedStorage(withLocks: boolean) {
  let stored: StoredSession | null = null;
  const waiting: { readonly page: Page; readonly start: () => void }[] = [];
  let holder: Page | null = null;

  function next(): void {
    if (holder !== null) return;
    const first = waiting.shift();
    if (first === undefined) return;
    holder = first.page;
    first.start();
  }

  function locksOf(page: Page): Pick<LockManager, "request"> {
    const request = (_name: string, task: () => Promise<unknown>) =>
      new Promise((resolve, reject) => {
        const start = () =>
          task()
            .then(resolve, reject)
            .finally(() => release(page));
        if (!page.isGone) waiting.push({ page, start });
        next();
      });
    return { request } as unknown as LockManager;
  }

  function release(page: Page): void {
    if (holder === page) holder = null;
    next();
  }

  return {
    /** What a client made now, in a page of this origin, finds. `crash` frees the page's locks, as a browser does, and stops it. */
    open(): { store: TokenStore; crash: () => void } {
      const page = { isGone: false };
      vi.stubGlobal("navigator", withLocks ? { locks: locksOf(page) } : {});
      const store: TokenStore = {
        shared: true,
        async read() {
          await turn(page);
          return structuredClone(stored);
        },
        async update(change) {
          await turn(page);
          stored = structuredClone(change(structuredClone(stored)));
          return structuredClone(stored);
        },
      };
      const crash = () => {
        page.isGone = true;
        for (const entry of waiting.filter((one) => one.page === page)) waiting.splice(waiting.indexOf(entry), 1);
        release(page);
      };
      return { store, crash };
    },
    stored: () => stored,
  };
}

interface Page {
  isGone: boolean;
}

function turn(page: Page): Promise<void> {
  return new Promise((resolve) =>
    setImmediate(() => {
      if (!page.isGone) resolve();
    }),
  );
}
