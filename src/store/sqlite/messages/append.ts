import type { Database } from "better-sqlite3";
import type { EndedTry } from "../../port/messages.js";
import { afterTry } from "../../rules/message-changes.js";
import { type MessageRow, type NewMessageRow, rowOfTry } from "../../shared/message-rows.js";
import { changeMessage, selectMessage } from "./change.js";
import { createWaitingReports } from "./waiting-reports.js";

/**
 * Appends an ended try to its message inside the caller's transaction, and applies the reports that waited for it. A try that is
 * there already is not appended again. If the user or the contact was erased while the message was being sent, the message is
 * stored without them.
 */
export type AppendTry = (given: EndedTry) => void;

export function createAppendTry(db: Database): AppendTry {
  const find = selectMessage(db, "m.message_id = ?");
  const change = changeMessage(db);
  const waiting = createWaitingReports(db);
  const isErased = db
    .prepare<{ userId: string | null; challengeId: string }, number>(`
      SELECT (@userId IS NOT NULL AND NOT EXISTS (SELECT 1 FROM users WHERE user_id = @userId))
        OR EXISTS (SELECT 1 FROM challenges WHERE challenge_id = @challengeId AND contact_value IS NULL)`)
    .pluck();
  const insert = db.prepare<Omit<NewMessageRow, "tries"> & { tries: string }>(`
    INSERT INTO messages (message_id, queued_at, reference, app_id, user_id, challenge_id, purpose, channel, masked_destination,
      contact_key, country, provider, provider_message_id, status, cause, tries, segments, price_amount, price_currency, sent_at,
      delivered_at, verified_at, awaits_redemption)
    VALUES (@message_id, @queued_at, @reference, @app_id, @user_id, @challenge_id, @purpose, @channel, @masked_destination,
      @contact_key, @country, @provider, @provider_message_id, @status, @cause, @tries, @segments, @price_amount, @price_currency,
      @sent_at, NULL, NULL, 1)`);

  function add(row: NewMessageRow): void {
    const erased = isErased.get({ userId: row.user_id, challengeId: row.challenge_id }) === 1;
    insert.run({
      ...row,
      ...(erased ? { user_id: null, contact_key: null, masked_destination: "" } : {}),
      tries: JSON.stringify(row.tries),
    });
  }

  function append(known: MessageRow, row: NewMessageRow): void {
    const tries = JSON.parse(known.tries as string) as unknown[];
    const ended = JSON.stringify(row.tries[0]);
    if (tries.some((one) => JSON.stringify(one) === ended)) return;
    change(known.message_id, { ...afterTry(known, row), tries: JSON.stringify([...tries, row.tries[0]]) });
  }

  return (given) => {
    const row = rowOfTry(given);
    const known = find.get(row.message_id);
    if (known === undefined) add(row);
    else append(known, row);
    waiting.applyTo(find.get(row.message_id)!);
  };
}
