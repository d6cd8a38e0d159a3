import type { Database } from "better-sqlite3";
import { lockDatabase } from "./copies.js";
import { migrate, schemaOf, schemaVersion } from "./migrate.js";
import { openDatabase } from "./sqlite.js";

/** A row as SQLite has it: texts, numbers, Buffers and null. */
export type SourceRow = Readonly<Record<string, unknown>>;

/** What keeps a database from being moved: a sentence that says what to do. */
export class MoveSourceError extends Error {
  override readonly name = "MoveSourceError";
}

/**
 * Opens a database that is to be marked, its schema brought up to date. A program that knows the schema looks at the mark before
 * it writes; one that only knew an earlier schema does not, and must not be running. It can't be started any more afterwards.
 */
export function openMoveSource(path: string): Database {
  const db = openDatabase(path);
  const { version } = schemaOf(db);
  if (version === schemaVersion) return db;
  db.close();
  // This program would leave out what it does not know.
  if (version > schemaVersion) {
    throw new MoveSourceError(
      `${path} has schema version ${version}, this program knows up to ${schemaVersion}: move it by the newer one`,
    );
  }
  if (version === 0) throw new MoveSourceError(`${path} is no database of Latchkey: correct LATCHKEY_DATABASE_URL`);
  refuseOpen(path);
  migrated(openDatabase(path)).close();
  // Once more, for one that started in between.
  refuseOpen(path);
  return openDatabase(path);
}

function migrated(db: Database): Database {
  try {
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function refuseOpen(path: string): void {
  const unlock = lockDatabase(path);
  if (unlock === null) {
    throw new MoveSourceError(
      `${path} is in use by an earlier program, which would go on writing: stop the service first, and start it with this program if ` +
        "it is to answer meanwhile",
    );
  }
  unlock();
}

/** Reads a table in the order of its key, a batch at a time: the rows that follow a key, the first ones where it is null. */
export function batchesOf(
  db: Database,
  { name, key }: { readonly name: string; readonly key: readonly string[] },
  limit: number,
): (after: readonly unknown[] | null) => SourceRow[] {
  const columns = key.join(", ");
  const select = (condition: string) =>
    db.prepare<unknown[], SourceRow>(`SELECT * FROM ${name} ${condition} ORDER BY ${columns} LIMIT ?`);
  const first = select("");
  const next = select(`WHERE (${columns}) > (${key.map(() => "?").join(", ")})`);
  return (after) => (after === null ? first.all(limit) : next.all(...after, limit));
}

export function countRows(db: Database, name: string): number {
  return db.prepare<[], number>(`SELECT count(*) FROM ${name}`).pluck().get()!;
}
