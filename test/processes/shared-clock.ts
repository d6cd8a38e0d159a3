import { chmodSync, closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { query } from "../support/postgres.js";
import { type Env, newFolder } from "../support/server.js";

/** A clock that stands still until it is moved, for server processes and their database together. */
export interface SharedClock {
  /** What makes a process go by it. */
  readonly env: Env;
  /** No process reads the old time any more when this returns. */
  advance(ms: number): Promise<void>;
  /** The processes that got a connection to one of the ports. */
  connected(ports: readonly number[]): ReadonlySet<number>;
  close(): void;
}

const preload = fileURLToPath(new URL("clock.cjs", import.meta.url));

/** The database answers `clock_timestamp()`, of which servers make sure that it agrees with theirs, from the same file. */
const databaseClock = (database: string, path: string): string => `
  CREATE SCHEMA test_clock;
  CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS $$ SELECT pg_catalog.to_timestamp(pg_catalog.pg_read_file('${path}')::float8 / 1000) $$;
  ALTER DATABASE ${database} SET search_path = public, test_clock, pg_catalog;`;

/** @param location On this machine, of a user who may read files there. */
export async function createSharedClock(location: PostgresLocation, startAt: number): Promise<SharedClock> {
  const folder = newFolder();
  const path = join(folder, "clock");
  const file = openSync(path, "w");
  // The server runs as another user.
  chmodSync(folder, 0o755);
  let now = startAt;
  // Of one width, so that nobody reads a part.
  const write = () => writeSync(file, String(now).padStart(16, "0"), 0);
  write();
  const connections = `${path}.connections`;
  writeFileSync(connections, "");
  await query(location, databaseClock(location.database, path));
  return {
    env: { TEST_CLOCK_FILE: path, NODE_OPTIONS: `--require ${preload}` },
    async advance(ms) {
      now += ms;
      write();
    },
    connected(ports) {
      const lines = readFileSync(connections, "utf8").trim().split("\n");
      const pairs = lines.map((line) => line.split(" ").map(Number) as [pid: number, port: number]);
      return new Set(pairs.filter(([, port]) => ports.includes(port)).map(([pid]) => pid));
    },
    close: () => closeSync(file),
  };
}
