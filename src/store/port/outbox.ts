import type { Purpose } from "../../model/challenge.js";
import type { Channel } from "../../model/channel.js";
import type { Contact } from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";

/** A message that this process has leased. */
export interface OutboxMessage {
  readonly outboxId: number;
  /** How many times sending has started, including this time. */
  readonly tries: number;
  /** Null if there is nothing to send: the challenge is a decoy, consumed, cancelled, expired or deleted. */
  readonly delivery: {
    readonly challengeId: string;
    readonly appId: string;
    readonly clientId: string;
    readonly purpose: Purpose;
    readonly channel: Channel;
    readonly contact: Contact;
    readonly locale: string;
    readonly sealedCode: Uint8Array;
    readonly expiresAt: EpochMs;
    /** Whether the contact has a member of the app. If so, the message of a registration says that the code signs in. */
    readonly hasUser: boolean;
    /** Whether that member is invited. If so, the message of a sign-in is worded as an invitation. */
    readonly invited: boolean;
  } | null;
}

/** The result of a claimed message. `tries` identifies the lease: a settlement of an earlier lease does nothing. */
export interface Settlement {
  readonly outboxId: number;
  readonly tries: number;
  /** When to try again. Null if the message was sent or given up. */
  readonly retryAt: EpochMs | null;
}

/** The codes waiting to be sent. */
export interface Outbox {
  /**
   * Leases up to `limit` due messages to the caller until `now + leaseMs`. A message has one lease at a time. When the lease
   * ends, the message is due again, so it is sent at least once, and possibly twice after a crash.
   */
  claim(change: { readonly now: EpochMs; readonly leaseMs: number; readonly limit: number }): Promise<readonly OutboxMessage[]>;

  /** Ends or postpones claimed messages. Erases a challenge's sealed code once it has no sends left and no message queued. */
  settle(settlements: readonly Settlement[]): Promise<void>;

  /** Returns when the next message is due, or null if there is none. */
  nextDueAt(): Promise<EpochMs | null>;
}
