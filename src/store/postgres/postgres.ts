import type pg from "pg";
import type { EpochMs } from "../../model/time.js";
import { StoreUnavailableError } from "../port/errors.js";
import type { Store } from "../port/store.js";
import { createApps } from "../shared/apps.js";
import { createKeys } from "../shared/keys.js";
import { createProcesses } from "../shared/processes.js";
import { createRoutes } from "../shared/routes.js";
import { createAttempts } from "./attempts.js";
import { createBreaker } from "./breaker.js";
import { createBudgets } from "./budgets.js";
import { createClockGuard } from "./clocks.js";
import { createColdDatabase } from "./cold-database.js";
import { healthOptions, operationOptions } from "./connection.js";
import { openDatabase, type Statement } from "./database.js";
import { createDiskSpace } from "./disk-space.js";
import { createEnding } from "./ending.js";
import { createForwards } from "./forwards.js";
import { createFunctionKeeper } from "./functions/install.js";
import { createKeyUses } from "./key-uses.js";
import type { PostgresLocation } from "./location.js";
import { createMessages } from "./messages.js";
import { migrate } from "./migrate.js";
import { refuseFilling } from "./move-mark.js";
import { createNotMe } from "./not-me.js";
import { createOpener } from "./opener.js";
import { createOutbox } from "./outbox.js";
import { endOutstanding } from "./outstanding.js";
import { createPool } from "./pool.js";
import { createRedemption } from "./redemption/redemption.js";
import { createSends } from "./sends.js";
import { createSessions } from "./sessions.js";
import { createSilenceGuard } from "./silence.js";
import { openStandbys } from "./standbys.js";
import { createSweep } from "./sweep.js";
import { createUsers } from "./users.js";

const readClock: Statement = {
  name: "read_clock",
  text: "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS clock",
};
const readOnly: Statement = {
  name: "read_only",
  text: "SELECT current_setting('transaction_read_only') = 'on' AS read_only",
};

/**
 * The PostgreSQL engine: hand-written statements, prepared once a connection. Each operation is one transaction at READ
 * COMMITTED and normally one round trip. Any number of processes may use one database.
 */
export async function openPostgres(location: PostgresLocation, clock: () => EpochMs = Date.now): Promise<Store> {
  const openedAt = clock();
  await migrate(location, openedAt);
  const keepFunctions = createFunctionKeeper(location, openedAt);
  const diskSpace = createDiskSpace();
  const breaker = createBreaker();
  const opener = createOpener(location, undefined, () => {
    // Operations must go to the server that answers the heartbeats, not to an earlier primary.
    pool.reset();
    healthPool.reset();
  });
  const pool = createPool(() => opener.open(operationOptions));
  const operations = openDatabase({ pool, places: location.poolMax, breaker, noteFailure: diskSpace.noteFailure });
  // Readiness has its own connection, so that operations that use all others do not look like an outage.
  let beatsOn: pg.Client | undefined;
  const healthPool = createPool(async () => {
    beatsOn = await opener.open(healthOptions);
    return beatsOn;
  });
  const health = openDatabase({ pool: healthPool, places: 1, breaker, noteFailure: diskSpace.noteFailure });
  const clocks = createClockGuard(health);
  const silence = createSilenceGuard(() => {
    if (beatsOn !== undefined) opener.distrust(beatsOn);
    pool.reset();
    healthPool.reset();
  });
  const db = silence.guarded(clocks.guarded(operations));
  const standbys = openStandbys(location, db);
  const close = async () => {
    await Promise.all([db.close(), health.close(), standbys.close()]);
    pool.close();
    healthPool.close();
  };
  await refuseFilling(db).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const cold = createColdDatabase(db);
  const keys = { ...createKeys(cold), ...createKeyUses(location) };

  function byRightClock<Given extends unknown[], Result>(operation: (...given: Given) => Promise<Result>) {
    return async (...given: Given): Promise<Result> => {
      await clocks.check(readClock);
      return await operation(...given);
    };
  }

  async function checkSpace(): Promise<void> {
    if (diskSpace.ranOut()) await diskSpace.check(health);
  }

  const sweep = createSweep(db);
  const sessions = createSessions(db);
  const messages = createMessages(db);
  const lagging = { sessions: createSessions(standbys), messages: createMessages(standbys) };
  const forwards = createForwards(db);
  const routes = createRoutes(cold);
  const beat = byRightClock(createProcesses(createColdDatabase(health)).beat);
  return {
    challenges: { ...createSends(db), ...createAttempts(db), ...createEnding(db), ...createRedemption(db, { sessions }) },
    sessions: { ...sessions, list: lagging.sessions.list },
    notMe: createNotMe(db),
    users: createUsers(db),
    outbox: createOutbox(db),
    // By a fast clock the sweep would drop messages that all processes still need.
    messages: {
      ...messages,
      list: (query) => (query.mayLag ? lagging.messages : messages).list(query),
      stats: lagging.messages.stats,
      sweep: byRightClock(messages.sweep),
    },
    forwards: { ...forwards, sweep: byRightClock(forwards.sweep) },
    // By a fast clock messages would be judged before people can enter their codes.
    routes: { ...routes, judge: byRightClock(routes.judge) },
    budgets: createBudgets(db),
    apps: createApps(cold),
    // A fast clock would make new keys sign too late and old ones too long, delete keys that are still needed, and sweep rows that
    // all processes still need. So these operations check the clock first. The sweep runs every second, so a changed clock is
    // normally noticed within a second.
    keys: {
      ...keys,
      add: byRightClock(keys.add),
      // By a fast clock live processes would look lost.
      promote: byRightClock(keys.promote),
      delete: byRightClock(keys.delete),
      async listChecks() {
        const checks = await keys.listChecks();
        // While a move fills the database, all checks may be there already. A process that started then would create no keys.
        await refuseFilling(db);
        return checks;
      },
      countUses: byRightClock(keys.countUses),
      revokeSessions: byRightClock(keys.revokeSessions),
    },
    processes: {
      ...createProcesses(cold),
      async beat(change) {
        const current = await silence.watched(() => beat(change));
        await checkSpace();
        return current;
      },
    },
    upkeep: {
      sweep: byRightClock(async (change) => {
        await keepFunctions(change.now);
        return await sweep(change);
      }),
      endOutstanding: (change) => endOutstanding(location, change),
      // Erased rows stay in the server's files until it reuses their space. Latchkey can't speed that up.
      scrub: async () => true,
      // It only reads. Heartbeats write, and a full disk is known from operations that it failed.
      async ping() {
        await clocks.check(readClock);
        await refuseFilling(health);
        const [state] = await health.rows<{ read_only: boolean }>(readOnly);
        if (state!.read_only) {
          for (const connections of [pool, healthPool]) connections.renew();
          throw new StoreUnavailableError("PostgreSQL: the server is read-only");
        }
        await checkSpace();
      },
    },
    close,
  };
}
