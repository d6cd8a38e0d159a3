import type pg from "pg";
import type { EpochMs } from "../../model/time.js";
import {
  firstWithOldestProgram,
  type Migration,
  newest,
  oldestProgramAt,
  refuseNewer,
  type SchemaState,
} from "../rules/schema-version.js";
import { withClient } from "./connection.js";
import { isConflict } from "./errors.js";
import { installFunctions } from "./functions/install.js";
import type { PostgresLocation } from "./location.js";
import { makePartitions } from "./partitions.js";
import { migrations } from "./schema.js";

/** The schema version that this program needs. */
export const schemaVersion = newest(migrations);

const makeVersions = "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)";

/**
 * Brings the schema up to this program's version and installs its functions. Each migration is one transaction that writes its
 * version row first. So if several processes start at once, one migrates while the others wait and then find it done. A process
 * killed half way leaves nothing of that migration. A newer schema stays as it is. Returns the versions that were applied.
 * Throws `NewerSchemaError` if the database's rows say that this program is too old for it.
 */
export function migrate(location: PostgresLocation, now: EpochMs = Date.now()): Promise<number[]> {
  return withClient(location, async (client) => {
    await refuseEncoding(client);
    const applied = await migrateSchema(client, now);
    await installFunctions(client, now);
    await makePartitions(client, { from: now, now });
    return applied;
  });
}

async function migrateSchema(client: pg.Client, now: EpochMs): Promise<number[]> {
  const state = await schemaOf(client);
  refuseNewer(state, schemaVersion);
  if (state.version >= schemaVersion) return [];
  // IF NOT EXISTS checks before it waits for a process that creates the table at the same moment. It then fails in one of
  // several ways.
  await client.query(makeVersions).catch(async (error: unknown) => {
    if (!(await hasVersions(client))) throw error;
  });
  const applied: number[] = [];
  for (const migration of migrations) if (await apply(client, migration, now)) applied.push(migration.version);
  return applied;
}

/** Thrown when the database's encoding can't hold every character of names and messages. */
export class DatabaseEncodingError extends Error {
  override readonly name = "DatabaseEncodingError";
}

async function refuseEncoding(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ server_encoding: string }>("SHOW server_encoding");
  const encoding = rows[0]!.server_encoding;
  if (encoding === "UTF8") return;
  throw new DatabaseEncodingError(
    `the database's encoding is ${encoding}, but Latchkey needs UTF8: create a database with ` +
      "`createdb --encoding=UTF8 --template=template0` and name it in LATCHKEY_DATABASE_URL",
  );
}

/** Serving programs lock several tables in other orders, so a migration can deadlock with them. It then starts over. */
async function apply(client: pg.Client, migration: Migration, now: EpochMs): Promise<boolean> {
  for (;;) {
    try {
      return await applyOnce(client, migration, now);
    } catch (error) {
      if (!isConflict(error)) throw error;
      await client.query("ROLLBACK");
    }
  }
}

async function applyOnce(client: pg.Client, { version, sql }: Migration, now: EpochMs): Promise<boolean> {
  await client.query("BEGIN");
  const row = await client.query(
    "INSERT INTO schema_migrations (version, applied_at) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING",
    [version, now],
  );
  if (row.rowCount === 1) {
    await client.query(sql);
    if (version >= firstWithOldestProgram) {
      const oldestProgram = oldestProgramAt(migrations, version);
      await client.query("UPDATE schema_migrations SET oldest_program = $1 WHERE version = $2", [oldestProgram, version]);
    }
  }
  await client.query("COMMIT");
  return row.rowCount === 1;
}

/** Returns the schema versions that a client's database records. Writes nothing. */
export async function schemaOf(client: pg.Client): Promise<SchemaState> {
  if (!(await hasVersions(client))) return { version: 0, oldestProgram: 0 };
  // Reads the row as JSON, because a statement that names a missing column fails.
  const { rows } = await client.query<SchemaState>(
    `SELECT coalesce(max(version), 0) AS version,
      coalesce(max(coalesce((to_jsonb(m) ->> 'oldest_program')::integer, version)), 0) AS "oldestProgram" FROM schema_migrations m`,
  );
  return rows[0]!;
}

async function hasVersions(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query("SELECT to_regclass('schema_migrations') IS NOT NULL AS known");
  return (rows[0] as { known: boolean }).known;
}
