import type { PostgresLocation } from "../store/postgres/connection.js";
import { standardStream } from "./io.js";

/** The command that backs up a PostgreSQL database; it asks for the password, or takes it from ~/.pgpass. */
export function dumpCommand(location: PostgresLocation, target: string): string {
  const to = target === standardStream ? "" : ` --file=${shellQuoted(target)}`;
  return `pg_dump --format=custom --no-owner --dbname=${shellQuoted(connectionText(location))}${to}`;
}

/** The command that fills a new, empty PostgreSQL database from such a backup. */
export function restoreCommand(location: PostgresLocation, source: string): string {
  const from = source === standardStream ? "" : ` ${shellQuoted(source)}`;
  return `pg_restore --no-owner --single-transaction --dbname=${shellQuoted(connectionText(location))}${from}`;
}

/** As libpq reads it, without the password. */
function connectionText({ host, port, user, database, sslmode, sslrootcert }: PostgresLocation): string {
  const fields = {
    host,
    port: String(port),
    user,
    dbname: database,
    sslmode,
    ...(sslrootcert === null ? {} : { sslrootcert }),
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${/^[\w.:/-]+$/.test(value) ? value : `'${value.replace(/['\\]/g, "\\$&")}'`}`)
    .join(" ");
}

function shellQuoted(text: string): string {
  return /^[\w.:/=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
