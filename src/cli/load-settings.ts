import { diskFiles, type Env, readDatabase, readSettings, type Settings } from "../config/settings.js";
import { storeLocation } from "../server/core.js";
import { isEmpty, nameOf } from "../store/open.js";
import { devSecretsDirectory } from "./dev-files.js";
import { withDevSecrets } from "./dev-secrets.js";
import { CliError, type Io } from "./io.js";

/** Loads the settings of this process, including development's secrets. Throws `CliError` with one line for each problem. */
export async function loadSettings(env: Env, io: Io): Promise<Settings> {
  const { env: complete, made } = await withDevSecrets(env, devSecretsDirectory, () => existingDatabase(env));
  if (made.length > 0)
    io.err(`Created secrets for development in ${made.join(" and ")}. They belong to the database: keep both, or delete both.`);
  const result = readSettings(complete, { files: diskFiles });
  if (!result.ok) throw new CliError(result.problems.join("\n"));
  return result.settings;
}

/** Returns the name of the configured database, or null if it does not exist. */
async function existingDatabase(env: Env): Promise<string | null> {
  const found = readDatabase(env, { files: diskFiles });
  if (found === null) return null;
  const location = storeLocation({ ...found, databasePool: 1, databaseReadHosts: [] });
  return (await isEmpty(location)) ? null : nameOf(location);
}
