import type { MessageStatus, StoredMessage } from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";

/** A new status of a message, which the app is to hear of. */
export interface Forward {
  readonly forwardId: number;
  /** How many times posting it has started, including this time. */
  readonly tries: number;
  readonly appId: string;
  readonly status: MessageStatus;
  /** Why it is `failed`, `undelivered` or `expired`. Otherwise empty. */
  readonly cause: string;
  readonly changedAt: EpochMs;
  /** The message as it is now, perhaps with a later status. Null if it was deleted. */
  readonly message: StoredMessage | null;
}

/**
 * The status changes that wait to be posted to the hooks of apps. `outbox.settle` adds those to `failed` and `expired`, and
 * `messages.report` those that carriers report, in the transaction that changes the status and only for the apps that their callers
 * name. Each status of a message is added once. Erasing a person or contact deletes those of the erased messages, and later changes
 * of these messages are not added.
 */
export interface Forwards {
  /**
   * Leases up to `limit` due changes of the named apps until `now + leaseMs`, up to `max` of each app. Apps with more of their `max`
   * left come first, so that a slow one takes no places from others; then those changes that have been due for longest. When the
   * lease ends, the change is due again. The changes of one message come one at a time and in order. Those that another call is
   * claiming at this moment are skipped.
   */
  claim(change: {
    readonly apps: readonly { readonly appId: string; readonly max: number }[];
    readonly now: EpochMs;
    readonly leaseMs: number;
    readonly limit: number;
  }): Promise<readonly Forward[]>;

  /** Deletes claimed changes, or puts them off until `retryAt`. One whose lease was lost stays as it is. */
  settle(results: readonly (Pick<Forward, "forwardId" | "tries"> & { readonly retryAt: EpochMs | null })[]): Promise<void>;

  /** Deletes all changes that wait for an app. */
  drop(change: { readonly appId: string }): Promise<void>;

  /** Deletes up to `limit` changes that were made before `before`. Returns how many it deleted of each app. */
  sweep(change: {
    readonly before: EpochMs;
    readonly limit: number;
  }): Promise<readonly { readonly appId: string; readonly count: number }[]>;
}
