import { keptAfterExpiryMs } from "../../rules/kept.js";
import { isLiveChallenge } from "../../shared/rows.js";
import { type Effect, redeemCall, type SqlEffect, siblingsCall } from "./effect.js";

/**
 * `redeem_challenge`: the part that is the same for every purpose. A refusal changes nothing, and a challenge is consumed once.
 * The effect holds everything that differs by purpose. The lock order is in `functions/sends.ts`.
 */
export function consumeFunction(
  ofPurpose: Readonly<Record<string, Effect>>,
  ofTests: Readonly<Record<string, SqlEffect>>,
): string {
  const tests = Object.entries(ofTests).map(([purpose, effect]) => [`test ${purpose}`, effect] as const);
  const byPurpose = (call: (effect: SqlEffect) => string) =>
    [...Object.entries(ofPurpose), ...tests]
      .map(([purpose, effect]) => `WHEN '${purpose}' THEN\n      ${call(effect)}`)
      .join("\n    ");
  return `
-- A refusal has no result. A refusal without a reason means that the challenge is not live. would_register has a result and changes
-- nothing.
CREATE FUNCTION redeem_challenge(
  p_challenge_id TEXT, p_mac BYTEA, p_returns JSONB, p_send_returns JSONB, p_made JSONB, p_lockout_key BYTEA,
  p_now BIGINT,
  OUT why TEXT, OUT purpose TEXT, OUT result JSONB
) LANGUAGE plpgsql AS $$
DECLARE
  v_fixed RECORD;
  v_effect_name TEXT;
  v_siblings RECORD;
  v_locked TEXT[];
  v_challenge RECORD;
  v_effect RECORD;
BEGIN
  -- The columns read before the lock change only when the person is erased or the contact removed. The challenge is then a decoy. A
  -- change may lose the contact that it replaces, which is removed already.
  SELECT c.purpose, c.pool_id, c.app_id, c.identifier_key, c.budget_key, c.requester_key, c.contact_kind, c.contact_value, c.user_id,
    c.replaces, c.registration_id, c.created_at, c.expires_at, c.is_test
  INTO v_fixed FROM challenges c WHERE c.challenge_id = p_challenge_id;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  purpose := v_fixed.purpose;
  v_effect_name := CASE WHEN v_fixed.is_test THEN 'test ' || purpose ELSE purpose END;
  CASE v_effect_name
    ${byPurpose(({ siblings }) => `v_siblings := ${siblingsCall(siblings, "v_fixed")};`)}
    ELSE
      -- A test challenge of another purpose can't be redeemed.
      why := 'decoy';
      RETURN;
  END CASE;
  -- Locks the challenge and all that redeeming it may end, ordered by id.
  v_locked := ARRAY(
    SELECT c.challenge_id FROM challenges c WHERE c.challenge_id = ANY (v_siblings.ids || p_challenge_id)
    ORDER BY c.challenge_id FOR UPDATE);
  SELECT c.decoy, c.resend_times, c.resend_requesters INTO v_challenge FROM challenges c
  WHERE c.challenge_id = p_challenge_id AND ${isLiveChallenge("p_now")};
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF v_challenge.decoy OR v_fixed.contact_value IS NULL THEN
    why := 'decoy';
    RETURN;
  END IF;

  v_locked := array_remove(v_locked, p_challenge_id);
  CASE v_effect_name
    ${byPurpose(({ redeem }) => `v_effect := ${redeemCall(redeem, "v_fixed")};`)}
  END CASE;
  IF v_effect.why IS NOT NULL THEN
    why := v_effect.why;
    result := v_effect.result;
    RETURN;
  END IF;
  result := v_effect.result;
  UPDATE challenges c SET consumed_at = p_now, sealed_code = NULL WHERE c.challenge_id = p_challenge_id;
  -- Another requester's sibling still looks live. Otherwise its holder would see whether and when the recipient redeemed this
  -- one.
  IF cardinality(v_effect.siblings) > 0 THEN
    UPDATE challenges c SET sealed_code = NULL, decoy = true,
      cancelled_at = CASE WHEN c.requester_key = v_fixed.requester_key THEN p_now END
    WHERE c.challenge_id = ANY (v_effect.siblings) AND ${isLiveChallenge("p_now")};
  END IF;
  IF p_mac IS NOT NULL THEN
    INSERT INTO idempotency (mac, kind, challenge_ids, session_id, user_id, is_new_user, username_taken, pending_sources, expires_at)
    VALUES (p_mac, 'redeemed', ARRAY[p_challenge_id], result ->> 'session_id',
      CASE WHEN result ->> 'session_id' IS NULL THEN result #>> '{user,user_id}' END, coalesce((result -> 'is_new_user')::boolean, false),
      coalesce((result -> 'username_taken')::boolean, false),
      ARRAY(SELECT jsonb_array_elements_text(result -> 'pending_sources')), v_fixed.expires_at + ${keptAfterExpiryMs})
    ON CONFLICT (mac) DO UPDATE SET kind = excluded.kind, challenge_ids = excluded.challenge_ids, session_id = excluded.session_id,
      user_id = excluded.user_id, is_new_user = excluded.is_new_user, username_taken = excluded.username_taken, pending_sources = excluded.pending_sources,
      expires_at = excluded.expires_at;
  END IF;
  PERFORM give_back(p_returns, p_send_returns, v_fixed.budget_key,
    array_prepend(v_fixed.created_at, v_challenge.resend_times),
    array_prepend(v_fixed.requester_key, v_challenge.resend_requesters), p_now);
  IF p_lockout_key IS NOT NULL THEN
    DELETE FROM lockouts l WHERE l.key = p_lockout_key;
  END IF;
END $$;
`;
}
