import type { ChallengeRefusal } from "../../../model/challenge.js";
import type { Contact } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import type { RedeemChange, RedeemOutcome, Redemption } from "../../port/redemption.js";
import type { RememberedRedemption } from "../idempotency.js";
import type { ChallengeRow } from "../rows.js";

/** The columns that a redemption reads. Leaving out the hash halves the reading. */
export const consumableColumns = [
  "challenge_id",
  "pool_id",
  "app_id",
  "client_id",
  "purpose",
  "identifier_key",
  "budget_key",
  "requester_key",
  "contact_kind",
  "contact_value",
  "user_id",
  "replaces",
  "decoy",
  "is_test",
  "registration_id",
  "resends",
  "created_at",
  "expires_at",
  "consumed_at",
  "cancelled_at",
] as const;
export type ConsumableRow = Pick<ChallengeRow, (typeof consumableColumns)[number]>;

/** The reason of a refusal, or another outcome that changes nothing, or a step that makes the effect. */
export type Decision = ChallengeRefusal | Exclude<RedeemOutcome, { kind: "redeemed" | "refused" }> | (() => Effected);

/** The effect of redeeming a challenge of one purpose. Everything runs inside the redemption's transaction. */
export interface Effect {
  /**
   * Decides by reads only. A step runs after the challenge is consumed; it succeeds or throws.
   *
   * @param contact The challenge's contact, which the code has just proven.
   */
  decide(challenge: ConsumableRow, contact: Contact, change: RedeemChange): Decision;
  /** Rebuilds the redemption from what is remembered of it. Returns null if it can't be given again. */
  recall(remembered: RememberedRedemption, of: { readonly appId: string; readonly now: EpochMs }): Redemption | null;
}

/** The result of an effect, for the rest of the redemption. */
export interface Effected {
  readonly redemption: Redemption;
  /** The ids of the live challenges that end with the redemption. */
  readonly siblings: readonly string[];
  /** What idempotency remembers of the effect. Fields that are left out are empty. */
  readonly remembered?: Partial<RememberedRedemption>;
}
