import { existsSync } from "node:fs";
import type { Settings } from "../config/settings.js";
import { storeLocation } from "../server/core.js";
import type { PostgresLocation } from "../store/postgres/location.js";
import { CliError } from "./io.js";

/**
 * Returns the file of the configured SQLite database. Throws if there is none; `refusalOfPostgres` is the message for
 * PostgreSQL.
 */
export function sqliteFileOf(settings: Settings, refusalOfPostgres: (location: PostgresLocation) => string): string {
  const location = storeLocation(settings);
  if (location.kind === "postgres") throw new CliError(refusalOfPostgres(location));
  if (location.path === ":memory:") throw new CliError("The database is in memory, where another process can't read it.");
  if (!existsSync(location.path)) throw new CliError(`There is no database at ${location.path}.`);
  return location.path;
}
