import type pg from "pg";
import { translated, unavailableError } from "./errors.js";
import type { PostgresLocation } from "./location.js";
import { createOpener } from "./opener.js";
import type { ConnectionOptions } from "./server.js";
import { silenceMaxMs } from "./silence.js";

/**
 * How long one operation may wait for another's lock. If several wait for one lock, the wait restarts when an earlier one gives
 * up.
 */
const lockTimeoutMs = 3_000;
/** How long one operation may take in all. */
const statementTimeoutMs = 4_000;
/** How long to wait for an answer of the server. */
const answerTimeoutMs = 6_000;

/** For work that may take long. */
const patient: ConnectionOptions = { settings: {} };

/**
 * For operations. Statistics of recently empty tables make full scans look cheap. Every statement here has an index, so the
 * planner scans only where there is none. Plans that look expensive are not compiled (jit). These are settings of PostgreSQL's
 * own planner. A server that only speaks its protocol may need other ones.
 */
export const operationOptions: ConnectionOptions = {
  settings: {
    statement_timeout: `${statementTimeoutMs}`,
    lock_timeout: `${lockTimeoutMs}`,
    idle_in_transaction_session_timeout: `${statementTimeoutMs}`,
    enable_seqscan: "off",
    plan_cache_mode: "force_generic_plan",
    jit: "off",
  },
  answerTimeoutMs,
};

/** For heartbeats and other checks of the server. */
export const healthOptions: ConnectionOptions = { ...operationOptions, answerTimeoutMs: silenceMaxMs };

/**
 * Runs `work` on its own connection without the time limits of operations, because a migration may take long and other
 * processes wait for it.
 */
export async function withClient<T>(location: PostgresLocation, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await createOpener(location)
    .open(patient)
    .catch((error: unknown) => Promise.reject(unavailableError(error)));
  try {
    return await work(client);
  } catch (error) {
    throw translated(error);
  } finally {
    await client.end().catch(() => {});
  }
}
