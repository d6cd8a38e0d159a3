import type { Session } from "../../../model/session.js";
import type { RedeemChange, Redemption } from "../../port/redemption.js";
import { ownClaims } from "../functions/person-rows.js";
import { toUser, type UserRow } from "../rows.js";
import { type Effect, siblingsFunction } from "./effect.js";

/**
 * All live challenges of the app that could sign in the recipient: the contact's person, or a new one with the contacts of the
 * registration. With those of a claim come others' challenges, which `sign_in` leaves alone.
 * A challenge that is issued at the same time is not included: it counts as issued after the redemption.
 */
const siblings = siblingsFunction(
  "sign_in_siblings",
  `
  SELECT o.user_id INTO recipient_id FROM contacts o
  WHERE o.pool_id = p_pool_id AND o.kind = p_contact_kind AND o.value = p_contact_value;
  IF NOT FOUND THEN
    recipient_id := claimant_of(p_app_id, p_contact_kind, p_contact_value, p_trust_claims);
  END IF;
  -- OFFSET 0 has each contact's challenges found by the index of contacts. A join that was planned while the table was empty could read
  -- all live challenges.
  ids := ARRAY(
    SELECT s.challenge_id FROM (
      SELECT p_contact_kind AS kind, p_contact_value AS value
      UNION SELECT o.kind, o.value FROM contacts o WHERE o.user_id = recipient_id
      UNION SELECT q.kind, q.value FROM claims q WHERE ${ownClaims("q", "recipient_id", "p_app_id")}
      UNION SELECT r.contact_kind, r.contact_value FROM challenges r WHERE r.registration_id = p_registration_id
    ) AS k CROSS JOIN LATERAL (
      SELECT c.challenge_id, c.app_id, c.purpose, c.expires_at, c.consumed_at, c.cancelled_at FROM challenges c
      WHERE c.contact_value = k.value AND c.contact_kind = k.kind OFFSET 0) AS s
    WHERE s.app_id = p_app_id AND s.purpose IN ('login', 'registration') AND s.expires_at > p_now
      AND s.consumed_at IS NULL AND s.cancelled_at IS NULL);
  IF p_registration_id IS NOT NULL THEN
    ids := ids || ARRAY(SELECT c.challenge_id FROM challenges c WHERE c.registration_id = p_registration_id);
  END IF;
`,
);

/** A session for the user of a proven contact: the common effect of LOGIN and REGISTRATION. */
export const signInFunctions = `${siblings}
-- Gives the user the session in p_made, if there is one. Keeps the most recently used of the user's other live sessions in the
-- app, or none if the redemption proves a claim.
CREATE FUNCTION sign_in(
  p_challenge_id TEXT, p_app_id TEXT, p_user_id TEXT, p_user_row JSONB, p_is_new_user BOOLEAN, p_username_taken BOOLEAN,
  p_proves_claim BOOLEAN, p_locked TEXT[], p_made JSONB, p_now BIGINT,
  OUT siblings TEXT[], OUT result JSONB
) LANGUAGE plpgsql AS $$
DECLARE
  v_has_session BOOLEAN;
  v_excess TEXT[];
BEGIN
  v_has_session := jsonb_typeof(p_made -> 'session') = 'object';
  IF p_proves_claim OR v_has_session AND NOT p_is_new_user THEN
    v_excess := ARRAY(
      SELECT s.session_id FROM sessions s
      WHERE s.user_id = p_user_id AND s.app_id = p_app_id AND s.idle_expires_at > p_now AND s.expires_at > p_now
      ORDER BY s.last_used_at DESC, s.created_at DESC, s.session_id
      OFFSET CASE WHEN p_proves_claim THEN 0 ELSE (p_made ->> 'sessions_max')::integer - 1 END);
    IF cardinality(v_excess) > 0 THEN
      PERFORM end_sessions(v_excess);
    END IF;
  END IF;
  IF v_has_session THEN
    INSERT INTO sessions (session_id, family, key_id, user_id, app_id, client_id, credential_hash, generation, ip, user_agent, amr,
      created_at, last_used_at, idle_expires_at, expires_at, sweep_at, challenge_id)
    SELECT s.session_id, s.family, s.key_id, p_user_id, s.app_id, s.client_id, s.credential_hash, 0, s.ip, s.user_agent, s.amr,
      p_now, p_now, s.idle_expires_at, s.expires_at, s.sweep_at, p_challenge_id
    FROM jsonb_to_record(p_made -> 'session') AS s (session_id TEXT, family BYTEA, key_id TEXT, app_id TEXT, client_id TEXT,
      credential_hash BYTEA, ip TEXT, user_agent TEXT, amr TEXT, idle_expires_at BIGINT, expires_at BIGINT, sweep_at BIGINT);
  END IF;
  IF cardinality(p_locked) > 0 THEN
    siblings := ARRAY(
      SELECT c.challenge_id FROM challenges c WHERE c.challenge_id = ANY (p_locked) AND (c.user_id = p_user_id OR EXISTS (
        SELECT 1 FROM contacts o WHERE o.pool_id = c.pool_id AND o.kind = c.contact_kind AND o.value = c.contact_value
          AND o.user_id = p_user_id)));
  END IF;
  result := jsonb_build_object('session_id', p_made #> '{session,session_id}', 'is_new_user', p_is_new_user,
    'username_taken', p_username_taken, 'user', p_user_row || jsonb_build_object('contacts', contacts_of(p_user_id, p_app_id)));
END $$;
`;

/** The result of `sign_in`. */
interface SignInResult {
  readonly user: UserRow;
  readonly is_new_user: boolean;
  readonly username_taken: boolean;
}

export const signIn = {
  siblings: "sign_in_siblings",

  toRedemption(result: unknown, { newSession, now }: RedeemChange): Redemption {
    const row = result as SignInResult;
    const user = toUser(row.user);
    const made = { userId: user.userId, generation: 0, createdAt: now, lastUsedAt: now };
    const session: Session | null = newSession && { ...newSession, ...made };
    return { kind: "signed_in", session, user, isNewUser: row.is_new_user, usernameTaken: row.username_taken };
  },

  async recall(remembered, { sessions, findUser, now }) {
    const made = { isNewUser: remembered.is_new_user, usernameTaken: remembered.username_taken };
    if (remembered.session_id === null) {
      const user = await findUser(remembered.remembered_user_id ?? "");
      return user === null ? null : { kind: "signed_in", session: null, user, ...made };
    }
    const live = await sessions.findLive({ sessionId: remembered.session_id, now });
    if (live === null || live.session.generation > 0) return null;
    return { kind: "signed_in", ...live, ...made };
  },
} satisfies Partial<Effect>;
