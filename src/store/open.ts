import { existsSync, statSync } from "node:fs";
import type { EpochMs } from "../model/time.js";
import type { Store } from "./port/store.js";
import type { PostgresLocation } from "./postgres/location.js";

/** Where the data is. */
export type DatabaseLocation = SqliteLocation | PostgresLocation;

export interface SqliteLocation {
  readonly kind: "sqlite";
  /** A file, or `:memory:`. */
  readonly path: string;
}

/** Names a database for an operator, without secrets. */
export function nameOf(location: DatabaseLocation): string {
  if (location.kind === "sqlite") return location.path;
  return `${location.database} on ${location.hosts.map(({ host, port }) => `${host}:${port}`).join(",")}`;
}

/**
 * Opens the store and brings its schema up to date.
 * @param options.inFlight Returns how many calls are running. SQLite uses it to decide whether a commit waits for more writes.
 * @param options.clock The clock that SQLite compares with its mark, to notice that the clock was set back. PostgreSQL uses it
 *   to record when this program's functions were last in use. Default: this machine's clock.
 * @param options.clockSetBack Called with the milliseconds that the clock was set back, once the transaction that ends the
 *   codes is committed.
 */
export async function openStore(
  location: DatabaseLocation,
  options: {
    readonly inFlight: () => number;
    readonly clock?: () => EpochMs;
    readonly clockSetBack?: (backMs: number) => void;
  },
): Promise<Store> {
  // Loads only the engine in use and its driver.
  if (location.kind === "postgres") return await (await import("./postgres/postgres.js")).openPostgres(location, options.clock);
  return (await import("./sqlite/sqlite.js")).openSqlite({ ...options, path: location.path });
}

/** Returns true if there is no store at this location yet. Does not create one. */
export async function isMissing(location: DatabaseLocation): Promise<boolean> {
  if (location.kind === "sqlite") return !existsSync(location.path);
  return (await (await import("./postgres/inspect.js")).inspect(location)).schema.version === 0;
}

/** Returns true if no store was created there: the file is missing or empty, or the database has no Latchkey tables. */
export async function isEmpty(location: DatabaseLocation): Promise<boolean> {
  if (location.kind === "postgres") return await isMissing(location);
  return location.path === ":memory:" || !existsSync(location.path) || statSync(location.path).size === 0;
}

/** Returns how many connections other Latchkey processes have to a PostgreSQL database. */
export async function countConnections(location: PostgresLocation): Promise<number> {
  return await (await import("./postgres/inspect.js")).countOthers(location);
}

/**
 * Brings the schema up to this program's version. Returns the versions that were applied and the version that the schema now
 * has.
 */
export async function migrateSchema(
  location: DatabaseLocation,
): Promise<{ readonly applied: readonly number[]; readonly version: number }> {
  if (location.kind === "postgres") {
    const [{ migrate }, { inspect }] = await Promise.all([import("./postgres/migrate.js"), import("./postgres/inspect.js")]);
    return { applied: await migrate(location), version: (await inspect(location)).schema.version };
  }
  const [{ migrate, schemaOf }, { openDatabase }] = await Promise.all([
    import("./sqlite/migrate.js"),
    import("./sqlite/sqlite.js"),
  ]);
  const db = openDatabase(location.path);
  try {
    return { applied: migrate(db), version: schemaOf(db).version };
  } finally {
    db.close();
  }
}
