import { diskFiles, type Env, readDatabase, readSettings, type Settings } from "../config/settings.js";
import { storeLocation } from "../server/core.js";
import { isEmpty, nameOf } from "../store/open.js";
import { devSecretsDirectory, withDevSecrets } from "./dev-secrets.js";
import { CliError, type Io } from "./io.js";

/** The settings of this process, with development's secrets. Throws `CliError` with every problem, a line each. */
export async function loadSettings(env: Env, io: Io): Promise<Settings> {
  const { env: complete, made } = await withDevSecrets(env, devSecretsDirectory, () => existingDatabase(env));
  if (made.length > 0)
    io.err(`Made secrets for development, kept in ${made.join(" and ")}: they belong to the database, keep both or none.`);
  const result = readSettings(complete, { files: diskFiles });
  if (!result.ok) throw new CliError(result.problems.join("\n"));
  return result.settings;
}

/** The name of the database that the settings name, if there is one. */
async function existingDatabase(env: Env): Promise<string | null> {
  const found = readDatabase(env, { files: diskFiles });
  if (found === null) return null;
  const location = storeLocation({ ...found, databasePool: 1 });
  return (await isEmpty(location)) ? null : nameOf(location);
}
