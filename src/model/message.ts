import type { Purpose } from "./challenge.js";
import type { Channel } from "./channel.js";
import type { EpochMs } from "./time.js";

/**
 * How far a message got. It moves forward only, from a lower rank to a higher one:
 * `queued` (in the outbox) · `sent` (a carrier took it) · `expired` (its code expired or ended before it arrived) · `failed` (it was given
 * up) · `undelivered` (a carrier reports that it did not arrive) · `delivered` (a carrier reports that it arrived) · `test` (it was for
 * a test identifier, so nothing was sent).
 */
export const messageStatuses = ["queued", "sent", "expired", "failed", "undelivered", "delivered", "test"] as const;
export type MessageStatus = (typeof messageStatuses)[number];

/** A late report may still say that a message arrived, so `delivered` has the highest rank. */
const ranks: Readonly<Record<MessageStatus, number>> = {
  queued: 0,
  sent: 1,
  expired: 2,
  failed: 2,
  undelivered: 2,
  delivered: 3,
  test: 3,
};

/** Returns whether a message with the status `from` takes the status `to`. */
export function movesForward(from: MessageStatus, to: MessageStatus): boolean {
  return ranks[to] > ranks[from];
}

/** What a carrier asks for a message. `amount` is a decimal number such as `0.0075`; `currency` is an ISO 4217 code. */
export interface Price {
  readonly amount: string;
  readonly currency: string;
}

/** The result of one try. See `DeliveryResult`. */
export const tryResults = ["sent", "temporary", "unavailable", "permanent", "unknown"] as const;
export type TryResult = (typeof tryResults)[number];

/** One ended try of a message. */
export interface MessageTry {
  /** The name of the carrier. Empty if the message was given up before a carrier was asked. */
  readonly provider: string;
  readonly result: TryResult;
  readonly endedAt: EpochMs;
  /** The cause, at most 200 characters. It never contains the code, the destination or a secret. */
  readonly detail: string;
}

/** A message of a code, as operators see it. A decoy has no message. */
export interface StoredMessage {
  /** The id of its row in the outbox. */
  readonly messageId: number;
  readonly appId: string;
  /** Null if the contact had no user when the message was sent, or the user was erased. */
  readonly userId: string | null;
  readonly challengeId: string;
  readonly purpose: Purpose;
  readonly channel: Channel;
  readonly maskedDestination: string;
  /** ISO 3166-1 alpha-2. Null for e-mail and for numbers of no country. */
  readonly country: string | null;
  /** The last carrier that was asked. Null if none was. */
  readonly provider: string | null;
  readonly providerMessageId: string | null;
  readonly status: MessageStatus;
  /** Why it is `failed`, `undelivered` or `expired`, or why the last try failed. Empty: nothing is known. */
  readonly cause: string;
  readonly tries: readonly MessageTry[];
  readonly segments: number | null;
  readonly price: Price | null;
  readonly queuedAt: EpochMs;
  readonly sentAt: EpochMs | null;
  /** When a report said that it arrived. */
  readonly deliveredAt: EpochMs | null;
  /** When its code was redeemed. Filled in by a periodic task. */
  readonly verifiedAt: EpochMs | null;
}
