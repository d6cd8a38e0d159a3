import type { Database } from "better-sqlite3";
import type { Contact } from "../../../model/contact.js";
import { maskContact } from "../../../model/mask.js";
import { byClaim, byContact } from "../people/challenges.js";

/**
 * Erases people and contacts from messages inside the caller's transaction, before their contacts are removed. What waits to be
 * forwarded about these messages is deleted.
 */
export interface EraseMessages {
  /** Erases the user and the destination from all messages of a user, and from those to the same contacts that name no user. */
  ofUser(userId: string): void;
  /**
   * Erases the destination from the user's messages to contacts with the same masked form, and from those to the same contacts that
   * name no user.
   */
  ofContact(of: { readonly userId: string; readonly contact: Contact }): void;
}

/** Messages to the contact keys in the list, except those of other users. */
const toKeys = "(m.user_id IS NULL OR m.user_id = @userId) AND m.contact_key IN (SELECT value FROM keys)";

export function createEraseMessages(db: Database): EraseMessages {
  // A message that still awaits the end of its challenge may not name the user yet.
  const awaiting = (challenges: string) => `
    SELECT m.contact_key FROM messages m INDEXED BY messages_awaiting
    WHERE m.awaits_redemption AND m.challenge_id IN (${challenges}) AND m.contact_key IS NOT NULL
      AND (m.user_id IS NULL OR m.user_id = @userId)`;
  const forget = db.prepare<[number]>("DELETE FROM message_forwards WHERE message_id = ?");
  const user = db.prepare<{ userId: string }, ErasedRow>(`
    WITH keys(value) AS (
      SELECT m.contact_key FROM messages m WHERE m.user_id = @userId AND m.contact_key IS NOT NULL
      UNION ${awaiting(`
        SELECT c.challenge_id FROM contacts o CROSS JOIN challenges c ON ${byContact} WHERE o.user_id = @userId
        UNION SELECT c.challenge_id FROM claims l CROSS JOIN challenges c ON ${byClaim} WHERE l.user_id = @userId
        UNION SELECT c.challenge_id FROM challenges c WHERE c.user_id = @userId AND c.purpose IS 'change_contact'`)}
    )
    UPDATE messages SET user_id = NULL, contact_key = NULL, masked_destination = '' WHERE message_id IN (
      SELECT m.message_id FROM messages m WHERE m.user_id = @userId UNION SELECT m.message_id FROM messages m WHERE ${toKeys})
    RETURNING message_id`);
  const contact = db.prepare<Contact & { userId: string; masked: string }, ErasedRow>(`
    WITH keys(value) AS (
      SELECT m.contact_key FROM messages m
      WHERE m.user_id = @userId AND m.contact_key IS NOT NULL AND m.masked_destination = @masked
      UNION ${awaiting(`
        SELECT c.challenge_id FROM challenges c
        WHERE c.contact_value = @value AND c.contact_kind = @kind AND c.pool_id = (SELECT u.pool_id FROM users u WHERE u.user_id = @userId)`)}
    )
    UPDATE messages SET contact_key = NULL, masked_destination = '' WHERE message_id IN (
      SELECT m.message_id FROM messages m WHERE ${toKeys})
    RETURNING message_id`);
  const forgetAll = (erased: readonly ErasedRow[]): void => {
    for (const { message_id } of erased) forget.run(message_id);
  };
  return {
    ofUser(userId) {
      forgetAll(user.all({ userId }));
    },
    ofContact({ userId, contact: { kind, value } }) {
      forgetAll(contact.all({ userId, kind, value, masked: maskContact({ kind, value }) }));
    },
  };
}

interface ErasedRow {
  message_id: number;
}
