import { diskFiles, type Env, readSettings, type Settings } from "../config.js";
import { devSecretsDirectory, withDevSecrets } from "./dev-secrets.js";
import { CliError, type Io } from "./io.js";

/** The settings of this process, with development's secrets. Throws `CliError` with every problem, a line each. */
export function loadSettings(env: Env, io: Io): Settings {
  const { env: complete, made } = withDevSecrets(env, devSecretsDirectory);
  if (made.length > 0)
    io.err(`Made secrets for development, kept in ${made.join(" and ")}: they belong to the database, keep both or none.`);
  const result = readSettings(complete, { files: diskFiles });
  if (!result.ok) throw new CliError(result.problems.join("\n"));
  return result.settings;
}
