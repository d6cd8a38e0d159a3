import type pg from "pg";
import { codeOf } from "../../../lib/error-code.js";
import type { EpochMs } from "../../../model/time.js";
import { withClient } from "../connection.js";
import type { PostgresLocation } from "../location.js";
import { createFunctions, functionNames, functionSetId } from "./set.js";

/** How often a process records that it uses its functions. */
const keepEveryMs = 60 * 60_000;
/** How long functions are kept that no process has recorded as used. */
const unusedMs = 24 * 60 * 60_000;

/** Thrown when the login may not create the missing functions. */
export class FunctionRightsError extends Error {
  override readonly name = "FunctionRightsError";
}

const insufficientPrivilege = "42501";
const readOnly = "25006";

/**
 * Creates this program's functions if they are missing, and records that they are in use at `now`. If several processes start
 * at once, one creates them while the others wait and then find them. If the functions exist, the login needs no right to
 * create them. Throws `FunctionRightsError` if they are missing and the login lacks that right.
 */
export async function installFunctions(client: pg.Client, now: EpochMs): Promise<void> {
  await inTransaction(client, async () => {
    // The row is also a lock against other processes of this program, and against a program that is about to drop these
    // functions.
    await client.query(
      `INSERT INTO function_sets AS s (set_id, used_at) VALUES ($1, $2)
        ON CONFLICT (set_id) DO UPDATE SET used_at = greatest(s.used_at, excluded.used_at)`,
      [functionSetId, now],
    );
    if (!(await hasFunctions(client))) await client.query(createFunctions);
  }).catch(async (error: unknown) => {
    // A server that accepts no writes still serves reads if no function is missing.
    if (codeOf(error) === readOnly && (await hasFunctions(client))) return;
    if (codeOf(error) !== insufficientPrivilege) throw error;
    throw new FunctionRightsError(
      "the database lacks this program's functions, and the login of LATCHKEY_DATABASE_URL may not create them: run " +
        "`latchkey migrate` with a login that owns the tables",
      { cause: error },
    );
  });
}

/** Returns whether this program's functions are in the client's schema. */
export async function hasFunctions(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ found: number }>(
    "SELECT count(*) AS found FROM pg_proc WHERE proname = ANY ($1) AND pronamespace = current_schema()::regnamespace",
    [functionNames],
  );
  return rows[0]!.found === functionNames.length;
}

/**
 * Drops the functions of every program that was last in use before `before`. Keeps those that a process is recording as used at
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

/** Drops one set that is not in `left`. Returns its id, or null if there is none. */
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
 * Keeps the functions of a running process. Called often, it records once an hour that they are in use, and drops those that no
 * process has used for a day. Creates this program's functions again if they are gone, for instance after the process was
 * suspended for longer than that.
 * @param keptAt When their use was last recorded.
 */
export function createFunctionKeeper(location: PostgresLocation, keptAt: EpochMs): (now: EpochMs) => Promise<void> {
  return async (now) => {
    const sinceMs = now - keptAt;
    if (Math.abs(sinceMs) < keepEveryMs) return;
    await withClient(location, async (client) => {
      await installFunctions(client, now);
      keptAt = now;
      // After an outage of the database other processes need time to record that they still use their functions.
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
