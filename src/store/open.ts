import { openSqlite } from "./sqlite/sqlite.js";
import type { Store } from "./store.js";

/** Where the data is. */
export interface DatabaseLocation {
  readonly kind: "sqlite";
  readonly path: string;
}

/**
 * Opens the store and brings its schema up to date.
 * @param options.inFlight How many calls are under way, by which an engine decides whether to wait for company in a commit.
 */
export function openStore(location: DatabaseLocation, options: { readonly inFlight: () => number }): Store {
  return openSqlite({ path: location.path, inFlight: options.inFlight });
}
