import type { ContactKind } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import type { Redemption } from "../../port/challenges.js";
import type { Store } from "../../port/store.js";

export type RedeemChange = Parameters<Store["challenges"]["redeem"]>[0];

/** What redeeming a challenge of one purpose does: its functions in the database, and what their result means. */
export interface Effect {
  /**
   * The name of a function that reads, without locking, which challenges redeeming may end; `redeem_challenge` locks them.
   * `recipient_id` is the user that it found them by, null if none.
   *
   *     f(p_challenge_id TEXT, p_identifier_key BYTEA, p_contact_kind TEXT, p_contact_value TEXT, p_registration_id TEXT,
   *       p_now BIGINT, OUT ids TEXT[], OUT recipient_id TEXT)
   */
  readonly siblings: string;
  /**
   * The name of a function that does what the challenge buys. It decides before it writes anything: `why` is the reason of a
   * refusal. Otherwise `siblings` are those of `p_locked` that end, and `result` is what `toRedemption` reads. Idempotency keeps the
   * columns of its own that `result` has. `p_made` is what the caller made for the redemption, see `madeParameter`.
   *
   *     f(p_challenge_id TEXT, p_contact_kind TEXT, p_contact_value TEXT, p_user_id TEXT, p_registration_id TEXT,
   *       p_locked TEXT[], p_recipient_id TEXT, p_made JSONB, p_now BIGINT, OUT why TEXT, OUT siblings TEXT[], OUT result JSONB)
   */
  readonly redeem: string;
  /** The texts of the functions that are of this purpose alone. */
  readonly functions: string;
  toRedemption(result: unknown, change: RedeemChange): Redemption;
  /** The redemption again, from what is remembered of it. Returns null if it can't be given again. */
  recall(remembered: RememberedRedemption, reads: Reads): Promise<Redemption | null>;
}

/** What idempotency keeps of a redemption. */
export interface RememberedRedemption {
  readonly session_id: string | null;
  readonly is_new_user: boolean;
  readonly username_taken: boolean;
  readonly pending_sources: readonly ContactKind[];
}

/** What an effect reads to give a redemption again. */
export interface Reads {
  readonly sessions: Pick<Store["sessions"], "findLive">;
  readonly now: EpochMs;
}
