import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Database } from "better-sqlite3";
import { StoreMovedError } from "../../store/port/errors.js";
import { fits } from "../../store/rules/schema-version.js";
import { connect } from "../../store/sqlite/connect.js";
import { schemaOf, schemaVersion } from "../../store/sqlite/migrate.js";
import { readMoveMark } from "../../store/sqlite/move-mark.js";
import { type Finding, ok, problem, warning } from "./finding.js";
import { checkSchema } from "./schema.js";

const freeMinBytes = 100 * 1024 * 1024;

/** Checks a SQLite file without changing it: free space, integrity and schema. */
export function checkSqlite(path: string): { readonly findings: readonly Finding[]; readonly isReadable: boolean } {
  if (path === ":memory:") return { findings: [ok("the database is in memory")], isReadable: false };
  const room = checkRoom(path);
  if (!existsSync(path)) {
    return {
      findings: [...room, warning(`there is no database at ${path} yet: the first start creates it`)],
      isReadable: false,
    };
  }
  const db = connect(path, { readonly: true, fileMustExist: true });
  try {
    const schema = schemaOf(db);
    const findings = [...room, checkIntegrity(db, path), checkSchema(schema, schemaVersion)];
    const isKnown = fits(schema, schemaVersion);
    const mark = isKnown ? readMoveMark(db) : null;
    if (mark !== null) findings.push(problem(new StoreMovedError(mark.state, mark.target).message));
    return { findings, isReadable: isKnown && mark?.state !== "moved" };
  } finally {
    db.close();
  }
}

function checkRoom(path: string): readonly Finding[] {
  const directory = dirname(resolve(path));
  if (!existsSync(directory)) return [problem(`the directory ${directory} of the database does not exist: create it`)];
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  const text = `${Math.floor(free / 1024 / 1024)} MB are free for the database`;
  return [free < freeMinBytes ? problem(`${text}: free at least 100 MB`) : ok(text)];
}

function checkIntegrity(db: Database, path: string): Finding {
  const result = String(db.pragma("integrity_check(1)", { simple: true }));
  return result === "ok"
    ? ok(`the database ${path} is intact`)
    : problem(`the database ${path} is damaged (${result}): restore a backup`);
}
