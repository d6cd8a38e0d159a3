import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreBusyError } from "../../../src/store/port/errors.js";
import { createBreaker } from "../../../src/store/postgres/breaker.js";
import { createColdDatabase } from "../../../src/store/postgres/cold-database.js";
import { operationOptions } from "../../../src/store/postgres/connection.js";
import { openDatabase } from "../../../src/store/postgres/database.js";
import type { PostgresLocation } from "../../../src/store/postgres/location.js";
import { withMoveTarget } from "../../../src/store/postgres/move-in.js";
import { createOpener } from "../../../src/store/postgres/opener.js";
import { createPool } from "../../../src/store/postgres/pool.js";
import { type ColdDatabase, type Steps, sql } from "../../../src/store/shared/cold-database.js";
import { eventually } from "../../support/app.js";
import { clientOf, query, testDatabases } from "../../support/postgres.js";
import { describeColdDatabase, type OpenedCold } from "../contract/cold-database.js";
import { t0, times } from "../contract/fixtures.js";

const databases = testDatabases();

function openCold(location: PostgresLocation, count: number): OpenedCold {
  const opened = times(count, () => {
    const pool = createPool(() => createOpener(location).open(operationOptions));
    return { pool, db: openDatabase({ pool, places: location.poolMax, breaker: createBreaker() }) };
  });
  return {
    colds: opened.map(({ db }) => createColdDatabase(db)),
    async close() {
      for (const { db, pool } of opened) {
        await db.close();
        pool.close();
      }
    },
  };
}

const makeThings =
  'CREATE TABLE things (id TEXT COLLATE "C" PRIMARY KEY, count BIGINT NOT NULL, flag BOOLEAN NOT NULL, secret BYTEA)';

describeColdDatabase("PostgreSQL", async () => {
  const location = await databases.create();
  await query(location, makeThings);
  return openCold(location, 3);
});

describe("a cold write on PostgreSQL", () => {
  let location: PostgresLocation;
  let opened: OpenedCold;
  let cold: ColdDatabase;
  beforeEach(async () => {
    location = await databases.create();
    await query(location, makeThings);
    opened = openCold(location, 1);
    cold = opened.colds[0]!;
  });
  afterEach(() => opened.close());

  const insert = (id: string) => sql("INSERT INTO things (id, count, flag) VALUES ($1, 0, true)", [id]);
  const things = () => query(location, "SELECT id FROM things");

  it.each(["40001", "40P01"])(
    "that others are always in the way of (%s) is begun eight times, and then the store is busy",
    async (code) => {
      let begun = 0;
      function* conflicting(): Steps<void> {
        begun += 1;
        yield* insert("a");
        yield* sql(`DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '${code}'; END $$`);
      }
      await expect(cold.write(conflicting)).rejects.toBeInstanceOf(StoreBusyError);
      expect(begun).toBe(8);
      expect(await things()).toEqual([]);
    },
  );

  it("that throws is no outage: after ten of them reads are answered, on connections that were opened before", async () => {
    const failing = () =>
      cold.write(function* (): Steps<void> {
        yield* insert("a");
        throw new Error("half way");
      });
    for (const _ of times(10, Number)) await expect(failing()).rejects.toThrow("half way");
    const backends = "SELECT pg_backend_pid() AS pid, (SELECT count(*) FROM things) AS count";
    const [first] = await cold.read<{ pid: number; count: number }>(backends);
    await expect(failing()).rejects.toThrow("half way");
    expect(await cold.read(backends)).toEqual([{ pid: first!.pid, count: 0 }]);
  });

  it("that looked for a move before one began writes nothing, and is refused", async () => {
    const gate = await clientOf(location);
    await gate.query("SELECT pg_advisory_lock(1)");
    const writing = cold
      .write(function* () {
        yield* sql("SELECT pg_advisory_xact_lock(1)");
        yield* insert("late");
      })
      .catch(String);
    const waiters = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
    await eventually("the write to wait", async () => ((await query(location, waiters)).length > 0 ? true : undefined));
    const table = { name: "things", key: ["id"] };
    expect(await withMoveTarget(location, (into) => into.begin({ moveId: "move", now: t0 }, [table]))).toBe(true);
    await gate.end();
    expect(await writing).toContain("holds a part of a SQLite database");
    expect(await things()).toEqual([]);
  });
});
