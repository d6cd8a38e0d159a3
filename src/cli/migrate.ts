import type { Settings } from "../config.js";
import { migrate as migrateSchema, schemaVersion } from "../store/sqlite/migrate.js";
import { openDatabase } from "../store/sqlite/sqlite.js";
import type { Io } from "./io.js";

/** Brings the schema up to this program's; makes the database if there is none. */
export function migrate({ database }: Settings, io: Io): void {
  const db = openDatabase(database.path);
  try {
    const applied = migrateSchema(db);
    const what = applied.length === 0 ? "Nothing to do" : `Applied ${applied.join(", ")}`;
    io.out(`${what}: the schema is at version ${schemaVersion}.`);
  } finally {
    db.close();
  }
}
