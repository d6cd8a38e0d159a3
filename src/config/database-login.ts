import { Secret } from "../lib/secret.js";
import { passwordIn } from "./passfile.js";
import { type PostgresHost, type PostgresUrl, parsePostgresUrl } from "./postgres-url.js";
import { type Files, fileErrorCode, type Problem, SettingError } from "./setting.js";

export interface DatabaseLogin {
  readonly user: string;
  /** Null: there is no password. */
  readonly password: Secret<string> | null;
}

/** Reads user and password for a server from their file. Throws if the file can't be read or has no line for that server. */
export type ReadDatabaseLogin = (at: PostgresHost) => DatabaseLogin;

/**
 * Returns a function that reads the login again, so that a password can change while the service runs. Returns null if the login is
 * not in a file.
 * @param urlFile The file that the whole URL was read from, or null.
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

/** What is wrong with the passwords for the hosts of a database URL. */
export function checkDatabaseLogins({ hosts, passfile }: PostgresUrl, read: ReadDatabaseLogin): Problem[] {
  const name = "LATCHKEY_DATABASE_URL";
  if (passfile === null) return [];
  try {
    for (const host of hosts) read(host);
    return [];
  } catch (error) {
    const why =
      error instanceof SettingError
        ? error.message
        : `has a \`passfile\` that cannot be read (${fileErrorCode(error)}): correct the path or the permissions`;
    return [{ name, text: `${name} ${why}.` }];
  }
}
