import type pg from "pg";
import { newest, refuseNewer } from "../rules/schema-version.js";
import { withClient } from "./connection.js";
import type { PostgresLocation } from "./location.js";
import { functions, migrations } from "./schema.js";

/** The schema version that this program needs. */
export const schemaVersion = newest(migrations);

const makeVersions = "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)";

/**
 * Brings the schema up to this program's. Each migration is one transaction that writes its version row first, so of processes that
 * start at once one migrates and the others wait for it and find it done; killed half way, nothing of that migration is there.
 * The newest one also replaces the functions. Gives the versions that were applied.
 */
export function migrate(location: PostgresLocation): Promise<number[]> {
  return withClient(location, async (client) => {
    await refuseEncoding(client);
    const version = await versionOf(client);
    refuseNewer(version, schemaVersion);
    if (version === schemaVersion) return [];
    // IF NOT EXISTS looks before it waits for a process that makes it in the same moment, and then fails one way or another.
    await client.query(makeVersions).catch(async (error: unknown) => {
      if (!(await hasVersions(client))) throw error;
    });
    const applied: number[] = [];
    for (const migration of migrations) if (await apply(client, migration)) applied.push(migration.version);
    return applied;
  });
}

/** The database can't hold every character that names and messages have. */
export class DatabaseEncodingError extends Error {
  override readonly name = "DatabaseEncodingError";
}

async function refuseEncoding(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ server_encoding: string }>("SHOW server_encoding");
  const encoding = rows[0]!.server_encoding;
  if (encoding === "UTF8") return;
  throw new DatabaseEncodingError(
    `the database's encoding is ${encoding}, and Latchkey needs UTF8: make a database with ` +
      "`createdb --encoding=UTF8 --template=template0` and name it in LATCHKEY_DATABASE_URL",
  );
}

async function apply(client: pg.Client, { version, sql }: (typeof migrations)[number]): Promise<boolean> {
  await client.query("BEGIN");
  const row = await client.query(
    "INSERT INTO schema_migrations (version, applied_at) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING",
    [version, Date.now()],
  );
  if (row.rowCount === 1) {
    await client.query(sql);
    if (version === schemaVersion) await replaceFunctions(client);
  }
  await client.query("COMMIT");
  return row.rowCount === 1;
}

/** Drops the functions of older versions by name, since their parameters may differ, and creates this version's. */
async function replaceFunctions(client: pg.Client): Promise<void> {
  const names = Array.from(functions.matchAll(/^CREATE FUNCTION (\w+)/gm), ([, name]) => name);
  const { rows } = await client.query<{ signature: string }>(
    "SELECT oid::regprocedure::text AS signature FROM pg_proc WHERE proname = ANY ($1) AND pronamespace = current_schema()::regnamespace",
    [names],
  );
  for (const { signature } of rows) await client.query(`DROP FUNCTION ${signature}`);
  await client.query(functions);
}

/** The version of the schema that a client is connected to; 0 when there is none. Writes nothing. */
export async function versionOf(client: pg.Client): Promise<number> {
  if (!(await hasVersions(client))) return 0;
  const { rows } = await client.query("SELECT coalesce(max(version), 0) AS version FROM schema_migrations");
  return (rows[0] as { version: number }).version;
}

async function hasVersions(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query("SELECT to_regclass('schema_migrations') IS NOT NULL AS known");
  return (rows[0] as { known: boolean }).known;
}
