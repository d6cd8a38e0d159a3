import type { ChallengeRefusal } from "../../../model/challenge.js";
import type { Contact } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import type { RedeemChange, Redemption } from "../../port/challenges.js";
import type { RememberedRedemption } from "../idempotency.js";
import type { ChallengeRow } from "../rows.js";

/** What redeeming reads of a challenge: without the hash, half of the reading is saved. */
export const consumableColumns = [
  "challenge_id",
  "client_id",
  "purpose",
  "identifier_key",
  "requester_key",
  "contact_kind",
  "contact_value",
  "user_id",
  "decoy",
  "registration_id",
  "resends",
  "created_at",
  "expires_at",
  "consumed_at",
  "cancelled_at",
] as const;
export type ConsumableRow = Pick<ChallengeRow, (typeof consumableColumns)[number]>;

/** What redeeming a challenge of one purpose does. Everything runs inside the redemption's transaction. */
export interface Effect {
  /**
   * Decides by reads alone. Gives the reason of a refusal, or the step that does what the challenge buys. That step runs after the
   * challenge is consumed, and always succeeds or throws.
   *
   * @param contact The challenge's contact, which the code just proved.
   */
  decide(challenge: ConsumableRow, contact: Contact, change: RedeemChange): ChallengeRefusal | (() => Effected);
  /** The redemption again, from what is remembered of it. Returns null if it can't be given again. */
  recall(remembered: RememberedRedemption, now: EpochMs): Redemption | null;
}

/** What an effect has done, for the rest of the redemption. */
export interface Effected {
  readonly redemption: Redemption;
  /** The ids of the live challenges that end with it. */
  readonly siblings: readonly string[];
  /** What idempotency keeps of it, as far as it is not empty. */
  readonly remembered?: Partial<RememberedRedemption>;
}
