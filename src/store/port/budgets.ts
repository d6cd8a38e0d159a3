import type { Budget } from "../../model/metrics.js";
import type { EpochMs } from "../../model/time.js";

/** A limit above this maximum is counted in this many sub-windows, because a time for each unit would make its row too long. */
export const exactMax = 60;

/**
 * A request to spend units of a budget. It is granted if the key has no hold and at most `max` units are spent after it in each
 * window that ends now. More units than `max` are granted together if none are spent. If a `max` is above 60, the units are counted
 * in sub-windows of a sixtieth of its window: a unit then counts until all of its sub-window has left the window. If several limits
 * of a key differ much, give each a key of its own: the shortest sub-windows of all decide how long the row gets.
 */
export interface BudgetCharge {
  readonly key: Uint8Array;
  /** What a refusal by this charge is called. */
  readonly name?: Budget;
  /** How many units it spends. Default: 1. */
  readonly units?: number;
  readonly limits: readonly { readonly max: number; readonly windowMs: number }[];
  /**
   * Puts a hold on the key when the charge is granted, such as the cooldown between sends. It lasts `stepsMs[n] * jitter`
   * milliseconds, where n is the number of units already spent in the longest window. The last step applies to all later units.
   */
  readonly hold?: { readonly stepsMs: readonly number[]; readonly jitter: number };
  /**
   * Counts consecutive spends of the key: each spend adds one, any return to the key resets the count, and it is forgotten 30 days
   * after the last spend. The limits do not change it. `limits` may be empty.
   */
  readonly countsFailures?: boolean;
  /**
   * Counts as `countsFailures` does, and limits what one requester adds to the other counts. If this charge already has this
   * many failures, or is refused, the call adds nothing to the charges with `countsFailures` and does not delay their expiry. Only
   * for `userRequester` of `challenges.takeAttempt`.
   */
  readonly failuresShare?: number;
  /** Skips the charge if this key, of another charge of the call, has a unit in the charge's longest window. */
  readonly unlessSpent?: Uint8Array;
}

/** A charge whose key is `keyPrefix`, then the `budgetKey` of a challenge, then `keySuffix`. */
export type ChallengeCharge = Omit<BudgetCharge, "key"> & { readonly keyPrefix: Uint8Array; readonly keySuffix: Uint8Array };

/** Gives back the unit of `key` that was spent at `spentAt`. Does nothing if that unit is no longer there. */
export interface BudgetReturn {
  readonly key: Uint8Array;
  readonly spentAt: EpochMs;
  /**
   * Ends the hold at this time at the latest. If units were spent after this one, the time counts from the latest of them, so
   * that the minimum interval stays. Pass several returns of one key oldest first.
   */
  readonly holdUntil?: EpochMs;
  /** Leaves the consecutive failures of the key as they are: another charge counts them there. */
  readonly keepsFailures?: boolean;
}

/**
 * Gives back one unit for each send that a redeemed challenge was charged for. The redemption reads the sends from the row that
 * it has locked, so it includes a resend that commits just before.
 */
export interface SendReturn {
  /**
   * The budget's key is this prefix, then the challenge's `budgetKey`, then, with `ofRequester`, the send's `requesterKey`.
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
  /** The name of the charge that refuses longest, if it has one. */
  readonly name?: Budget;
}

/** Budgets that are spent by themselves, not as a part of another operation. */
export interface Budgets {
  /** Returns the count of consecutive failures of each key. */
  countFailures(query: { readonly keys: readonly Uint8Array[]; readonly now: EpochMs }): Promise<readonly number[]>;

  /** Resets what stands against an account: deletes the budgets of `spent`, resets the counts of `failures`, ends `lockouts`. */
  forgive(change: {
    readonly spent: readonly Uint8Array[];
    readonly failures: readonly Uint8Array[];
    readonly lockouts: readonly Uint8Array[];
  }): Promise<void>;

  /**
   * Spends one unit of each charge, or nothing if one of them refuses. Of concurrent calls no more are granted than the limits
   * allow. Not flushed, as `challenges.takeAttempt`.
   */
  spend(change: { readonly charges: readonly BudgetCharge[]; readonly now: EpochMs }): Promise<Limited | null>;
}
