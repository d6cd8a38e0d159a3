import { isLiveChallenge } from "../../shared/rows.js";
import { ownClaims, userRowOf } from "../functions/person-rows.js";
import { type SqlEffect, siblingsFunction } from "./effect.js";
import { loginFunction } from "./login.js";
import { registrationFunction } from "./registration.js";

/** Adds a user with this SQL for the username. `made` is its JSON. */
const insertUser = (username: string, conflict: string) => `
  INSERT INTO users AS u (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
  VALUES (v_made ->> 'user_id', p_pool_id, ${username}, v_made ->> 'display_name', v_made ->> 'locale',
    v_made ->> 'custom_attributes', p_now)
  ${conflict} RETURNING ${userRowOf("u")} INTO user_row;`;

/**
 * Many people know the code of a test identifier. So it signs in test accounts alone, verifies nothing and ends no claim, and a contact
 * that a real person holds is refused as a decoy's would be.
 */
export const testSignInFunctions = `
${siblingsFunction(
  "test_sign_in_siblings",
  `
  SELECT h.holder_id INTO recipient_id FROM test_holder(p_pool_id, p_app_id, p_contact_kind, p_contact_value) h;
  ids := ARRAY(
    SELECT c.challenge_id FROM (SELECT q.kind, q.value FROM claims q WHERE ${ownClaims("q", "recipient_id", "p_app_id")}) AS k
    JOIN challenges c ON c.contact_value = k.value AND c.contact_kind = k.kind
    WHERE c.app_id = p_app_id AND c.user_id = recipient_id AND c.purpose IN ('login', 'registration')
      AND ${isLiveChallenge("p_now")});
  IF p_registration_id IS NOT NULL THEN
    ids := ids || ARRAY(SELECT c.challenge_id FROM challenges c WHERE c.registration_id = p_registration_id);
  END IF;
`,
)}
-- Finds the test account with the contact, or creates one. p_contacts are the contacts of a new one; null means to find one only. The
-- other parameters are those of find_or_make_user.
CREATE FUNCTION find_or_make_test_user(
  p_pool_id TEXT, p_app_id TEXT, p_kind TEXT, p_value TEXT, p_contacts JSONB, p_user_id TEXT, p_recipient_id TEXT, p_made JSONB,
  p_now BIGINT,
  OUT why TEXT, OUT would_register JSONB, OUT user_id TEXT, OUT user_row JSONB, OUT is_new_user BOOLEAN, OUT username_taken BOOLEAN,
  OUT proves_claim BOOLEAN
) LANGUAGE plpgsql AS $$
DECLARE
  v_made JSONB := p_made -> 'user';
  v_holder RECORD;
  v_contacts JSONB;
BEGIN
  is_new_user := false;
  username_taken := false;
  proves_claim := false;
  SELECT h.is_real, h.holder_id, h.holder_state INTO v_holder FROM test_holder(p_pool_id, p_app_id, p_kind, p_value) h;
  IF v_holder.is_real THEN
    why := 'decoy';
    RETURN;
  END IF;
  IF p_user_id IS NOT NULL AND v_holder.holder_id IS DISTINCT FROM p_user_id THEN
    why := 'user_gone';
    RETURN;
  END IF;

  IF v_holder.holder_id IS NOT NULL THEN
    SELECT ${userRowOf("u")} INTO user_row FROM users u WHERE u.user_id = v_holder.holder_id FOR NO KEY UPDATE;
    -- The account may have changed during the wait, or its challenges are not locked.
    SELECT h.is_real, h.holder_id, h.holder_state INTO v_holder FROM test_holder(p_pool_id, p_app_id, p_kind, p_value) h;
    IF v_holder.is_real OR user_row IS NULL OR v_holder.holder_id IS DISTINCT FROM user_row ->> 'user_id'
      OR v_holder.holder_id IS DISTINCT FROM p_recipient_id
    THEN
      RAISE SQLSTATE '40001' USING MESSAGE = 'the contact of a test got another person during its redemption';
    END IF;
    IF v_holder.holder_state <> 'active' THEN
      why := 'user_locked';
      RETURN;
    END IF;
    user_id := v_holder.holder_id;
    RETURN;
  END IF;

  -- A pending registration has no user and goes on.
  IF p_contacts IS NULL THEN
    RETURN;
  END IF;
  SELECT jsonb_agg(c) INTO v_contacts FROM jsonb_array_elements(p_contacts) AS c
  WHERE (SELECT NOT h.is_real AND h.holder_id IS NULL FROM test_holder(p_pool_id, p_app_id, c ->> 'kind', c ->> 'value') h);
  -- Each statement sees what was committed before it, so the contact itself may have got a person since the first look.
  IF v_contacts @> jsonb_build_array(jsonb_build_object('kind', p_kind, 'value', p_value)) IS NOT TRUE THEN
    RAISE SQLSTATE '40001' USING MESSAGE = 'the contact of a test got a person during its redemption';
  END IF;
  IF jsonb_typeof(p_made -> 'membership') IS DISTINCT FROM 'object' THEN
    why := 'would_register';
    would_register := jsonb_build_object('is_new_to_pool', true, 'contacts', v_contacts);
    RETURN;
  END IF;
  user_id := v_made ->> 'user_id';
  -- One of several sign-ups at once creates the account. The others wait here and start over.
  PERFORM meet_proofs(p_pool_id, user_id, c.kind, c.value) FROM (
    SELECT g.kind, g.value FROM jsonb_to_recordset(v_contacts) AS g (kind TEXT, value TEXT)
    ORDER BY g.kind COLLATE "C", g.value COLLATE "C") AS c;
  PERFORM 1 FROM jsonb_to_recordset(v_contacts) AS c (kind TEXT, value TEXT),
    LATERAL test_holder(p_pool_id, p_app_id, c.kind, c.value) h WHERE h.is_real OR h.holder_id IS NOT NULL;
  IF FOUND THEN
    RAISE SQLSTATE '40001' USING MESSAGE = 'the contact of a test got a person during its redemption';
  END IF;
  ${insertUser("v_made ->> 'username'", "ON CONFLICT (pool_id, username) WHERE username IS NOT NULL DO NOTHING")}
  username_taken := NOT FOUND;
  IF username_taken THEN
    ${insertUser("NULL", "")}
  END IF;
  INSERT INTO claims (app_id, kind, value, user_id, created_at)
  SELECT p_app_id, c.kind, c.value, v_made ->> 'user_id', p_now FROM jsonb_to_recordset(v_contacts) AS c (kind TEXT, value TEXT);
  PERFORM add_membership(p_app_id, user_id, (user_row -> 'number')::bigint,
    (p_made -> 'membership') || jsonb_build_object('credential_type', 'test'), p_now);
  is_new_user := true;
END $$;
${loginFunction("redeem_test_login", "find_or_make_test_user")}
${registrationFunction("redeem_test_registration", "find_or_make_test_user")}
`;

/** What a test challenge does instead of the effect of its purpose. Their results are those of the purpose. */
export const testEffects: Readonly<Record<"login" | "registration", SqlEffect>> = {
  login: { siblings: "test_sign_in_siblings", redeem: "redeem_test_login", functions: "" },
  registration: { siblings: "test_sign_in_siblings", redeem: "redeem_test_registration", functions: "" },
};
