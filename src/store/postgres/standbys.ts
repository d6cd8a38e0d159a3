import { createBreaker } from "./breaker.js";
import { operationOptions } from "./connection.js";
import { type Database, openDatabase, type Statement } from "./database.js";
import type { PostgresLocation } from "./location.js";
import { createOpener } from "./opener.js";
import { createPool } from "./pool.js";
import type { ConnectionOptions } from "./server.js";

/** On a primary that was a standby until a moment ago: 0. */
const lag: Statement = {
  name: "standby_lag",
  text: `SELECT CASE WHEN pg_is_in_recovery()
    THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 ELSE 0 END::float8 AS ms`,
};
/** Processes write every second, so a standby without newer writes is behind, or cut off from the primary. */
const lagMaxMs = 10_000;
const lagCheckMs = 1_000;

/** A standby that hangs delays a read no longer than this; then the primary has time to answer. */
const answerTimeoutMs = 2_000;
const options: ConnectionOptions = {
  settings: { ...operationOptions.settings, statement_timeout: `${answerTimeoutMs}` },
  answerTimeoutMs,
};

/** After one failure the primary serves all reads for a while, so that a missing standby delays few of them. */
const limits = { failuresMax: 1, restMs: 5_000 };

/**
 * A database whose statements run on a standby, and on the primary if no standby answers or the standby is more than 10 s behind.
 * So these are reads that may be a moment old. Transactions and changes run on the primary.
 */
export function openStandbys(location: PostgresLocation, primary: Database): Database {
  if (location.readHosts.length === 0) return primary;
  const opener = createOpener({ ...location, hosts: location.readHosts, role: "standby" });
  const pool = createPool(() => opener.open(options));
  const standbys = openDatabase({ pool, places: location.poolMax, breaker: createBreaker(undefined, limits) });
  let checkedAt = Number.NEGATIVE_INFINITY;

  async function refuseLagging(): Promise<void> {
    if (performance.now() - checkedAt < lagCheckMs) return;
    const [row] = await standbys.rows<{ ms: number | null }>(lag);
    if (row!.ms === null || row!.ms > lagMaxMs) throw new Error(`the standby is more than ${lagMaxMs} ms behind`);
    checkedAt = performance.now();
  }

  return {
    ...primary,
    async rows(...given) {
      try {
        await refuseLagging();
        return await standbys.rows(...given);
      } catch {
        // Whatever a standby fails with: during an upgrade it may even lack a table that the primary has.
        return await primary.rows(...given);
      }
    },
    async close() {
      await standbys.close();
      pool.close();
    },
  };
}
