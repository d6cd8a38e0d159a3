import { closeSync, openSync } from "node:fs";
import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import type { Store } from "../port/store.js";
import { createApps } from "../shared/apps.js";
import { createKeys } from "../shared/keys.js";
import { createProcesses } from "../shared/processes.js";
import { createRoutes } from "../shared/routes.js";
import { createAttempts } from "./attempts.js";
import { createBudgetOperations, createBudgets } from "./budgets.js";
import { createClockMark } from "./clock-mark.js";
import { createColdDatabase } from "./cold-database.js";
import { connect } from "./connect.js";
import { createDiskSpace } from "./disk-space.js";
import { createEnding } from "./ending.js";
import { createIdempotency } from "./idempotency.js";
import { createKeyUses } from "./key-uses.js";
import { createLockouts } from "./lockouts.js";
import { createForwards } from "./messages/forwards.js";
import { createMessages } from "./messages/messages.js";
import { migrate } from "./migrate.js";
import { createMoveGuard } from "./move-mark.js";
import { createNotMe } from "./not-me.js";
import { createOutbox } from "./outbox.js";
import { createEndOutstanding } from "./outstanding.js";
import { createUserOperations } from "./people/operations.js";
import { createPeople } from "./people/people.js";
import { createRedemption } from "./redemption/redemption.js";
import { createScrub } from "./scrub.js";
import { createSends } from "./sends.js";
import { createSessions } from "./sessions.js";
import { createSweep } from "./sweep.js";
import { createWriter, isBusy, translated } from "./writer.js";

/** How long opening waits for other processes, which may be migrating or changing to WAL mode. */
const openTimeoutMs = 10_000;

/**
 * Pages in the log at which a commit checkpoints it: 2 MB. The checkpoint is part of the commit, so this number bounds how long
 * it blocks the event loop: 10 to 20 ms, and 70 to 100 ms at 8,000 pages. With fewer pages, the two flushes of a checkpoint
 * dominate. `npm run bench checkpoints` measures it.
 */
const checkpointPages = 500;

/**
 * Opens a database file. Creates it with owner-only permissions if it is missing. With WAL and `synchronous=FULL` a commit is
 * on the disk when it returns, unless the writer says otherwise. `secure_delete` overwrites erased data, which otherwise stays
 * in free pages.
 */
export function openDatabase(path: string): Database {
  if (path !== ":memory:") closeSync(openSync(path, "a", 0o600));
  const db = connect(path, { timeout: openTimeoutMs });
  whileLocked(() => db.pragma("journal_mode = WAL"));
  db.pragma("synchronous = FULL");
  db.pragma(`wal_autocheckpoint = ${checkpointPages}`);
  db.pragma("secure_delete = ON");
  db.pragma("trusted_schema = OFF");
  return db;
}

/**
 * SQLite does not wait for other processes' locks while it changes the journal mode, so this function waits. Only used at
 * start.
 */
function whileLocked(step: () => void): void {
  const until = performance.now() + openTimeoutMs;
  for (;;) {
    try {
      step();
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

export interface SqliteOptions {
  readonly path: string;
  readonly inFlight: () => number;
  readonly clock?: () => EpochMs;
  readonly clockSetBack?: (backMs: number) => void;
}

/**
 * The SQLite engine: one connection, hand-written statements that are prepared once, and writes grouped into common commits.
 */
export function openSqlite(options: SqliteOptions): Store {
  const { clock = Date.now, clockSetBack = () => {} } = options;
  const db = openDatabase(options.path);
  try {
    migrate(db);
  } catch (error) {
    db.close();
    throw translated(error);
  }
  const diskSpace = createDiskSpace(db);
  const followClock = createClockMark(db, clock);
  const writer = createWriter(db, options.inFlight, {
    guard: createMoveGuard(db),
    begun() {
      const backMs = followClock();
      return backMs > 0 ? () => clockSetBack(backMs) : null;
    },
    noteFailure: diskSpace.noteFailure,
  });
  const cold = createColdDatabase(db, writer);
  const budgets = createBudgets(db);
  const idempotency = createIdempotency(db);
  const lockouts = createLockouts(db);
  const people = createPeople(db);
  const { sessions, operations: sessionOperations } = createSessions(db, writer);
  const processes = createProcesses(cold);

  async function checkSpace(): Promise<void> {
    if (diskSpace.ranOut()) await diskSpace.check(writer);
  }

  return {
    challenges: {
      ...createSends(db, { writer, budgets, idempotency, lookups: people.lookups }),
      ...createAttempts(db, { writer, budgets, lockouts }),
      ...createEnding(db, { writer, budgets }),
      ...createRedemption(db, { writer, budgets, idempotency, lockouts, people, sessions }),
    },
    sessions: sessionOperations,
    notMe: createNotMe(db, { writer, people, sessions }),
    users: createUserOperations(db, { writer, people, sessions }),
    outbox: createOutbox(db, writer),
    messages: createMessages(db, writer),
    forwards: createForwards(db, writer),
    routes: createRoutes(cold),
    budgets: createBudgetOperations(writer, { budgets, lockouts }),
    apps: createApps(cold),
    keys: { ...createKeys(cold), ...createKeyUses(db, writer) },
    processes: {
      ...processes,
      async beat(change) {
        const current = await processes.beat(change);
        await checkSpace();
        return current;
      },
    },
    upkeep: {
      ...createSweep(db, writer),
      ...createEndOutstanding(db, writer),
      ...createScrub(db, writer),
      async ping() {
        await writer.flush();
        await checkSpace();
      },
    },
    async close() {
      await writer.idle();
      db.close();
    },
  };
}
