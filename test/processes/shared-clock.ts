import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PostgresLocation } from "../../src/store/postgres/connection.js";
import { query } from "../support/postgres.js";
import { type Env, newFolder } from "../support/server.js";

/** A clock that stands still until it is moved, for server processes and their database together. */
export interface SharedClock {
  /** What makes a process go by it. */
  readonly env: Env;
  /** No process reads the old time any more when this returns. */
  advance(ms: number): Promise<void>;
  close(): void;
}

const preload = fileURLToPath(new URL("clock.cjs", import.meta.url));

/** The database answers `clock_timestamp()`, of which servers make sure that it agrees with theirs, from a table of its own. */
const databaseClock = (database: string, startAt: number): string => `
  CREATE SCHEMA test_clock;
  CREATE TABLE test_clock.now (epoch_ms BIGINT NOT NULL);
  INSERT INTO test_clock.now VALUES (${startAt});
  CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.to_timestamp(epoch_ms / 1000.0) FROM test_clock.now';
  ALTER DATABASE ${database} SET search_path = public, test_clock, pg_catalog;`;

export async function createSharedClock(location: PostgresLocation, startAt: number): Promise<SharedClock> {
  const path = join(newFolder(), "clock");
  const file = openSync(path, "w");
  let now = startAt;
  function write(): void {
    const epochMs = Buffer.alloc(8);
    epochMs.writeDoubleLE(now);
    writeSync(file, epochMs, 0, epochMs.length, 0);
  }
  write();
  await query(location, databaseClock(location.database, startAt));
  return {
    env: { TEST_CLOCK_FILE: path, NODE_OPTIONS: `--require ${preload}` },
    async advance(ms) {
      now += ms;
      write();
      await query(location, "UPDATE test_clock.now SET epoch_ms = $1", [now]);
    },
    close: () => closeSync(file),
  };
}
