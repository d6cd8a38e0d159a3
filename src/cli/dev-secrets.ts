import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseKeys } from "../config/key-list.js";
import { SettingError } from "../config/setting.js";
import { diskFiles, type Env, readMode } from "../config/settings.js";
import { CliError } from "./io.js";

/** The folder of development's secrets, in the working directory. */
export const devSecretsDirectory = ".latchkey";

const secrets = [
  { name: "LATCHKEY_PEPPER", file: "pepper" },
  { name: "LATCHKEY_MASTER_KEY", file: "master-key" },
] as const;

/**
 * In development, adds secrets that the environment does not set, from the files in `directory`. Creates missing files;
 * processes that start at once agree on one file. `made` names the files that this call created. In production it returns the
 * environment unchanged.
 * Throws `CliError`, and writes nothing, if a file is missing although there is a database that needs it. Also throws
 * `CliError` if a file is readable by other users or holds no key.
 * @param databaseOf Returns the name of the database, or null if there is none.
 */
export async function withDevSecrets(
  env: Env,
  directory: string,
  databaseOf: () => Promise<string | null>,
): Promise<{ readonly env: Env; readonly made: readonly string[] }> {
  if (readMode(env, diskFiles) !== "development") return { env, made: [] };
  const wanted = secrets
    .filter(({ name }) => env[name] === undefined && env[`${name}_FILE`] === undefined)
    .map(({ name, file }) => ({ name, path: join(directory, file) }));
  if (wanted.length === 0) return { env, made: [] };
  await refuseLost(wanted, databaseOf);
  makeDirectory(directory);
  const made: string[] = [];
  const added = wanted.map(({ name, path }) => {
    if (makeSecret(path)) made.push(path);
    return [name, readSecret(path)];
  });
  return { env: { ...env, ...Object.fromEntries(added) }, made };
}

interface Wanted {
  readonly name: string;
  readonly path: string;
}

/** Throws if a missing secret is needed: new secrets could not open the data in the database. */
async function refuseLost(wanted: readonly Wanted[], databaseOf: () => Promise<string | null>): Promise<void> {
  const missing = (): readonly Wanted[] => wanted.filter(({ path }) => !exists(path));
  if (missing().length === 0) return;
  const database = await databaseOf();
  // Checked again: a process that started at the same moment creates the secrets before the database.
  const lost = missing();
  if (database === null || lost.length === 0) return;
  const [paths, names] = [lost.map(({ path }) => path), lost.map(({ name }) => name)].map((words) => words.join(" and "));
  throw new CliError(
    `${paths} ${lost.length === 1 ? "is" : "are"} missing, and the database ${database} was made with ${lost.length === 1 ? "it" : "them"}: ` +
      `restore ${lost.length === 1 ? "it" : "them"} (or set ${names}), or delete the database to start over with new secrets. Nothing was written.`,
  );
}

function makeDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (isOpen(directory)) throw new CliError(`${directory} is open to other users: run \`chmod 700 ${directory}\`.`);
}

/**
 * Creates a file with a new key unless it exists. Returns true if this call created it. Linking a finished draft to the name
 * makes this atomic: no process reads half a key, and a crash leaves none behind.
 */
function makeSecret(path: string): boolean {
  if (exists(path)) return false;
  const draft = `${path}.${process.pid}.${randomBytes(6).toString("hex")}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64")}\n`, { flag: "wx", mode: 0o600, flush: true });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

function readSecret(path: string): string {
  if (isOpen(path)) throw new CliError(`${path} is open to other users: run \`chmod 600 ${path}\`.`);
  const text = readFileSync(path, "utf8").trimEnd();
  try {
    parseKeys(text);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new CliError(
      `${path} holds no usable key: it ${error.message}; restore it, or delete it together with the development database.`,
    );
  }
  return text;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isOpen(path: string): boolean {
  // Windows has no such permission bits.
  return process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0;
}
