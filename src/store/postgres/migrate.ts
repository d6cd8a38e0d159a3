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
import { migrations } from "./schema.js";

/** The schema version that this program needs. */
export const schemaVersion = newest(migrations);

const makeVersions = "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)";

/**
 * Brings the schema up to this program's, and installs its functions. Each migration is one transaction that writes its version row
 * first, so of processes that start at once one migrates and the others wait for it and find it done; killed half way, nothing of
 * that migration is there. A newer schema stays as it is. Returns the versions that were applied.
 * Throws `NewerSchemaError` if the database's rows say that this program is too old for it.
 */
export function migrate(location: PostgresLocation, now: EpochMs = Date.now()): Promise<number[]> {
  return withClient(location, async (client) => {
    await refuseEncoding(client);
    const applied = await migrateSchema(client, now);
    await installFunctions(client, now);
    return applied;
  });
}

async function migrateSchema(client: pg.Client, now: EpochMs): Promise<number[]> {
  const state = await schemaOf(client);
  refuseNewer(state, schemaVersion);
  if (state.version >= schemaVersion) return [];
  // IF NOT EXISTS looks before it waits for a process that makes it in the same moment, and then fails one way or another.
  await client.query(makeVersions).catch(async (error: unknown) => {
    if (!(await hasVersions(client))) throw error;
  });
  const applied: number[] = [];
  for (const migration of migrations) if (await apply(client, migration, now)) applied.push(migration.version);
  return applied;
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

/** Programs that serve lock several tables in orders of their own, so a migration can meet them in a deadlock. It then starts over. */
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

/** What the database that a client is connected to says about its schema. Writes nothing. */
export async function schemaOf(client: pg.Client): Promise<SchemaState> {
  if (!(await hasVersions(client))) return { version: 0, oldestProgram: 0 };
  // As JSON a row has the column or has it not; a statement that names it needs it.
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
