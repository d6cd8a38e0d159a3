import type { Channel } from "../../model/channel.js";
import type { MessageStatus, MessageTry, Price, StoredMessage } from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";

/** An ended try, with what a message's row needs. Appended when the try is settled, also if its lease was lost meanwhile. */
export interface EndedTry {
  readonly messageId: number;
  /**
   * Carriers and reports name the message by it. It reveals nothing about the challenge, and only this service and the carrier
   * know it.
   */
  readonly reference: string;
  readonly message: Pick<
    StoredMessage,
    "appId" | "userId" | "challengeId" | "purpose" | "channel" | "maskedDestination" | "country" | "queuedAt"
  >;
  /** The lookup HMAC of the destination as an identifier of the pool. */
  readonly contactKey: Uint8Array;
  readonly ended: MessageTry;
  /** The status of the message after this try: `queued` if it is tried again. */
  readonly status: Extract<MessageStatus, "queued" | "sent" | "expired" | "failed" | "test">;
  readonly providerMessageId: string | null;
  readonly segments: number | null;
  readonly price: Price | null;
}

/** What a carrier reports about a message. */
export interface Report {
  readonly provider: string;
  /** Our own reference, or the carrier's id of the message: at least one is not null. */
  readonly reference: string | null;
  readonly providerMessageId: string | null;
  readonly status: Extract<MessageStatus, "sent" | "delivered" | "undelivered" | "failed" | "expired">;
  readonly cause: string;
  readonly segments: number | null;
  readonly price: Price | null;
  /** When this service got the report. */
  readonly reportedAt: EpochMs;
}

/** Which messages to list. A value that is left out does not restrict. */
export interface MessageFilter {
  readonly appId?: string;
  readonly userId?: string;
  readonly contactKey?: Uint8Array;
  readonly status?: MessageStatus;
  readonly provider?: string;
  /** From (inclusive) and to (exclusive), by the time of queueing. */
  readonly from?: EpochMs;
  readonly to?: EpochMs;
}

/** A part of a list. */
export interface MessageList {
  /** The newest first. There may be fewer than asked for, or none, although others follow. */
  readonly messages: readonly StoredMessage[];
  /** The `before` with which the list goes on. Null: nothing follows. */
  readonly next: number | null;
}

/** How many messages have the same values here. */
export interface MessageCounts {
  /** The first millisecond of the UTC day on which they were queued. */
  readonly day: EpochMs;
  readonly country: string | null;
  readonly channel: Channel;
  /** The last carrier that was asked. Null if none was. */
  readonly provider: string | null;
  readonly price: Price | null;
  readonly messages: number;
  /** Messages that a carrier took. */
  readonly sent: number;
  /** Messages that a report says arrived. */
  readonly delivered: number;
  /**
   * The times from queueing to redemption, in no order: one of each message that was sent and whose code was redeemed. A code that
   * several messages carried counts for each.
   */
  readonly msToVerify: readonly number[];
}

/** Counts of some messages. */
export interface MessagesPart {
  /** Several may differ in nothing but their price. */
  readonly counts: readonly MessageCounts[];
  /** The `before` with which to go on. Null: nothing follows. */
  readonly next: number | null;
}

/**
 * What became of the messages that carried codes. Rows are appended when a try is settled, by `outbox.settle`, never when a code is
 * requested and never for decoys. A message that was not tried yet is read from the outbox; its country, and the user of a message
 * that was requested for a contact, are not known before the first try.
 *
 * A try is appended once, also if it is settled twice. A message keeps the carrier and the carrier's id of the try that moved it
 * furthest; later tries count while it is `queued`. Of one carrier the first known id counts. Erasing a person erases user,
 * destination and contact key here too, also of tries that end later; removing a contact erases its destination and key.
 */
export interface Messages {
  /** Returns a message of the app, or of any app if `appId` is null. Null if there is none. */
  get(query: { readonly messageId: number; readonly appId: string | null }): Promise<StoredMessage | null>;

  /**
   * Returns up to `limit` messages, newest first, that come after (`messageId` below) `before`. Messages in the outbox are included
   * if the filter allows `queued` and names no provider. A contact finds those only if the code was requested for it, not for a
   * username or user id. A call looks at 2,000 messages of the contact, the user or else the app at most, and at as many of the
   * outbox. So a list by something rare has short and empty parts. With `mayLag` it may be a moment old where standbys serve reads.
   */
  list(query: {
    readonly filter: MessageFilter;
    readonly before: number | null;
    readonly limit: number;
    readonly mayLag?: boolean;
  }): Promise<MessageList>;

  /**
   * Moves messages forward as carriers report, and fills in what was not known: id, segments and price. Idempotent. A report names
   * its message by our reference, or else by the carrier's id. A failure counts only if the last carrier reports it about its last
   * try. A report without a message, and a failure of a message that is still `queued`, wait for an hour and are applied when a try
   * is appended. Of each carrier at most 10,000 wait: beyond that the oldest are dropped until 9,000 are left. A message that a report
   * ends while it is `queued` is not sent again: the outbox claims it with nothing to deliver. Returns for each report the message if
   * the report changed it, else null: unknown, waiting and repeated reports look alike. New statuses of messages of the apps in
   * `forwardTo` (default: none) are added to `forwards`.
   */
  report(reports: readonly Report[], forwardTo?: ReadonlySet<string>): Promise<readonly (StoredMessage | null)[]>;

  /**
   * Counts messages of an app that were queued from (inclusive) and to (exclusive), without those that were not tried yet. A call
   * looks at the newest 2,000 messages of the app below `before`. May be a moment old where standbys serve reads.
   */
  stats(query: {
    readonly appId: string;
    readonly from: EpochMs;
    readonly to: EpochMs;
    readonly before: number | null;
  }): Promise<MessagesPart>;

  /**
   * Notes on messages when their challenges were redeemed, and their users if they had none. Looks at up to `limit` messages whose
   * challenge is not known to have ended, and goes on there at the next call of this process. So all are looked at before their
   * challenges are swept, an hour after the expiry, if it is called every few seconds. Returns `seen`, which is less than `limit`
   * at the end of the list, and how many redemptions it noted.
   */
  joinRedemptions(change: {
    readonly now: EpochMs;
    readonly limit: number;
  }): Promise<{ readonly seen: number; readonly noted: number }>;

  /**
   * Deletes messages that were queued before `before`, and waiting reports older than an hour. Returns how many rows it deleted one
   * by one: less than `limit` if none is left. PostgreSQL drops a whole UTC day at once when all of it is old, so a message stays
   * for up to a day longer; days that can't be locked within 100 ms are dropped a minute later.
   */
  sweep(change: { readonly now: EpochMs; readonly before: EpochMs; readonly limit: number }): Promise<number>;
}
