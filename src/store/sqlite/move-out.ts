import type { Database } from "better-sqlite3";
import { lockDatabase } from "./copies.js";
import { currentVersion, migrate, schemaVersion } from "./migrate.js";
import { openDatabase } from "./sqlite.js";

/** A row as SQLite has it: texts, numbers, Buffers and null. */
export type SourceRow = Readonly<Record<string, unknown>>;

/** A server of an earlier program, which knows of no mark, has the database open. */
export class EarlierProgramError extends Error {
  override readonly name = "EarlierProgramError";
}

/**
 * Opens a database that is to be marked, its schema brought up to date. A program that knows the schema looks at the mark before
 * it writes; one that only knew an earlier schema does not, and must not be running. It can't be started any more afterwards.
 */
export function openMoveSource(path: string): Database {
  const db = openDatabase(path);
  const isCurrent = currentVersion(db) >= schemaVersion;
  if (isCurrent) return migrated(db);
  db.close();
  refuseOpen(path);
  migrated(openDatabase(path)).close();
  // Once more, for one that started in between.
  refuseOpen(path);
  return openDatabase(path);
}

function migrated(db: Database): Database {
  migrate(db);
  return db;
}

function refuseOpen(path: string): void {
  const unlock = lockDatabase(path);
  if (unlock === null) throw new EarlierProgramError("a server of an earlier program has the database open");
  unlock();
}

/** The rows that follow a key, in the order of the key; from the first one on where it is null. */
export function rowsAfter(
  db: Database,
  { name, key }: { readonly name: string; readonly key: readonly string[] },
  after: readonly unknown[] | null,
  limit: number,
): SourceRow[] {
  const columns = key.join(", ");
  const condition = after === null ? "" : `WHERE (${columns}) > (${key.map(() => "?").join(", ")})`;
  return db
    .prepare<unknown[], SourceRow>(`SELECT * FROM ${name} ${condition} ORDER BY ${columns} LIMIT ?`)
    .all(...(after ?? []), limit);
}

export function countRows(db: Database, name: string): number {
  return db.prepare<[], number>(`SELECT count(*) FROM ${name}`).pluck().get()!;
}
