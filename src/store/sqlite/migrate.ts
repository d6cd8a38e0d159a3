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
 * Brings the schema up to this program's. Each migration is one transaction that writes its version row first, so of processes that
 * start at once one migrates and the others wait for it and find it done; killed half way, nothing of that migration is there.
 * A newer schema stays as it is. Returns the versions that were applied.
 * Throws `NewerSchemaError` if the database's rows say that this program is too old for it.
 */
export function migrate(db: Database): number[] {
  // Immediate: a transaction that only begins to write half way is refused at once when somebody else wrote meanwhile.
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

/** What a database's own rows say. */
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
