import type { Settings } from "../config/settings.js";
import { storeLocation } from "../server/core.js";
import { migrateSchema } from "../store/open.js";
import type { Io } from "./io.js";

/** Brings the schema up to this program's version. Creates a SQLite database if there is none. */
export async function migrate(settings: Settings, io: Io): Promise<void> {
  const { applied, version } = await migrateSchema(storeLocation(settings));
  const what = applied.length === 0 ? "Nothing to do" : `Applied ${applied.join(", ")}`;
  io.out(`${what}: the schema is at version ${version}.`);
}
