import type { PostgresLocation } from "../store/postgres/location.js";
import { standardStream } from "./io.js";

/** Returns the command that backs up a PostgreSQL database. pg_dump asks for the password, or reads it from ~/.pgpass. */
export function dumpCommand(location: PostgresLocation, target: string): string {
  const to = target === standardStream ? "" : ` --file=${shellQuoted(target)}`;
  return `pg_dump --format=custom --no-owner --dbname=${shellQuoted(connectionText(location))}${to}`;
}

/** Returns the command that fills a new, empty PostgreSQL database from such a backup. */
export function restoreCommand(location: PostgresLocation, source: string): string {
  const from = source === standardStream ? "" : ` ${shellQuoted(source)}`;
  return `pg_restore --no-owner --single-transaction --dbname=${shellQuoted(connectionText(location))}${from}`;
}

/** Returns a sentence to add to such a command. These programs leave settings in a session, which a pooler gives to others. */
export function poolerNote({ pooler }: PostgresLocation): string {
  return pooler === "none" ? "" : " Name the server itself in that command instead of the pooler.";
}

/** Returns the connection string for libpq, without the password. */
function connectionText(location: PostgresLocation): string {
  const { hosts, user, database, sslmode, sslrootcert, sslcert, sslkey, passfile } = location;
  const fields = {
    host: hosts.map(({ host }) => host).join(","),
    port: hosts.map(({ port }) => port).join(","),
    user,
    dbname: database,
    sslmode,
    sslrootcert,
    sslcert,
    sslkey,
    passfile,
    target_session_attrs: hosts.length > 1 ? "read-write" : null,
  };
  return Object.entries(fields)
    .filter((field): field is [string, string] => field[1] !== null)
    .map(([name, value]) => `${name}=${/^[\w.:,/-]+$/.test(value) ? value : `'${value.replace(/['\\]/g, "\\$&")}'`}`)
    .join(" ");
}

function shellQuoted(text: string): string {
  return /^[\w.:/=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
