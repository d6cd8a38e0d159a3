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
 * Not cold operations: no index shows which of millions of rows need a key. So they run without the time limits of operations,
 * and sessions end in the lock order of the hot paths.
 */
export function createKeyUses(location: PostgresLocation): Pick<Keys, "countUses" | "revokeSessions"> {
  async function searched<Row>(text: string, values: readonly unknown[]): Promise<Row> {
    const { rows } = await withClient(location, (client) => client.query(text, [...values]));
    return rows[0] as Row;
  }

  return {
    countUses: async ({ use, keyId, now }) => (await searched<{ count: number }>(count[use], [keyId, now])).count,
    revokeSessions: async ({ keyId, now, limit }) =>
      (await searched<{ ended: number }>(removeSessions, [keyId, now, limit])).ended,
  };
}
