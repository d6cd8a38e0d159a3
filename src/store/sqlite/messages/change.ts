import type { Database, Statement } from "better-sqlite3";
import type { Progress } from "../../rules/message-changes.js";
import { type MessageRow, messageColumns } from "../../shared/message-rows.js";

export function selectMessage(db: Database, condition: string): Statement<(string | number)[], MessageRow> {
  return db.prepare<(string | number)[], MessageRow>(`SELECT ${messageColumns("m")} FROM messages m WHERE ${condition}`);
}

/** Returns a function that writes a message's progress inside the caller's transaction. */
export function changeMessage(db: Database): (messageId: number, progress: Progress & { readonly tries: string }) => void {
  const update = db.prepare<Progress & { tries: string; messageId: number }>(`
    UPDATE messages SET status = @status, cause = @cause, provider = @provider, provider_message_id = @provider_message_id,
      tries = @tries, segments = @segments, price_amount = @price_amount, price_currency = @price_currency, sent_at = @sent_at,
      delivered_at = @delivered_at
    WHERE message_id = @messageId`);
  return (messageId, progress) => void update.run({ ...progress, messageId });
}
