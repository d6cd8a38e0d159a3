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
  readonly status: Extract<MessageStatus, "queued" | "sent" | "expired" | "failed">;
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

/** The messages of one day, country, channel and provider. `day` is the UTC day's first millisecond. */
export interface DeliveryStats {
  readonly day: EpochMs;
  readonly appId: string;
  readonly country: string | null;
  readonly channel: Channel;
  readonly provider: string | null;
  readonly sent: number;
  readonly delivered: number;
  readonly verified: number;
  /** Sums of the known prices, one a currency. */
  readonly cost: readonly Price[];
  /** The median time from queueing to redemption. Null if none was redeemed. */
  readonly medianMsToVerify: number | null;
}

/**
 * What became of the messages that carried codes. Rows are appended when a try is settled, by `outbox.settle`, never when a code is
 * requested and never for decoys. A message that was not tried yet is read from the outbox.
 */
export interface Messages {
  /** Returns a message of the app, or of any app if `appId` is null. Null if there is none. */
  get(query: { readonly messageId: number; readonly appId: string | null }): Promise<StoredMessage | null>;

  /**
   * Returns up to `limit` messages, newest first, that come after (`messageId` below) `before`. Messages in the outbox are included
   * if the filter allows `queued`.
   */
  list(query: {
    readonly filter: MessageFilter;
    readonly before: number | null;
    readonly limit: number;
  }): Promise<readonly StoredMessage[]>;

  /**
   * Moves messages forward as carriers report. Idempotent. A report whose message has no row yet waits for it for an hour. Returns
   * for each report the message if the report changed it, else null: unknown, waiting and repeated reports look alike.
   */
  report(reports: readonly Report[]): Promise<readonly (StoredMessage | null)[]>;

  /** Sums up messages by day, app, country, channel and provider. */
  stats(query: {
    readonly appId: string | null;
    readonly from: EpochMs;
    readonly to: EpochMs;
  }): Promise<readonly DeliveryStats[]>;

  /** Notes on messages when their challenges were redeemed, before the challenges are swept. Returns how many it noted. */
  joinRedemptions(change: { readonly now: EpochMs; readonly limit: number }): Promise<number>;

  /** Deletes messages that were queued before `before`, and waiting reports older than an hour. Returns how many rows. */
  sweep(change: { readonly now: EpochMs; readonly before: EpochMs; readonly limit: number }): Promise<number>;
}
