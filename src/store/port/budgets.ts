import type { EpochMs } from "../../model/time.js";

/**
 * A request to spend one unit of a budget. It is granted if the key has no hold and fewer than `max` units were spent in each
 * window that ends now.
 */
export interface BudgetCharge {
  readonly key: Uint8Array;
  readonly limits: readonly { readonly max: number; readonly windowMs: number }[];
  /**
   * Puts a hold on the key when the charge is granted, such as the cooldown between sends. It lasts `stepsMs[n] * jitter`
   * milliseconds, where n is the number of units already spent in the longest window. The last step applies to all later units.
   */
  readonly hold?: { readonly stepsMs: readonly number[]; readonly jitter: number };
}

/** Gives back the unit of `key` that was spent at `spentAt`. Does nothing if that unit is no longer there. */
export interface BudgetReturn {
  readonly key: Uint8Array;
  readonly spentAt: EpochMs;
  /**
   * Shortens a longer hold on the key to this time. If later units were spent, it counts from the latest of them, so that the
   * shortest interval between two units stays. Returns of one key come oldest first.
   */
  readonly holdUntil?: EpochMs;
}

/**
 * Gives back one unit for each send that a redeemed challenge was charged for. The redemption reads the sends from the row that
 * it has locked, so it includes a resend that commits just before.
 */
export interface SendReturn {
  /**
   * The prefix of the budget's key. The challenge's `identifierKey` follows and, with `ofRequester`, the send's `requesterKey`.
   */
  readonly keyPrefix: Uint8Array;
  readonly ofRequester: boolean;
  /** Shortens a hold on the key to this many milliseconds after the send, as `BudgetReturn.holdUntil` does. */
  readonly holdMs?: number;
}

/** A refused charge. `retryAt` is the earliest time at which it can be granted if nothing more is spent until then. */
export interface Limited {
  readonly kind: "limited";
  readonly retryAt: EpochMs;
}
