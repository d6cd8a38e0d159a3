import { type EpochMs, type Store, StoreUnavailableError } from "../store.js";
import { createAttempts } from "./attempts.js";
import { createBreaker } from "./breaker.js";
import { clocksAgree, clocksDiffer } from "./clocks.js";
import type { PostgresLocation } from "./connection.js";
import { openDatabase, type Statement } from "./database.js";
import { createKeys } from "./keys.js";
import { migrate } from "./migrate.js";
import { refuseFilling } from "./move-mark.js";
import { createOutbox } from "./outbox.js";
import { endOutstanding } from "./outstanding.js";
import { createRedemption } from "./redeem.js";
import { createRoom } from "./room.js";
import { createSends } from "./sends.js";
import { createSessions } from "./sessions.js";
import { createUsers } from "./users.js";

const sweep: Statement = { name: "sweep", text: "SELECT swept, expired FROM sweep($1, $2)" };
const ping: Statement = {
  name: "ping",
  text: `UPDATE schema_migrations SET applied_at = applied_at WHERE version = 1
    RETURNING (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS clock`,
};

/**
 * The PostgreSQL engine: hand-written statements, prepared once a connection, each operation one transaction at READ COMMITTED and,
 * where racers leave it alone, one round trip. Any number of processes may use one database.
 */
export async function openPostgres(location: PostgresLocation): Promise<Store> {
  await migrate(location);
  const room = createRoom();
  const breaker = createBreaker();
  const db = openDatabase(location, breaker, room.noteFailure);
  // With a connection of its own: operations that keep all others busy are no outage. And with a breaker of its own: that it has its
  // connection does not say that the others can be had.
  const health = openDatabase({ ...location, poolMax: 1 }, createBreaker());
  const close = async () => void (await Promise.all([db.close(), health.close()]));
  await refuseFilling(db).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    ...createSends(db),
    ...createAttempts(db),
    ...createRedemption(db),
    ...createSessions(db),
    ...createUsers(db),
    ...createOutbox(db),
    ...createKeys(db, location),
    async sweep({ now, limit }) {
      const [row] = await db.rows<Awaited<ReturnType<Store["sweep"]>>>(sweep, [now, limit]);
      return row!;
    },
    endOutstanding: (change) => endOutstanding(location, change),
    // Erased rows stay in the server's files until it reuses their room; nothing of that can be hastened from here.
    scrub: async () => true,
    // A standby answers reads alone and refuses this.
    async ping() {
      const askedAt = Date.now();
      const [row] = await health.rows<{ clock: EpochMs }>(ping);
      if (!clocksAgree(row!.clock, { askedAt, answeredAt: Date.now() })) throw new StoreUnavailableError(clocksDiffer);
      if (breaker.isTroubled()) await db.rows(ping);
      if (room.wasMissing()) await room.check(health);
    },
    close,
  };
}
