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

/** A database as an operator knows it, without secrets. */
export function nameOf(location: DatabaseLocation): string {
  if (location.kind === "sqlite") return location.path;
  return `${location.database} on ${location.hosts.map(({ host, port }) => `${host}:${port}`).join(",")}`;
}

/**
 * Opens the store and brings its schema up to date.
 * @param options.inFlight How many calls are under way, by which an engine decides whether to wait for company in a commit.
 * @param options.clock The clock that SQLite compares with its mark, to notice that it was set back. PostgreSQL writes down by it
 *   when this program's functions came into use. Default: this machine's.
 * @param options.clockSetBack Called with how far, within the transaction that ends the codes; again if that has to be repeated.
 */
export async function openStore(
  location: DatabaseLocation,
  options: {
    readonly inFlight: () => number;
    readonly clock?: () => EpochMs;
    readonly clockSetBack?: (backMs: number) => void;
  },
): Promise<Store> {
  // Only the engine in use is loaded, with its driver.
  if (location.kind === "postgres") return await (await import("./postgres/postgres.js")).openPostgres(location, options.clock);
  return (await import("./sqlite/sqlite.js")).openSqlite({ ...options, path: location.path });
}

/** Whether nobody has opened a store there yet; does not make one. */
export async function isMissing(location: DatabaseLocation): Promise<boolean> {
  if (location.kind === "sqlite") return !existsSync(location.path);
  return (await (await import("./postgres/inspect.js")).inspect(location)).schema.version === 0;
}

/** Whether no store was made there: there is no file, an empty one, or a database without our tables. */
export async function isEmpty(location: DatabaseLocation): Promise<boolean> {
  if (location.kind === "postgres") return await isMissing(location);
  return location.path === ":memory:" || !existsSync(location.path) || statSync(location.path).size === 0;
}

/** How many connections of other processes of Latchkey a PostgreSQL database has. */
export async function countConnections(location: PostgresLocation): Promise<number> {
  return await (await import("./postgres/inspect.js")).countOthers(location);
}

/** Brings the schema up to this program's, and gives the versions that were applied and the one that it now has. */
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
