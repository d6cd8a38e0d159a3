import { codeOf } from "../lib/error-code.js";
import { escapeControls } from "../lib/escape.js";
import { StoreUnavailableError } from "../store/port/errors.js";
import { CliError } from "./io.js";
import { postgresHint } from "./postgres-hints.js";

/** Messages for errors whose own text does not tell an operator what to do. */
const known: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process uses a listen address: stop that process, or set another LATCHKEY_…_LISTEN",
  EADDRNOTAVAIL: "a listen address does not belong to this machine: correct LATCHKEY_…_LISTEN",
  EACCES: "access was denied: check the permissions of the files and ports that the settings name",
  ENOENT: "a file cannot be opened: check that the directory of LATCHKEY_DATABASE_URL exists",
  ENOTDIR: "a file cannot be opened: check that the directory of LATCHKEY_DATABASE_URL is a directory",
  EISDIR: "a file cannot be opened: check that LATCHKEY_DATABASE_URL does not name a directory",
  SQLITE_CANTOPEN:
    "the database cannot be opened: check that the directory of LATCHKEY_DATABASE_URL exists and can be written to",
  SQLITE_READONLY: "the database cannot be written to: check the permissions of its file and directory",
  SQLITE_NOTADB: "the file that LATCHKEY_DATABASE_URL names is not a SQLite database",
  SQLITE_CORRUPT: "the database is damaged: restore a backup",
  ENOSPC: "the disk is full: make room there",
  SQLITE_FULL: "the disk of the database is full: make room there",
  "53100": "the disk of PostgreSQL is full: make room there",
  SQLITE_BUSY: "another process keeps the database locked: try again",
};

/** Describes an error for an operator: one line, or one line for each problem. */
export function explain(error: unknown): string {
  if (error instanceof CliError) return error.message;
  if (!(error instanceof Error)) return asSentence(String(error));
  const code = codeOf(error) || (error instanceof StoreUnavailableError ? codeOf(error.cause) : "");
  // SQLite has extended codes: SQLITE_BUSY_RECOVERY, SQLITE_CANTOPEN_ISDIR …
  const hint = known[code] ?? known[code.replace(/^(SQLITE_[A-Z]+)_.*$/, "$1")] ?? postgresHint(error);
  return asSentence(hint === undefined ? error.message : `${hint} (${error.message})`);
}

function asSentence(text: string): string {
  const line = escapeControls(text.split(/\s+/).join(" "));
  return `${line.charAt(0).toUpperCase()}${line.slice(1)}${/[.?!]$/.test(line) ? "" : "."}`;
}
