import type { Database } from "better-sqlite3";
import type { MessageStatus, MessageTry } from "../../../model/message.js";
import type { EndedTry } from "../../port/messages.js";
import { afterTry, type Progress } from "../../rules/message-changes.js";
import { lapseOf, type MessageRow, type NewMessageRow, rowOfTry } from "../../shared/message-rows.js";
import { changeMessage, selectMessage } from "./change.js";
import { createAddForward } from "./forwards.js";
import { createWaitingReports } from "./waiting-reports.js";

/** What the outbox writes to messages, inside the caller's transaction. */
export interface Tries {
  /**
   * Appends an ended try to its message, and applies the reports that waited for it. A try that is there already is not appended
   * again. If the user or the contact was erased while the message was being sent, the message is stored without them. A message of
   * an app in `forwardTo` that ends by it is added to `forwards`.
   */
  append(given: EndedTry, forwardTo: ReadonlySet<string>): void;
  /** Ends a message that is still queued, because its challenge has ended. Does nothing if it was never tried. */
  lapse(messageId: number, ended: MessageTry, forwardTo: ReadonlySet<string>): void;
}

export function createTries(db: Database): Tries {
  const find = selectMessage(db, "m.message_id = ?");
  const change = changeMessage(db);
  const waiting = createWaitingReports(db);
  const addForward = createAddForward(db);
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

  function addTo(known: MessageRow, row: Try): void {
    const tries = JSON.parse(known.tries as string) as unknown[];
    const ended = JSON.stringify(row.tries[0]);
    if (tries.some((one) => JSON.stringify(one) === ended)) return;
    change(known.message_id, { ...afterTry(known, row), tries: JSON.stringify([...tries, row.tries[0]]) });
  }

  /** What follows a try, once the message has its row. `was` is its status before the try. */
  function conclude(messageId: number, was: MessageStatus | null, forwardTo: ReadonlySet<string>): void {
    const row = find.get(messageId)!;
    const { status, cause } = row;
    const hasEnded = status !== was && (status === "failed" || status === "expired");
    if (hasEnded && forwardTo.has(row.app_id)) addForward(row, { status, cause, at: lastTryOf(row).endedAt });
    waiting.applyTo(row, forwardTo);
  }

  return {
    append(given, forwardTo) {
      const row = rowOfTry(given);
      const known = find.get(row.message_id);
      if (known === undefined) add(row);
      else addTo(known, row);
      conclude(row.message_id, known?.status ?? null, forwardTo);
    },
    lapse(messageId, ended, forwardTo) {
      const known = find.get(messageId);
      if (known?.status !== "queued") return;
      addTo(known, { ...known, ...lapseOf(ended) });
      conclude(messageId, known.status, forwardTo);
    },
  };
}

function lastTryOf({ tries }: MessageRow): MessageTry {
  return (JSON.parse(tries as string) as MessageTry[]).at(-1)!;
}

type Try = Pick<NewMessageRow, "tries"> & Progress;
