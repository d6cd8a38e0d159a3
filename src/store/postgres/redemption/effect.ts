import type { Contact, ContactKind } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import type { User } from "../../../model/user.js";
import type { RedeemChange, Redemption } from "../../port/redemption.js";
import type { Store } from "../../port/store.js";

/** The effect of redeeming a challenge: its functions in the database. */
export interface SqlEffect {
  /** The name of a `siblingsFunction`. */
  readonly siblings: string;
  /** The name of a `redeemFunction`. */
  readonly redeem: string;
  /** The texts of the functions that only this purpose has. */
  readonly functions: string;
}

/** The effect of redeeming a challenge of one purpose, and how to read its result. */
export interface Effect extends SqlEffect {
  toRedemption(result: unknown, change: RedeemChange): Redemption;
  /** Rebuilds the redemption from what is remembered of it. Returns null if it can't be given again. */
  recall(remembered: RememberedRedemption, reads: Reads): Promise<Redemption | null>;
}

/** What a redemption without a new membership would do, as `find_or_make_user` returns it. */
export interface WouldRegister {
  readonly is_new_to_pool: boolean;
  readonly contacts: readonly Contact[];
}

/** What idempotency remembers of a redemption: its session, or its user if it started none. */
export interface RememberedRedemption {
  readonly session_id: string | null;
  readonly remembered_user_id: string | null;
  readonly is_new_user: boolean;
  readonly username_taken: boolean;
  readonly pending_sources: readonly ContactKind[];
}

/** The reads that an effect needs to give a redemption again. */
export interface Reads {
  readonly sessions: Pick<Store["sessions"], "findLive">;
  /** Returns the user as the challenge's app sees it, or null if it does not exist. */
  readonly findUser: (userId: string) => Promise<User | null>;
  readonly now: EpochMs;
}

/**
 * Makes a function that reads into `ids` which challenges the redemption may end. It does not lock them; `redeem_challenge`
 * does. `recipient_id` is the user by whom it found them, or null if there is none. `p_user_id` is the challenge's.
 */
export function siblingsFunction(name: string, body: string): string {
  return `
CREATE FUNCTION ${name}(
  p_challenge_id TEXT, p_pool_id TEXT, p_app_id TEXT, p_identifier_key BYTEA, p_contact_kind TEXT, p_contact_value TEXT,
  p_user_id TEXT, p_replaces TEXT, p_registration_id TEXT, p_trust_claims BOOLEAN, p_now BIGINT,
  OUT ids TEXT[], OUT recipient_id TEXT
) LANGUAGE plpgsql AS $$
BEGIN${body}END $$;
`;
}

/** SQL that calls a function made by `siblingsFunction` for the challenge `of`. */
export function siblingsCall(name: string, of: string): string {
  return `${name}(p_challenge_id, ${of}.pool_id, ${of}.app_id, ${of}.identifier_key, ${of}.contact_kind, ${of}.contact_value,
        ${of}.user_id, ${of}.replaces, ${of}.registration_id, (p_made -> 'trust_claims')::boolean, p_now)`;
}

/**
 * Makes a function that carries out the effect. It decides before it writes anything: `why` is the reason of a refusal,
 * `too_many_contacts`, or `would_register`, whose `result` is a `WouldRegister`. Otherwise `siblings` are the challenges of
 * `p_locked` that end, and `result` is what `toRedemption` reads. Idempotency keeps those fields of `result` that it has columns
 * for. `p_made` is what the caller made for the redemption, see `madeParameter`.
 */
export function redeemFunction(
  name: string,
  { declare = "", body }: { readonly declare?: string; readonly body: string },
): string {
  return `
CREATE FUNCTION ${name}(
  p_challenge_id TEXT, p_pool_id TEXT, p_app_id TEXT, p_contact_kind TEXT, p_contact_value TEXT, p_user_id TEXT, p_replaces TEXT,
  p_registration_id TEXT, p_locked TEXT[], p_recipient_id TEXT, p_made JSONB, p_now BIGINT,
  OUT why TEXT, OUT siblings TEXT[], OUT result JSONB
) LANGUAGE plpgsql AS $$
${declare === "" ? "" : `DECLARE${declare}`}BEGIN${body}END $$;
`;
}

/** SQL that calls a function made by `redeemFunction` for the challenge `of`. */
export function redeemCall(name: string, of: string): string {
  return `${name}(p_challenge_id, ${of}.pool_id, ${of}.app_id, ${of}.contact_kind, ${of}.contact_value, ${of}.user_id,
        ${of}.replaces, ${of}.registration_id, v_locked, v_siblings.recipient_id, p_made, p_now)`;
}
