import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { parseKeys } from "../config/key-list.js";
import { SettingError } from "../config/setting.js";
import { diskFiles, type Env, readMode } from "../config/settings.js";
import { exists, makeDirectory, makeFile, readFile } from "./dev-files.js";
import { CliError } from "./io.js";

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
    if (makeFile(path, `${randomBytes(32).toString("base64")}\n`)) made.push(path);
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

function readSecret(path: string): string {
  const text = readFile(path).trimEnd();
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
