import type { EpochMs } from "../../model/time.js";

/**
 * A request to spend one unit of an allowance. It is granted when in each window, counted back from `now`, fewer than `max`
 * units were spent, and no hold is on the key.
 */
export interface BudgetCharge {
  readonly key: Uint8Array;
  readonly limits: readonly { readonly max: number; readonly windowMs: number }[];
  /**
   * Puts a hold on the key when granted: `stepsMs[n] * jitter`, n being the units spent in the longest window before this one
   * (the last step from there on). The cooldown between sends is such a hold.
   */
  readonly hold?: { readonly stepsMs: readonly number[]; readonly jitter: number };
}

/** Gives back the unit of `key` that was spent at `spentAt`; one that is not there any more is no error. */
export interface BudgetReturn {
  readonly key: Uint8Array;
  readonly spentAt: EpochMs;
  /**
   * Shortens a hold on the key to this time, if it is longer; where later units were spent, to as long after the latest of them,
   * so that the floor between two of them stays. Returns of one key come oldest first.
   */
  readonly holdUntil?: EpochMs;
}

/**
 * Gives back one unit for every send that a redeemed challenge was charged for. The sends are those of the row that the redemption
 * holds, so a resend that ends just before it is among them.
 */
export interface SendReturn {
  /** The budget's key is this, then the challenge's `identifierKey` and, with `ofRequester`, the `requesterKey` of the send. */
  readonly keyPrefix: Uint8Array;
  readonly ofRequester: boolean;
  /** Shortens a hold on the key, as `BudgetReturn.holdUntil` does, to this long after the send. */
  readonly holdMs?: number;
}

/** The charge was refused: the earliest time at which the same charge can be granted if nothing else is spent. */
export interface Limited {
  readonly kind: "limited";
  readonly retryAt: EpochMs;
}
