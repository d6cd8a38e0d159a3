import type { ContactKind } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import type { RedeemChange, Redemption } from "../../port/challenges.js";
import type { Store } from "../../port/store.js";

/** What redeeming a challenge of one purpose does: its functions in the database, and what their result means. */
export interface Effect {
  /** The name of a `siblingsFunction`. */
  readonly siblings: string;
  /** The name of a `redeemFunction`. */
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

/**
 * A function that reads, without locking, which challenges redeeming may end, into `ids`; `redeem_challenge` locks them.
 * `recipient_id` becomes the user that it found them by, null if none.
 */
export function siblingsFunction(name: string, body: string): string {
  return `
CREATE FUNCTION ${name}(
  p_challenge_id TEXT, p_identifier_key BYTEA, p_contact_kind TEXT, p_contact_value TEXT, p_registration_id TEXT, p_now BIGINT,
  OUT ids TEXT[], OUT recipient_id TEXT
) LANGUAGE plpgsql AS $$
BEGIN${body}END $$;
`;
}

/** Calls a function that `siblingsFunction` makes, for the challenge `of`. */
export function siblingsCall(name: string, of: string): string {
  return `${name}(p_challenge_id, ${of}.identifier_key, ${of}.contact_kind, ${of}.contact_value, ${of}.registration_id, p_now)`;
}

/**
 * A function that does what the challenge buys. It decides before it writes anything: `why` is the reason of a refusal. Otherwise
 * `siblings` are those of `p_locked` that end, and `result` is what `toRedemption` reads; idempotency keeps the columns of its own
 * that `result` has. `p_made` is what the caller made for the redemption, see `madeParameter`.
 */
export function redeemFunction(
  name: string,
  { declare = "", body }: { readonly declare?: string; readonly body: string },
): string {
  return `
CREATE FUNCTION ${name}(
  p_challenge_id TEXT, p_contact_kind TEXT, p_contact_value TEXT, p_user_id TEXT, p_registration_id TEXT,
  p_locked TEXT[], p_recipient_id TEXT, p_made JSONB, p_now BIGINT,
  OUT why TEXT, OUT siblings TEXT[], OUT result JSONB
) LANGUAGE plpgsql AS $$
${declare === "" ? "" : `DECLARE${declare}`}BEGIN${body}END $$;
`;
}

/** Calls a function that `redeemFunction` makes, for the challenge `of`. */
export function redeemCall(name: string, of: string): string {
  return `${name}(p_challenge_id, ${of}.contact_kind, ${of}.contact_value, ${of}.user_id, ${of}.registration_id,
        v_locked, v_siblings.recipient_id, p_made, p_now)`;
}
