import type { PostgresLocation } from "./postgres/connection.js";
import type { Store } from "./store.js";

/** Where the data is. */
export type DatabaseLocation = SqliteLocation | PostgresLocation;

export interface SqliteLocation {
  readonly kind: "sqlite";
  /** A file, or `:memory:`. */
  readonly path: string;
}

/**
 * Opens the store and brings its schema up to date.
 * @param options.inFlight How many calls are under way, by which an engine decides whether to wait for company in a commit.
 */
export async function openStore(location: DatabaseLocation, options: { readonly inFlight: () => number }): Promise<Store> {
  // Only the engine in use is loaded, with its driver.
  if (location.kind === "postgres") return await (await import("./postgres/postgres.js")).openPostgres(location);
  return (await import("./sqlite/sqlite.js")).openSqlite({ path: location.path, inFlight: options.inFlight });
}
