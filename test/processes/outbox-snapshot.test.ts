import type pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createBreaker } from "../../src/store/postgres/breaker.js";
import { operationOptions } from "../../src/store/postgres/connection.js";
import { type Database, openDatabase, type Statement } from "../../src/store/postgres/database.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { createOpener } from "../../src/store/postgres/opener.js";
import { createOutbox } from "../../src/store/postgres/outbox.js";
import { createPool } from "../../src/store/postgres/pool.js";
import { done, minute, t0 } from "../store/contract/fixtures.js";
import { clientOf, query, testDatabases } from "../support/postgres.js";

const databases = testDatabases();
const messages = 100_000;
const batch = 100;
/** At 1,000 messages a second. */
const batchMs = 100;

interface Query {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

let location: PostgresLocation;
let snapshot: pg.Client;
let client: pg.Client;
let closers: (() => unknown)[] = [];
let outbox: ReturnType<typeof createOutbox>;
let enqueue: () => Promise<unknown>;
let passedMs = 0;
const latest = new Map<string, Query>();

beforeAll(async () => {
  location = await databases.create();
  const pool = createPool(() => createOpener(location).open(operationOptions));
  const db = openDatabase({ pool, places: 2, breaker: createBreaker() });
  const recorded: Database = {
    ...db,
    rows(statement, values = []) {
      latest.set(statement.name, { statement, values });
      return db.rows(statement, values);
    },
  };
  outbox = createOutbox(recorded, () => passedMs);
  enqueue = () =>
    query(
      location,
      "INSERT INTO outbox (challenge_id, due_at, queued_at) SELECT 'challenge-' || i, $1, $1 FROM generate_series(1, $2::integer) AS i",
      [t0 + passedMs, batch],
    );
  client = await clientOf(location);
  for (const setting of ["enable_seqscan = off", "plan_cache_mode = force_generic_plan"]) await client.query(`SET ${setting}`);
  snapshot = await clientOf(location);
  await snapshot.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await snapshot.query("SELECT count(*) FROM outbox");
  closers = [() => snapshot.end(), () => client.end(), () => db.close(), () => pool.close()];
});
afterAll(close);

async function close(): Promise<void> {
  for (const one of closers.splice(0)) await one();
}

/** Returns how many buffers the latest such statement reads if it is run again now, and undoes it. */
async function buffersOf(name: string, change: (values: readonly unknown[]) => readonly unknown[] = (values) => values) {
  const { statement, values } = latest.get(name)!;
  await client.query("BEGIN");
  const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: Record<string, number> }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${statement.text}`,
    [...change(values)],
  );
  await client.query("ROLLBACK");
  const { Plan } = rows[0]!["QUERY PLAN"][0];
  return Plan["Shared Hit Blocks"]! + Plan["Shared Read Blocks"]!;
}

async function pass(): Promise<void> {
  passedMs += batchMs;
  const claimed = await outbox.claim({ now: t0 + passedMs, leaseMs: minute, limit: batch });
  expect(claimed).toHaveLength(batch);
  await outbox.settle(claimed.map(done));
}

it("100,000 messages pass under one open snapshot, and claims read as much at the end as at the beginning", async () => {
  const read: Record<string, Record<string, number>> = {};
  for (let passed = 0; passed < messages; passed += batch) {
    await enqueue();
    if (passed === batch || passed === messages / 5 || passed === messages - batch) {
      const now = (values: readonly unknown[]) => [t0 + passedMs, ...values.slice(1)];
      const fromBottom = (values: readonly unknown[]) => [...now(values).slice(0, 3), 0, 0];
      read[`after ${passed}`] = {
        claim: await buffersOf("claim_messages", now),
        look: await buffersOf("look_at_outbox"),
        "claim from the bottom": await buffersOf("claim_messages", fromBottom),
      };
    }
    await pass();
  }
  console.table(read);
  expect(await outbox.nextDueAt()).toBeNull();
  const [first, , last] = Object.values(read);
  expect(last!.claim).toBeLessThanOrEqual(3 * first!.claim!);
  // Claims leave no entries in indexes. The server counts what a connection did when it is idle for a second.
  await close();
  const hot = "SELECT n_tup_hot_upd::float8 / n_tup_upd AS hot FROM pg_stat_user_tables WHERE relname = 'outbox'";
  const [updates] = await query<{ hot: number }>(location, hot);
  expect(updates!.hot).toBeGreaterThan(0.95);
}, 300_000);
