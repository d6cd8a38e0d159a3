import type { KeyCheck, Keys } from "../port/keys.js";
import { isLiveChallenge, isLiveSession } from "../shared/rows.js";
import { withClient } from "./connection.js";
import { functionName } from "./functions/set.js";
import type { PostgresLocation } from "./location.js";

const count: Readonly<Record<KeyCheck["use"], string>> = {
  master: `SELECT count(*) AS count FROM sessions s WHERE s.key_id = $1 AND ${isLiveSession("$2")}`,
  pepper: `SELECT count(*) AS count FROM challenges c WHERE c.pepper_id = $1 AND ${isLiveChallenge("$2")}`,
};
const removeSessions = `SELECT ${functionName("end_sessions")}(ARRAY(
  SELECT s.session_id FROM sessions s WHERE s.key_id = $1 AND ${isLiveSession("$2")} LIMIT $3)) AS ended`;

/**
 * Not cold operations: millions of rows may need a key. So they run without the time limits of operations, and sessions end in
 * the lock order of the hot paths.
 */
export function createKeyUses(location: PostgresLocation): Pick<Keys, "countUses" | "revokeSessions"> {
  async function searched<Row>(text: string, values: readonly unknown[]): Promise<Row> {
    return await withClient(location, async (client) => {
      // Otherwise each of many batches would read again what earlier ones deleted: the planner expects the first rows to be soon found.
      await client.query("BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan");
      const { rows } = await client.query(text, [...values]);
      await client.query("COMMIT");
      return rows[0] as Row;
    });
  }

  return {
    countUses: async ({ use, keyId, now }) => (await searched<{ count: number }>(count[use], [keyId, now])).count,
    revokeSessions: async ({ keyId, now, limit }) =>
      (await searched<{ ended: number }>(removeSessions, [keyId, now, limit])).ended,
  };
}
