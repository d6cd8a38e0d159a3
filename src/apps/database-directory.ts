import type { Log } from "../lib/log.js";
import type { App } from "../model/app.js";
import type { EpochMs } from "../model/time.js";
import type { Apps } from "../store/port/apps.js";
import { StoreMovedError } from "../store/port/errors.js";
import type { Directory } from "./directory.js";
import { type DeploymentValues, emptySnapshot, nextSnapshot, type Snapshot } from "./snapshot.js";

/** How often the directory asks for changes, and how often at most it also asks because of unknown ids. */
const everyMs = 250;
/** Marks of deleted rows are kept for a day. A snapshot that is older than half of that is read as a whole again. */
const oldMs = 12 * 60 * 60_000;

/** A directory that follows the database until it is stopped. */
export interface DatabaseDirectory extends Directory {
  /** Returns whether there is no client at all. */
  isEmpty(): boolean;
  /** Returns all apps, archived ones included. */
  apps(): readonly App[];
  /** Returns whether a client has this id, also if it is disabled. */
  has(clientId: string): boolean;
  /** Stops asking for changes and waits for a question that is running. */
  stop(): Promise<void>;
}

/**
 * Reads all apps and clients, and from then on what has changed: every 250 ms, after `refresh`, and when an unknown id is
 * looked up. While the database can't be read, the last snapshot stays in use and one line is logged. Throws if the first read
 * fails.
 */
export async function openDirectory(deps: {
  readonly apps: Pick<Apps, "changesSince">;
  readonly deployment: DeploymentValues;
  readonly clock: () => EpochMs;
  readonly log: Log;
}): Promise<DatabaseDirectory> {
  const { apps, deployment, clock, log } = deps;
  let snapshot: Snapshot = emptySnapshot;
  let readAt = clock();
  let failing = false;
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  let look: Promise<void> = Promise.resolve();
  let lookedAt = Number.NEGATIVE_INFINITY;

  async function read(): Promise<void> {
    const now = clock();
    const isOld = now - readAt > oldMs;
    const changes = await apps.changesSince(isOld ? 0 : snapshot.revision);
    if (isOld) snapshot = nextSnapshot(emptySnapshot, changes, deployment);
    // A backup was restored: its revisions say nothing about this snapshot.
    else if (changes.revision < snapshot.revision) {
      snapshot = nextSnapshot(emptySnapshot, await apps.changesSince(0), deployment);
    } else if (changes.revision > snapshot.revision) snapshot = nextSnapshot(snapshot, changes, deployment);
    readAt = now;
  }

  async function readOrKeep(): Promise<void> {
    try {
      await read();
      if (failing) log.info({}, "apps and clients can be read again");
      failing = false;
    } catch (error) {
      // Readiness logs a move.
      if (!failing && !(error instanceof StoreMovedError)) {
        log.warn({ error }, "apps and clients can't be read; those that are known stay in use, and changes wait");
      }
      failing = true;
    }
  }

  /** A read that is running may have begun before the caller's change, so the caller gets one that begins later. */
  function refresh(): Promise<void> {
    if (running !== null) {
      next ??= running.then(() => {
        next = null;
        return refresh();
      });
      return next;
    }
    running = readOrKeep().finally(() => {
      running = null;
    });
    return running;
  }

  await read();
  const timer = setInterval(() => {
    if (running === null) void refresh();
  }, everyMs).unref();

  return {
    find: (clientId) => snapshot.registered.get(clientId) ?? null,
    findApp: (appId) => snapshot.apps.get(appId)?.app ?? null,
    reportedTo: () => snapshot.reportedTo,
    async lookUp(clientId) {
      const known = snapshot.registered.get(clientId);
      if (known !== undefined) return known;
      const now = performance.now();
      if (now - lookedAt >= everyMs) {
        lookedAt = now;
        look = refresh();
      }
      await look;
      return snapshot.registered.get(clientId) ?? null;
    },
    get fallback() {
      return snapshot.fallback;
    },
    speakerOf: (dialect, from) => snapshot.speakerOf(dialect, from),
    appIn: (dialect, app) => snapshot.appIn(dialect, app),
    allowsOrigin: (origin) => snapshot.allowsOrigin(origin),
    apps: () => [...snapshot.apps.values()].map(({ app }) => app),
    isEmpty: () => snapshot.clients.size === 0,
    has: (clientId) => snapshot.clients.has(clientId),
    refresh,
    async stop() {
      clearInterval(timer);
      while (running !== null) await running;
    },
  };
}
