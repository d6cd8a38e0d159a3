import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../../model/time.js";
import type { Writer } from "../writer.js";

interface Awaiting {
  message_id: number;
  challenge_id: string;
  /** Whether the challenge may still be redeemed. */
  live: number;
  consumed_at: EpochMs | null;
}

/**
 * Returns `Messages.joinRedemptions`. It looks without a transaction. A challenge that has ended changes no more, so what is found
 * still holds when it is written. Only a person may be erased in between: the user is looked up when it is written.
 */
export function createJoinRedemptions(db: Database) {
  const after = db.prepare<{ challengeId: string; messageId: number; now: EpochMs; limit: number }, Awaiting>(`
    SELECT m.message_id, m.challenge_id, c.consumed_at,
      c.challenge_id IS NOT NULL AND c.consumed_at IS NULL AND c.cancelled_at IS NULL AND c.expires_at > @now AS live
    FROM messages m INDEXED BY messages_awaiting LEFT JOIN challenges c ON c.challenge_id = m.challenge_id
    WHERE m.awaits_redemption AND (m.challenge_id, m.message_id) > (@challengeId, @messageId)
    ORDER BY m.challenge_id, m.message_id LIMIT @limit`);
  const note = db.prepare<{ messageId: number; verifiedAt: EpochMs | null }>(`
    UPDATE messages AS m SET awaits_redemption = 0, verified_at = @verifiedAt,
      user_id = CASE WHEN m.user_id IS NULL AND m.contact_key IS NOT NULL THEN (
        SELECT o.user_id FROM challenges c
        JOIN contacts o ON o.pool_id = c.pool_id AND o.kind = c.contact_kind AND o.value = c.contact_value
        JOIN memberships b ON b.app_id = m.app_id AND b.user_id = o.user_id
        WHERE c.challenge_id = m.challenge_id) ELSE m.user_id END
    WHERE m.message_id = @messageId AND m.awaits_redemption`);
  let until = { challengeId: "", messageId: 0 };

  return async (writer: Writer, { now, limit }: { readonly now: EpochMs; readonly limit: number }) => {
    const rows = await writer.read(() => after.all({ ...until, now, limit }));
    const last = rows.length < limit ? undefined : rows.at(-1);
    until =
      last === undefined ? { challengeId: "", messageId: 0 } : { challengeId: last.challenge_id, messageId: last.message_id };
    const ended = rows.filter(({ live }) => live === 0);
    const noted = ended.filter(({ consumed_at }) => consumed_at !== null).length;
    if (ended.length === 0) return { seen: rows.length, noted: 0 };
    await writer.writeUnflushed(() => {
      for (const { message_id: messageId, consumed_at: verifiedAt } of ended) note.run({ messageId, verifiedAt });
    });
    return { seen: rows.length, noted };
  };
}
