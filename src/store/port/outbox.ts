import type { Purpose } from "../../model/challenge.js";
import type { Channel } from "../../model/channel.js";
import type { Contact } from "../../model/contact.js";
import type { MessageTry } from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";
import type { MessageWords } from "../../model/wording.js";
import type { EndedTry } from "./messages.js";

/** A message that this process has leased. */
export interface OutboxMessage {
  readonly outboxId: number;
  /** How many times sending has started, including this time. */
  readonly tries: number;
  /** When its code was requested, or requested again. */
  readonly queuedAt: EpochMs;
  /** The index of the carrier to ask now, in the order of the message's carriers. */
  readonly carrier: number;
  /** How many tries have ended with `unknown`, as the settlements recorded it. */
  readonly unknowns: number;
  /** Whether a hidden charge refused the message, so that it fails and no carrier gets it. */
  readonly isMuted: boolean;
  /**
   * Null if there is nothing to send: the challenge is a decoy, consumed, cancelled, out of attempts or deleted, or the message was
   * tried before and is no longer `queued`, such as after a report.
   */
  readonly delivery: {
    readonly challengeId: string;
    readonly poolId: string;
    readonly appId: string;
    /** The member of the app that the message reaches. Null if the contact has none. */
    readonly userId: string | null;
    readonly clientId: string;
    readonly purpose: Purpose;
    /** The channel of this message. A resend may use another one than the challenge. */
    readonly channel: Channel;
    readonly contact: Contact;
    /** Whether the code is that of a test identifier, so that no carrier gets it. */
    readonly isTest: boolean;
    readonly locale: string;
    /** What the call said about the messages of its challenge. Null: nothing. */
    readonly words: MessageWords | null;
    /** Null if the challenge expired before the claim. The message then ends, and its end is recorded. */
    readonly sealedCode: Uint8Array | null;
    readonly expiresAt: EpochMs;
    /** Whether the contact has a member of the app. If so, the message of a registration says that the code signs in. */
    readonly hasUser: boolean;
    /** Whether that member is invited. If so, the message of a sign-in is worded as an invitation. */
    readonly invited: boolean;
    /**
     * What happened to the contact, if this is its notice. That has no code, and `challengeId` is the id of the change. Null: the
     * message of a challenge.
     */
    readonly notice: "changed" | "removed" | null;
  } | null;
}

/**
 * The result of a claimed message. `tries` identifies the lease: a settlement of an earlier lease does not change the message in
 * the outbox. Its `ended` try is appended all the same.
 */
export interface Settlement {
  readonly outboxId: number;
  readonly tries: number;
  /** When to try again. Null if the message was sent or given up. */
  readonly retryAt: EpochMs | null;
  /** What the message says at the next claim. Not used if it ends. */
  readonly carrier: number;
  readonly unknowns: number;
  /** The try that ended. Null if no carrier was asked and the message was not given up. Always null for decoys. */
  readonly ended: EndedTry | null;
  /**
   * Says that there was nothing to send because the challenge had ended. If the message was tried before and is still `queued`, it
   * becomes `expired`, and this is appended to its tries. A message that was never tried gets no row.
   */
  readonly lapsed?: MessageTry;
}

/** The codes waiting to be sent. */
export interface Outbox {
  /**
   * Leases up to `limit` due messages to the caller until `now + leaseMs`. A message has one lease at a time. When the lease
   * ends, the message is due again, so it is sent at least once, and possibly twice after a crash. Messages that another call is
   * claiming at this moment are skipped. On PostgreSQL a claim may miss a message of another process for a second if its commit
   * took longer than that, and for 30 s if it took longer than 15 s.
   */
  claim(change: { readonly now: EpochMs; readonly leaseMs: number; readonly limit: number }): Promise<readonly OutboxMessage[]>;

  /**
   * Ends or puts off claimed messages and appends their ended tries to `messages`, all or none. Erases a challenge's sealed code
   * once it has no sends left and no message queued. Messages of the apps in `forwardTo` (default: none) that fail or expire are
   * added to `forwards`.
   */
  settle(settlements: readonly Settlement[], forwardTo?: ReadonlySet<string>): Promise<void>;

  /**
   * Returns when the next message is due, or null if there is none. With `soon` the answer costs less, and a message that is due
   * after `now + withinMs` may be left out.
   */
  nextDueAt(soon?: { readonly now: EpochMs; readonly withinMs: number }): Promise<EpochMs | null>;
}
