import type { Purpose } from "../../model/challenge.js";
import type { Channel } from "../../model/channel.js";
import type { Contact } from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";

/** A message that this process holds the lease of. */
export interface OutboxMessage {
  readonly outboxId: number;
  /** How often sending was begun, this time included. */
  readonly tries: number;
  /** Null: a decoy's, or its challenge is gone, consumed, cancelled or expired. There is nothing to send. */
  readonly delivery: {
    readonly challengeId: string;
    readonly clientId: string;
    readonly purpose: Purpose;
    readonly channel: Channel;
    readonly contact: Contact;
    readonly locale: string;
    readonly sealedCode: Uint8Array;
    readonly expiresAt: EpochMs;
    /** Whether the contact has a user: a registration of it is then worded as a sign-in. */
    readonly hasUser: boolean;
  } | null;
}

/** What became of a claimed message. `tries` is the lease: a settlement of an older claim than the latest does nothing. */
export interface Settlement {
  readonly outboxId: number;
  readonly tries: number;
  /** Null: done with, sent or given up. Else when to try again. */
  readonly retryAt: EpochMs | null;
}

/** The codes still to be sent. */
export interface Outbox {
  /**
   * Leases up to `limit` due messages to the caller until `now + leaseMs`; no two callers hold one message at a time. A message
   * whose lease ran out is due again: it is sent at least once, after a crash perhaps twice.
   */
  claim(change: { readonly now: EpochMs; readonly leaseMs: number; readonly limit: number }): Promise<readonly OutboxMessage[]>;

  /** Ends or puts off claimed messages. When a challenge without sends left has no message left, its sealed code is erased. */
  settle(settlements: readonly Settlement[]): Promise<void>;

  /** When the next message is due; null when there is none. */
  nextDueAt(): Promise<EpochMs | null>;
}
