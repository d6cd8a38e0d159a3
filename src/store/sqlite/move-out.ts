import type { Database } from "better-sqlite3";
import { lockDatabase } from "./copies.js";
import { migrate, schemaOf, schemaVersion } from "./migrate.js";
import { openDatabase } from "./sqlite.js";

/** A row as SQLite returns it: texts, numbers, Buffers and null. */
export type SourceRow = Readonly<Record<string, unknown>>;

/** Thrown when a database can't be moved. The message says what to do. */
export class MoveSourceError extends Error {
  override readonly name = "MoveSourceError";
}

/**
 * Opens the database that is to be marked, and brings its schema up to date. A program that knows this schema checks the mark
 * before it writes. A program that knows only an earlier schema does not, so it must not be running. It can't be started on
 * this database afterwards.
 */
export function openMoveSource(path: string): Database {
  const db = openDatabase(path);
  const { version } = schemaOf(db);
  if (version === schemaVersion) return db;
  db.close();
  // This program would leave out data that it does not know.
  if (version > schemaVersion) {
    throw new MoveSourceError(
      `${path} has schema version ${version}, and this program knows versions up to ${schemaVersion}: move it with the newer program`,
    );
  }
  if (version === 0) throw new MoveSourceError(`${path} is not a Latchkey database: correct LATCHKEY_DATABASE_URL`);
  refuseOpen(path);
  migrated(openDatabase(path)).close();
  // Check again for a program that started in between.
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
      `${path} is in use by an earlier version of Latchkey, which would keep writing: stop the service first. To serve during the move, ` +
        "start it again with this version",
    );
  }
  unlock();
}

/**
 * Reads a table in the order of its key, one batch at a time. A call returns the rows after a key, or the first ones if it is
 * null.
 */
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

/** Returns the highest number that the database has ever given to a row of a table, deleted ones included. */
export function lastNumber(db: Database, table: string): number {
  return db.prepare<[string], number>("SELECT seq FROM sqlite_sequence WHERE name = ?").pluck().get(table) ?? 0;
}

export function countRows(db: Database, name: string): number {
  return db.prepare<[], number>(`SELECT count(*) FROM ${name}`).pluck().get()!;
}
