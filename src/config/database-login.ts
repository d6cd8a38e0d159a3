import { Secret } from "../lib/secret.js";
import { passwordIn } from "./passfile.js";
import { type PostgresHost, type PostgresUrl, parsePostgresUrl } from "./postgres-url.js";
import { type Files, fileErrorCode, type Problem, SettingError } from "./setting.js";

export interface DatabaseLogin {
  readonly user: string;
  /** Null: none. */
  readonly password: Secret<string> | null;
}

/** Reads user and password for a server from the file that holds them. Throws when the file can't be read or lacks them. */
export type ReadDatabaseLogin = (at: PostgresHost) => DatabaseLogin;

/**
 * Gives the way to read a login again, so that a password can be changed while the service runs. Returns null if no file holds it.
 * @param urlFile The file that the URL itself was read from, or null.
 */
export function databaseLoginReader(
  url: PostgresUrl,
  { files, urlFile }: { readonly files: Files; readonly urlFile: string | null },
): ReadDatabaseLogin | null {
  if (urlFile === null && url.passfile === null) return null;
  return (at) => {
    const { user, password, passfile, database } =
      urlFile === null ? url : parsePostgresUrl(files.readText(urlFile).replace(/[\r\n]+$/, ""));
    if (passfile === null) return { user, password };
    const found = passwordIn(files.readText(passfile), { ...at, database, user });
    if (found === null) {
      throw new SettingError("has a `passfile` without a line for this host, port, database and user: add one");
    }
    return { user, password: new Secret(found) };
  };
}

/** What is wrong with the passwords of a database URL's hosts. */
export function checkDatabaseLogins({ hosts, passfile }: PostgresUrl, read: ReadDatabaseLogin): Problem[] {
  const name = "LATCHKEY_DATABASE_URL";
  if (passfile === null) return [];
  try {
    for (const host of hosts) read(host);
    return [];
  } catch (error) {
    const why =
      error instanceof SettingError ? error.message : `has a \`passfile\` that cannot be read (${fileErrorCode(error)})`;
    return [{ name, text: `${name} ${why}.` }];
  }
}
