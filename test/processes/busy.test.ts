import type pg from "pg";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openStore } from "../../src/store/open.js";
import { StoreBusyError, StoreUnavailableError } from "../../src/store/port/errors.js";
import type { Store } from "../../src/store/port/store.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { appId, signIn, t0, times } from "../store/contract/fixtures.js";
import { eventually } from "../support/app.js";
import { clientOf, query, testDatabases } from "../support/postgres.js";

const databases = testDatabases();
let location: PostgresLocation;
let store: Store;
let other: pg.Client;

beforeEach(async () => {
  location = await databases.create();
  store = await openStore(location, { inFlight: () => 0 });
  other = await clientOf(location);
  await other.query("BEGIN");
});
afterEach(async () => {
  await other.end();
  await store.close();
});

async function waiting(count: number): Promise<void> {
  const waiters = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  await eventually(`${count} operations that wait for a lock`, async () =>
    (await query(location, waiters)).length >= count ? true : undefined,
  );
}

const outcomeOf = (operation: Promise<unknown>): Promise<unknown> => operation.catch((error: unknown) => error);

it("40 callers who change one locked user keep nobody else from the database, which stays ready", async () => {
  const { user } = await signIn(store);
  const { session } = await signIn(store);
  const read = () => store.sessions.findLive({ sessionId: session.sessionId, now: t0 });
  await other.query("SELECT 1 FROM users WHERE user_id = $1 FOR UPDATE", [user.userId]);
  const crowd = times(40, () => outcomeOf(store.users.update({ appId, userId: user.userId, displayName: "Ada" })));
  let left = crowd.length;
  for (const one of crowd) void one.then(() => (left -= 1));
  await waiting(1);
  // As long as any of the crowd is there, others are served: never refused, whatever becomes of the crowd.
  while (left > 0) {
    expect(await Promise.all(times(20, read))).toEqual(times(20, () => expect.objectContaining({ session })));
    await store.upkeep.ping();
  }
  const outcomes = await Promise.all(crowd);
  expect(outcomes.every((outcome) => outcome instanceof StoreUnavailableError)).toBe(true);
  expect(outcomes.map(String).filter((outcome) => outcome.includes("could not be reached"))).toEqual([]);
  await other.query("ROLLBACK");
  expect(await store.users.update({ appId, userId: user.userId, displayName: "Ada" })).toMatchObject({ displayName: "Ada" });
});

it("when all connections are busy others are told so, and how to have more; the database stays ready and no outage is seen", async () => {
  const { session } = await signIn(store);
  await store.close();
  store = await openStore({ ...location, poolMax: 2 }, { inFlight: () => 0 });
  const read = () => store.sessions.findLive({ sessionId: session.sessionId, now: t0 });
  await other.query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
  const holding = times(2, () => outcomeOf(read()));
  await waiting(2);
  const [first, ...others] = times(51, () => outcomeOf(read()));
  // There is room for 50 to wait; who finds none is told at once, and so before any of them.
  expect(await Promise.race([others.at(-1), first])).toBeInstanceOf(StoreBusyError);
  await store.upkeep.ping();
  for (const outcome of await Promise.all([first, ...others])) {
    expect(outcome).toEqual(new StoreBusyError("PostgreSQL: all 2 connections are busy: see LATCHKEY_DATABASE_POOL"));
  }
  await store.upkeep.ping();
  await other.query("ROLLBACK");
  await Promise.all(holding);
  expect(await read()).toMatchObject({ session });
});
