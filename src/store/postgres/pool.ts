import type pg from "pg";

/** Open connections between one use and the next. It does not limit how many there are. */
export interface Pool {
  /** The connection that was used last of those that are idle, or a new one. Throws what opening one throws. */
  take(): Promise<pg.Client>;
  give(client: pg.Client, state: { readonly usable: boolean }): void;
  /** Ends every connection that is open now, those in use when they are given back; at most once a second. */
  renew(): void;
  /** Ends all connections; those in use when they are given back. */
  close(): void;
}

/** A connection goes where its name led when it was opened, so none may last for long. */
const lifetimeMs = 5 * 60_000;
/** Lifetimes differ by a fifth, so that connections opened together are not renewed together. */
const jitter = 0.2;
const idleMs = 60_000;
/** While the only server is read-only, each write asks for a renewal. */
const renewalMs = 1_000;

/** @param open Opens a connection, and has an error listener on it. */
export function createPool(open: () => Promise<pg.Client>): Pool {
  const idle: pg.Client[] = [];
  /** Of connections that may be used again. */
  const expiresAt = new Map<pg.Client, number>();
  const timers = new WeakMap<pg.Client, NodeJS.Timeout>();
  let renewedAt = Number.NEGATIVE_INFINITY;
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
      const client = await open();
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
    close() {
      closed = true;
      for (const client of [...idle]) drop(client);
    },
  };
}
