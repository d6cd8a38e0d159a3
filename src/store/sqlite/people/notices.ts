import type { Database } from "better-sqlite3";
import type { Contact } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import type { NewNotice } from "../../port/not-me.js";
import type { PersonInApp } from "./changes.js";

/** Notices to removed contacts, inside the caller's transaction. */
export interface Notices {
  /** Queues the notice to a verified contact that was removed, and keeps the contact so that it can be taken back. */
  add(
    of: PersonInApp,
    removed: {
      readonly contact: Contact & { readonly verifiedAt: EpochMs };
      readonly wasReplaced: boolean;
      readonly notice: NewNotice;
      readonly now: EpochMs;
    },
  ): void;
}

export function createNotices(db: Database): Notices {
  const keep = db.prepare<
    PersonInApp & Contact & { changeId: string; wasReplaced: number; verifiedAt: EpochMs; expiresAt: EpochMs; now: EpochMs }
  >(`
    INSERT INTO contact_changes (change_id, pool_id, app_id, user_id, kind, value, locale, was_replaced, verified_at, changed_at, expires_at)
    SELECT @changeId, @poolId, @appId, user_id, @kind, @value, locale, @wasReplaced, @verifiedAt, @now, @expiresAt
    FROM users WHERE user_id = @userId`);
  const queue = db.prepare<{ changeId: string; channel: string; now: EpochMs }>(
    "INSERT INTO outbox (challenge_id, channel, due_at, queued_at) VALUES (@changeId, @channel, @now, @now)",
  );
  return {
    add(
      { poolId, appId, userId },
      { contact: { kind, value, verifiedAt }, wasReplaced, notice: { changeId, channel, expiresAt }, now },
    ) {
      keep.run({ poolId, appId, userId, kind, value, changeId, wasReplaced: wasReplaced ? 1 : 0, verifiedAt, expiresAt, now });
      queue.run({ changeId, channel, now });
    },
  };
}
