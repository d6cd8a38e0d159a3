import type { Database } from "better-sqlite3";
import { newest, refuseNewer } from "../rules/schema-version.js";
import { migrations } from "./schema.js";

/** The schema version that this program needs. */
export const schemaVersion = newest(migrations);

/**
 * Brings the schema up to this program's. Each migration is one transaction that writes its version row first, so of processes that
 * start at once one migrates and the others wait for it and find it done; killed half way, nothing of that migration is there.
 * Gives the versions that were applied.
 */
export function migrate(db: Database): number[] {
  // Immediate: a transaction that only begins to write half way is refused at once when somebody else wrote meanwhile.
  db.transaction(() => {
    db.exec("CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT");
  }).immediate();
  refuseNewer(currentVersion(db), schemaVersion);
  const applied: number[] = [];
  for (const { version, sql } of migrations) {
    const step = db.transaction(() => {
      const row = db
        .prepare("INSERT INTO schema_migrations (version, applied_at) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .run(version, Date.now());
      if (row.changes === 0) return;
      db.exec(sql);
      applied.push(version);
    });
    step.immediate();
  }
  return applied;
}

/** The version of a database's schema; 0 when it is empty. */
export function currentVersion(db: Database): number {
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").get();
  if (known === undefined) return 0;
  const row = db.prepare<[], { version: number | null }>("SELECT max(version) AS version FROM schema_migrations").get();
  return row?.version ?? 0;
}
