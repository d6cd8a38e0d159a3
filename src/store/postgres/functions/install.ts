import type pg from "pg";
import { codeOf } from "../../../lib/error-code.js";
import type { EpochMs } from "../../../model/time.js";
import { withClient } from "../connection.js";
import type { PostgresLocation } from "../location.js";
import { createFunctions, functionNames, functionSetId } from "./set.js";

/** How often a process says that it uses its functions. */
const keepEveryMs = 60 * 60_000;
/** How long functions stay that no process says it uses. */
const unusedMs = 24 * 60 * 60_000;

/** The login may not create the functions that are missing. */
export class FunctionRightsError extends Error {
  override readonly name = "FunctionRightsError";
}

const insufficientPrivilege = "42501";
const readOnly = "25006";

/**
 * Creates this program's functions if they are missing, and writes down that they are in use at `now`. Of processes that start at
 * once one creates them; the others wait for it and find them. A login without the right to create is enough where they are there.
 * Throws `FunctionRightsError` where they are not.
 */
export async function installFunctions(client: pg.Client, now: EpochMs): Promise<void> {
  await inTransaction(client, async () => {
    // The row is a lock too: for other processes of this program, and for one that is about to drop its functions.
    await client.query(
      `INSERT INTO function_sets AS s (set_id, used_at) VALUES ($1, $2)
        ON CONFLICT (set_id) DO UPDATE SET used_at = greatest(s.used_at, excluded.used_at)`,
      [functionSetId, now],
    );
    if (!(await hasFunctions(client))) await client.query(createFunctions);
  }).catch(async (error: unknown) => {
    // A server that takes no writes is served for its reads as long as nothing is missing.
    if (codeOf(error) === readOnly && (await hasFunctions(client))) return;
    if (codeOf(error) !== insufficientPrivilege) throw error;
    throw new FunctionRightsError(
      "the database lacks this program's functions, and the login of LATCHKEY_DATABASE_URL may not create them: run " +
        "`latchkey migrate` with a login that owns the tables",
      { cause: error },
    );
  });
}

/** Whether this program's functions are in the schema that a client works in. */
export async function hasFunctions(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ found: number }>(
    "SELECT count(*) AS found FROM pg_proc WHERE proname = ANY ($1) AND pronamespace = current_schema()::regnamespace",
    [functionNames],
  );
  return rows[0]!.found === functionNames.length;
}

/**
 * Drops the functions of every program that was last in use before `before`. Leaves those that a process writes down as used at
 * this moment, and those of another owner.
 */
export async function dropUnusedFunctions(client: pg.Client, before: EpochMs): Promise<void> {
  const left = [functionSetId];
  for (;;) {
    const setId = await dropOne(client, before, left);
    if (setId === null) return;
    left.push(setId);
  }
}

/** Drops one set that is not among `left`. Returns its id; null if there is none. */
async function dropOne(client: pg.Client, before: EpochMs, left: readonly string[]): Promise<string | null> {
  let setId: string | null = null;
  await inTransaction(client, async () => {
    const { rows } = await client.query<{ set_id: string }>(
      `SELECT set_id FROM function_sets WHERE used_at < $1 AND set_id <> ALL ($2)
        ORDER BY set_id LIMIT 1 FOR UPDATE SKIP LOCKED`,
      [before, left],
    );
    if (rows.length === 0) return;
    setId = rows[0]!.set_id;
    const functions = await client.query<{ signature: string }>(
      `SELECT oid::regprocedure::text AS signature FROM pg_proc
        WHERE right(proname, length($1) + 1) = '_' || $1 AND pronamespace = current_schema()::regnamespace`,
      [setId],
    );
    if (functions.rows.length > 0) {
      await client.query(`DROP FUNCTION ${functions.rows.map(({ signature }) => signature).join(", ")}`);
    }
    await client.query("DELETE FROM function_sets WHERE set_id = $1", [setId]);
  }).catch((error: unknown) => {
    if (codeOf(error) !== insufficientPrivilege) throw error;
  });
  return setId;
}

/**
 * Keeps the functions of a process that runs: called often, it writes down once an hour that they are in use, and drops what no
 * process has used for a day. Creates them again if they are gone, as after a process was suspended for longer than that.
 * @param keptAt When they were written down as used last.
 */
export function createFunctionKeeper(location: PostgresLocation, keptAt: EpochMs): (now: EpochMs) => Promise<void> {
  return async (now) => {
    const sinceMs = now - keptAt;
    if (Math.abs(sinceMs) < keepEveryMs) return;
    await withClient(location, async (client) => {
      await installFunctions(client, now);
      keptAt = now;
      // After an outage of the database other processes need a moment to say that they still use theirs.
      if (sinceMs > 0 && sinceMs < 2 * keepEveryMs) await dropUnusedFunctions(client, now - unusedMs);
    });
  };
}

async function inTransaction(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query("BEGIN");
  try {
    await work();
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}
