import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import type { Keys } from "../port/keys.js";
import { isLiveChallenge, isLiveSession } from "../shared/rows.js";
import type { Writer } from "./writer.js";

/** Not cold operations: sessions and challenges are hot, and each engine changes them in its own way. */
export function createKeyUses(db: Database, writer: Writer): Pick<Keys, "countUses" | "revokeSessions"> {
  const count = {
    master: db.prepare<{ keyId: string; now: EpochMs }, { count: number }>(
      `SELECT count(*) AS count FROM sessions s WHERE key_id = @keyId AND ${isLiveSession("@now")}`,
    ),
    pepper: db.prepare<{ keyId: string; now: EpochMs }, { count: number }>(
      `SELECT count(*) AS count FROM challenges c WHERE pepper_id = @keyId AND ${isLiveChallenge("@now")}`,
    ),
  };
  const removeSessions = db.prepare<{ keyId: string; now: EpochMs; limit: number }>(
    `DELETE FROM sessions WHERE session_id IN (
      SELECT session_id FROM sessions s WHERE key_id = @keyId AND ${isLiveSession("@now")} LIMIT @limit)`,
  );
  return {
    countUses: ({ use, keyId, now }) => writer.read(() => count[use].get({ keyId, now })!.count),
    revokeSessions: (change) => writer.write(() => removeSessions.run(change).changes),
  };
}
