import { existsSync, rmSync } from "node:fs";
import { codeOf } from "../../lib/error-code.js";
import { refuseNewer } from "../rules/schema-version.js";
import { connect } from "./connect.js";
import { schemaOf, schemaVersion } from "./migrate.js";
import { isBusy } from "./writer.js";

/** What SQLite keeps beside a database; a log beside another database than its own would be played into it. */
export const sideSuffixes = ["-wal", "-shm", "-journal"] as const;

/** Between two steps the process gets round to other things; 16 MB with pages of 4 KB. */
const pagesPerStep = 4_096;

/** Copies a database, while others write to it, into the empty file `target`: the state of one moment, with nothing beside it. */
export async function copyDatabase(path: string, target: string): Promise<void> {
  const db = connect(path, { readonly: true, fileMustExist: true });
  try {
    // The copy sees the state of this transaction; without one it would begin anew with each write of another process.
    db.exec("BEGIN");
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    await db.backup(target, { progress: () => pagesPerStep });
  } finally {
    db.close();
  }
  const copy = connect(target);
  try {
    copy.pragma("journal_mode = DELETE");
  } finally {
    copy.close();
  }
}

/** What keeps a file from being a database that this program can work with, as the rest of a sentence; null: nothing. */
export function findDefect(path: string): string | null {
  const db = connect(path, { fileMustExist: true });
  try {
    const damage = String(db.pragma("integrity_check(1)", { simple: true }));
    if (damage !== "ok") return `is damaged (${damage.split("\n").at(-1)})`;
    const state = schemaOf(db);
    if (state.version === 0) return "is no database of Latchkey";
    refuseNewer(state, schemaVersion);
    return null;
  } catch (error) {
    if (codeOf(error).startsWith("SQLITE_CORRUPT")) return "is damaged";
    if (codeOf(error) === "SQLITE_NOTADB") return "is no SQLite database";
    throw error;
  } finally {
    db.close();
  }
}

/**
 * Locks a database for this process alone, its log written back into it, and gives what unlocks it. Null: somebody has it open.
 * One that is too damaged to be locked is not.
 */
export function lockDatabase(path: string): (() => void) | null {
  if (!existsSync(path)) return () => {};
  const db = connect(path, { fileMustExist: true, timeout: 1_000 });
  try {
    // Leaving WAL takes that nobody else has the database open, even if idle.
    const mode = db.pragma("journal_mode = DELETE", { simple: true });
    if (mode !== "delete") throw new Error(`the database stays in journal mode ${String(mode)}`);
    db.exec("BEGIN EXCLUSIVE");
    return () => db.close();
  } catch (error) {
    db.close();
    if (isBusy(error)) return null;
    if (/^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error))) return () => {};
    throw error;
  }
}

/** Removes a database with what is beside it. */
export function removeDatabase(path: string): void {
  for (const suffix of ["", ...sideSuffixes]) rmSync(`${path}${suffix}`, { force: true });
}
