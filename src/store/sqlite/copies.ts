import { existsSync, rmSync } from "node:fs";
import { codeOf } from "../../lib/error-code.js";
import { refuseNewer } from "../rules/schema-version.js";
import { connect } from "./connect.js";
import { schemaOf, schemaVersion } from "./migrate.js";
import { isBusy } from "./writer.js";

/** Files that SQLite keeps beside a database. SQLite would replay a log that is left beside another database into that one. */
export const sideSuffixes = ["-wal", "-shm", "-journal"] as const;

/** Pages copied before the process handles other work: 16 MB with pages of 4 KB. */
const pagesPerStep = 4_096;

/**
 * Copies a database into the empty file `target` while others may write to it. The copy is the state of one moment in a single
 * file.
 */
export async function copyDatabase(path: string, target: string): Promise<void> {
  const db = connect(path, { readonly: true, fileMustExist: true });
  try {
    // The copy sees the state of this transaction. Without one it would restart whenever another process writes.
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

/** Returns why this program can't use a file as its database, as the rest of a sentence. Returns null if it can. */
export function findDefect(path: string): string | null {
  const db = connect(path, { fileMustExist: true });
  try {
    const damage = String(db.pragma("integrity_check(1)", { simple: true }));
    if (damage !== "ok") return `is damaged (${damage.split("\n").at(-1)})`;
    const state = schemaOf(db);
    if (state.version === 0) return "is not a Latchkey database";
    refuseNewer(state, schemaVersion);
    return null;
  } catch (error) {
    if (codeOf(error).startsWith("SQLITE_CORRUPT")) return "is damaged";
    if (codeOf(error) === "SQLITE_NOTADB") return "is not a SQLite database";
    throw error;
  } finally {
    db.close();
  }
}

/**
 * Writes a database's log back into it and locks it for this process alone. Returns a function that unlocks it, or null if
 * another process has it open. A database that is too damaged to lock stays unlocked.
 */
export function lockDatabase(path: string): (() => void) | null {
  if (!existsSync(path)) return () => {};
  const db = connect(path, { fileMustExist: true, timeout: 1_000 });
  try {
    // Leaving WAL mode fails while another process has the database open, even if that process is idle.
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

/** Removes a database and the files beside it. */
export function removeDatabase(path: string): void {
  for (const suffix of ["", ...sideSuffixes]) rmSync(`${path}${suffix}`, { force: true });
}
