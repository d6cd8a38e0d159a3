import type { ClientConfig } from "pg";
import pg from "pg";
import { translated, unavailableError } from "./errors.js";
import type { PostgresLocation } from "./location.js";
import { createOpener } from "./opener.js";

/** What our connections are called in the server's list of them. */
export const applicationName = "latchkey";

/** How long one operation may wait for a racer's lock; among several that wait for one lock, each once more when the one before gave up. */
const lockTimeoutMs = 3_000;
/** How long one operation may take at all. */
const statementTimeoutMs = 4_000;
/** Past this time the server itself is not expected to answer any more. */
const answerTimeoutMs = 6_000;

const int8 = 20;
const int8Array = 1016;

/** Times and counts come as numbers: milliseconds since 1970 are far from where numbers lose digits. */
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
 * Options of connections that serve operations. Tables that just now were empty have statistics that make whole-table scans look
 * cheap; every statement here has an index, so scans are left to where there is none, and are not compiled (jit) for looking dear.
 * These are settings of PostgreSQL's own planner: a server that only speaks its protocol may want `options` without them.
 */
export const operationOptions: ClientConfig = {
  ...commonOptions,
  statement_timeout: statementTimeoutMs,
  lock_timeout: lockTimeoutMs,
  query_timeout: answerTimeoutMs,
  idle_in_transaction_session_timeout: statementTimeoutMs,
  options: `${isolation} ${planning}`,
};

/** Does work on a connection of its own, without the time limits of operations: a migration may take long, and others wait for it. */
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
