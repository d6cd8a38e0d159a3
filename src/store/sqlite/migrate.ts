import type { Database } from "better-sqlite3";
import {
  firstWithOldestProgram,
  type Migration,
  newest,
  oldestProgramAt,
  refuseNewer,
  type SchemaState,
} from "../rules/schema-version.js";
import { migrations } from "./schema.js";

/** The schema version that this program needs. */
export const schemaVersion = newest(migrations);

/**
 * Brings the schema up to this program's version. Each migration is one transaction that writes its version row first. So if
 * several processes start at once, one migrates while the others wait and then find it done. A process killed half way leaves
 * nothing of that migration. A newer schema stays as it is. Returns the versions that were applied.
 * Throws `NewerSchemaError` if the database's rows say that this program is too old for it.
 */
export function migrate(db: Database): number[] {
  // Immediate: SQLite rejects a transaction that starts to write half way if another process wrote in the meantime.
  db.transaction(() => {
    db.exec("CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT");
  }).immediate();
  refuseNewer(schemaOf(db), schemaVersion);
  return migrations.filter((migration) => apply(db, migration)).map(({ version }) => version);
}

function apply(db: Database, { version, sql }: Migration): boolean {
  const step = db.transaction(() => {
    const row = db
      .prepare("INSERT INTO schema_migrations (version, applied_at) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .run(version, Date.now());
    if (row.changes === 0) return false;
    db.exec(sql);
    if (version >= firstWithOldestProgram) {
      const oldestProgram = oldestProgramAt(migrations, version);
      db.prepare("UPDATE schema_migrations SET oldest_program = ? WHERE version = ?").run(oldestProgram, version);
    }
    return true;
  });
  return step.immediate();
}

/** Returns the schema versions that a database records. */
export function schemaOf(db: Database): SchemaState {
  const columns = db.prepare<[], string>("SELECT name FROM pragma_table_info('schema_migrations')").pluck().all();
  if (columns.length === 0) return { version: 0, oldestProgram: 0 };
  const oldestProgram = columns.includes("oldest_program") ? "coalesce(oldest_program, version)" : "version";
  return db
    .prepare<[], SchemaState>(
      `SELECT coalesce(max(version), 0) AS version, coalesce(max(${oldestProgram}), 0) AS oldestProgram FROM schema_migrations`,
    )
    .get()!;
}
