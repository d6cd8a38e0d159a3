import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import Database from "better-sqlite3";
import type { Settings } from "../../config.js";
import { keyringsOf } from "../../core.js";
import { openStore } from "../../store/open.js";
import { currentVersion, schemaVersion } from "../../store/sqlite/migrate.js";
import { compareCheck } from "../key-store.js";
import { type Finding, ok, problem, warning } from "./finding.js";

const freeMinBytes = 100 * 1024 * 1024;

/** Looks at the database without changing what is in it: integrity, schema, room, and whether the configured keys are those it was made with. */
export async function checkDatabase(settings: Settings): Promise<readonly Finding[]> {
  const { path } = settings.database;
  if (path === ":memory:") return [ok("the database is in memory")];
  const room = checkRoom(path);
  if (!existsSync(path)) return [...room, warning(`there is no database at ${path} yet: the first start makes it`)];
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const findings = [...room, checkIntegrity(db), checkSchema(currentVersion(db))];
    const isReadable = currentVersion(db) === schemaVersion;
    return isReadable ? [...findings, ...(await checkKeyValues(settings))] : findings;
  } finally {
    db.close();
  }
}

function checkRoom(path: string): readonly Finding[] {
  const directory = dirname(resolve(path));
  if (!existsSync(directory)) return [problem(`the directory ${directory} of the database does not exist: make it`)];
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  const text = `${Math.floor(free / 1024 / 1024)} MB are free for the database`;
  return [free < freeMinBytes ? problem(`${text}: make room, at least 100 MB`) : ok(text)];
}

function checkIntegrity(db: Database.Database): Finding {
  const result = String(db.pragma("integrity_check(1)", { simple: true }));
  return result === "ok" ? ok("the database is intact") : problem(`the database is damaged (${result}): restore a backup`);
}

function checkSchema(version: number): Finding {
  if (version === schemaVersion) return ok(`the schema is at version ${version}`);
  const needed = `this program needs ${schemaVersion}`;
  return version < schemaVersion
    ? warning(`the schema is at version ${version}, ${needed}: the next start or \`latchkey migrate\` brings it there`)
    : problem(`the schema is at version ${version}, ${needed}: run the newer program`);
}

async function checkKeyValues(settings: Settings): Promise<readonly Finding[]> {
  const store = await openStore(settings.database, { inFlight: () => 0 });
  try {
    const rings = keyringsOf(settings);
    const checks = await store.listKeyChecks();
    const bad = checks.filter((check) => compareCheck(check, rings) !== "match");
    if (bad.length === 0)
      return [ok(checks.length === 0 ? "the database knows no keys yet" : "the keys are those of the database")];
    return bad.map((check) => {
      const name = `${check.use === "master" ? "LATCHKEY_MASTER_KEY" : "LATCHKEY_PEPPER"} id ${check.keyId}`;
      return compareCheck(check, rings) === "wrong"
        ? problem(`${name} is not the key that the database was made with: restore it`)
        : problem(`${name} is not configured, and the database needs it: restore it, or see \`latchkey keys retire --help\``);
    });
  } finally {
    await store.close();
  }
}
