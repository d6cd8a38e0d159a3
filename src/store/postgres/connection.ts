import type { ClientConfig } from "pg";
import pg from "pg";
import { translated, unavailableError } from "./errors.js";
import type { PostgresLocation } from "./location.js";
import { createOpener } from "./opener.js";

/** The `application_name` of Latchkey's connections. */
export const applicationName = "latchkey";

/**
 * How long one operation may wait for another's lock. If several wait for one lock, the wait restarts when an earlier one gives
 * up.
 */
const lockTimeoutMs = 3_000;
/** How long one operation may take in all. */
const statementTimeoutMs = 4_000;
/** After this time no answer of the server is expected any more. */
const answerTimeoutMs = 6_000;

const int8 = 20;
const int8Array = 1016;

/** Read times and counts as numbers: milliseconds since 1970 are far below 2^53. */
const types: ClientConfig["types"] = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === int8) return Number;
    if (oid === int8Array) return (text: string) => (text === "{}" ? [] : text.slice(1, -1).split(",").map(Number));
    return format === "binary" ? pg.types.getTypeParser(oid, format) : pg.types.getTypeParser(oid, "text");
  },
};

const isolation = "-c default_transaction_isolation=read\\ committed";

/** Options of every connection. */
export const commonOptions: ClientConfig = {
  application_name: applicationName,
  options: isolation,
  keepAlive: true,
  types,
};

const planning = "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off";

/**
 * Options of connections that serve operations. Statistics of recently empty tables make full scans look cheap. Every statement
 * here has an index, so the planner scans only where there is none. Plans that look expensive are not compiled (jit). These are
 * settings of PostgreSQL's own planner. A server that only speaks its protocol may need `options` without them.
 */
export const operationOptions: ClientConfig = {
  ...commonOptions,
  statement_timeout: statementTimeoutMs,
  lock_timeout: lockTimeoutMs,
  query_timeout: answerTimeoutMs,
  idle_in_transaction_session_timeout: statementTimeoutMs,
  options: `${isolation} ${planning}`,
};

/**
 * Runs `work` on its own connection without the time limits of operations, because a migration may take long and other
 * processes wait for it.
 */
export async function withClient<T>(location: PostgresLocation, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await createOpener(location)
    .open(commonOptions)
    .catch((error: unknown) => Promise.reject(unavailableError(error)));
  try {
    return await work(client);
  } catch (error) {
    throw translated(error);
  } finally {
    await client.end().catch(() => {});
  }
}
