import type pg from "pg";

/** Keeps connections open between uses. It does not limit how many there are. */
export interface Pool {
  /** Returns the idle connection that was used last, or opens one. Throws if opening fails. */
  take(): Promise<pg.Client>;
  give(client: pg.Client, state: { readonly usable: boolean }): void;
  /** Ends every connection that is open now; those in use end when they are given back. Runs at most once a second. */
  renew(): void;
  /** Ends every connection at once. Operations that use one fail, and their outcome is unknown. */
  reset(): void;
  /** Ends all connections; those in use end when they are given back. */
  close(): void;
}

/**
 * Maximum age of a connection. It stays with the server that the host name meant when it was opened, and the name may change.
 */
const lifetimeMs = 5 * 60_000;
/** Ages vary by a fifth, so that connections opened together are not renewed together. */
const jitter = 0.2;
const idleMs = 60_000;
/** While the only server is read-only, every write requests a renewal. */
const renewalMs = 1_000;

/** @param open Opens a connection that has an error listener. */
export function createPool(open: () => Promise<pg.Client>): Pool {
  const idle: pg.Client[] = [];
  /** When each reusable connection reaches its age. */
  const expiresAt = new Map<pg.Client, number>();
  const timers = new WeakMap<pg.Client, NodeJS.Timeout>();
  let renewedAt = Number.NEGATIVE_INFINITY;
  let resets = 0;
  let closed = false;

  function drop(client: pg.Client): void {
    expiresAt.delete(client);
    const at = idle.indexOf(client);
    if (at >= 0) idle.splice(at, 1);
    clearTimeout(timers.get(client));
    void client.end().catch(() => {});
  }

  const leftMs = (client: pg.Client): number => (expiresAt.get(client) ?? 0) - performance.now();

  return {
    async take() {
      for (let client = idle.pop(); client !== undefined; client = idle.pop()) {
        clearTimeout(timers.get(client));
        if (leftMs(client) > 0) return client;
        drop(client);
      }
      let client: pg.Client;
      let resetsBefore: number;
      do {
        resetsBefore = resets;
        client = await open();
        // It may lead to the server whose connections were ended meanwhile.
        if (resets !== resetsBefore) void client.end().catch(() => {});
      } while (resets !== resetsBefore);
      expiresAt.set(client, performance.now() + lifetimeMs * (1 - jitter * Math.random()));
      client.on("error", () => drop(client)).on("end", () => drop(client));
      return client;
    },
    give(client, { usable }) {
      if (!usable || closed || leftMs(client) <= 0) {
        drop(client);
        return;
      }
      idle.push(client);
      timers.set(
        client,
        setTimeout(() => drop(client), Math.min(idleMs, leftMs(client))),
      );
    },
    renew() {
      if (performance.now() - renewedAt < renewalMs) return;
      renewedAt = performance.now();
      expiresAt.clear();
      for (const client of [...idle]) drop(client);
    },
    reset() {
      resets += 1;
      for (const client of [...expiresAt.keys()]) drop(client);
    },
    close() {
      closed = true;
      for (const client of [...idle]) drop(client);
    },
  };
}
