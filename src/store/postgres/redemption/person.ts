import { userRowOf } from "../functions/person-rows.js";

/** The person that a redemption signs in. */
export const personFunctions = `
-- Finds the person of a proven contact and joins it to the app if it is no member, or creates one. p_contacts are the contacts of a
-- new person; null means to find one only. p_user_id is the user that the challenge was issued for, or null. p_recipient_id is the
-- user whose challenges are locked. The person is locked against all other changes. Of concurrent calls for a contact one creates
-- the person; the others wait and find it. If why is set, nothing is written.
CREATE FUNCTION find_or_make_user(
  p_pool_id TEXT, p_app_id TEXT, p_kind TEXT, p_value TEXT, p_contacts JSONB, p_user_id TEXT, p_recipient_id TEXT, p_made JSONB,
  p_now BIGINT,
  OUT why TEXT, OUT would_register JSONB, OUT user_id TEXT, OUT user_row JSONB, OUT is_new_user BOOLEAN, OUT username_taken BOOLEAN,
  OUT proves_claim BOOLEAN
) LANGUAGE plpgsql AS $$
DECLARE
  v_user JSONB := p_made -> 'user';
  v_registers BOOLEAN := jsonb_typeof(p_made -> 'membership') = 'object';
  v_contacts JSONB;
  v_user_id TEXT;
  v_person RECORD;
BEGIN
  is_new_user := false;
  username_taken := false;
  LOOP
    SELECT o.user_id INTO v_user_id FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = p_kind AND o.value = p_value;
    proves_claim := NOT FOUND;
    IF proves_claim THEN
      v_user_id := claimant_of(p_app_id, p_kind, p_value, (p_made -> 'trust_claims')::boolean);
    END IF;
    EXIT WHEN v_user_id IS NULL AND p_contacts IS NULL;
    IF v_user_id IS NULL THEN
      -- Contacts that were proven earlier may have a person by now. NOT EXISTS could become a join that reads the whole pool.
      SELECT jsonb_agg(c) INTO v_contacts FROM jsonb_array_elements(p_contacts) AS c
      WHERE (SELECT o.user_id FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = c ->> 'kind' AND o.value = c ->> 'value') IS NULL
        AND claimant_of(p_app_id, c ->> 'kind', c ->> 'value', (p_made -> 'trust_claims')::boolean) IS NULL;
      IF NOT v_registers THEN
        why := 'would_register';
        would_register := jsonb_build_object('is_new_to_pool', true, 'contacts', v_contacts);
        RETURN;
      END IF;
      WITH made AS (
        INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank)
        SELECT p_pool_id, c.kind, c.value, v_user ->> 'user_id', p_now, p_now
        FROM jsonb_to_recordset(v_contacts) AS c (kind TEXT, value TEXT)
        ORDER BY c.kind COLLATE "C", c.value COLLATE "C" ON CONFLICT (pool_id, kind, value) DO NOTHING RETURNING kind, value
      ) SELECT coalesce(bool_or(m.kind = p_kind AND m.value = p_value), false) INTO is_new_user FROM made m;
      EXIT WHEN is_new_user;
      DELETE FROM contacts o WHERE o.user_id = v_user ->> 'user_id';
    ELSIF v_user_id <> p_user_id THEN
      EXIT;
    ELSE
      SELECT ${userRowOf("u")} INTO user_row FROM users u WHERE u.user_id = v_user_id FOR NO KEY UPDATE;
      -- Otherwise the person was erased during the wait, and the contact is free.
      IF FOUND THEN
        user_id := v_user_id;
        EXIT;
      END IF;
    END IF;
  END LOOP;

  IF is_new_user THEN
    proves_claim := false;
    INSERT INTO users AS u (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
    VALUES (v_user ->> 'user_id', p_pool_id, v_user ->> 'username', v_user ->> 'display_name', v_user ->> 'locale',
      v_user ->> 'custom_attributes', p_now)
    ON CONFLICT (pool_id, username) WHERE username IS NOT NULL DO NOTHING RETURNING ${userRowOf("u")} INTO user_row;
    username_taken := NOT FOUND;
    IF username_taken THEN
      INSERT INTO users AS u (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
      VALUES (v_user ->> 'user_id', p_pool_id, NULL, v_user ->> 'display_name', v_user ->> 'locale',
        v_user ->> 'custom_attributes', p_now)
      RETURNING ${userRowOf("u")} INTO user_row;
    END IF;
    user_id := v_user ->> 'user_id';
    PERFORM end_claims(p_app_id, user_id, o.kind, o.value) FROM (
      SELECT c.kind, c.value FROM contacts c WHERE c.user_id = v_user ->> 'user_id' ORDER BY c.kind, c.value) AS o;
    PERFORM add_membership(p_app_id, user_id, (user_row -> 'number')::bigint, p_made -> 'membership', p_now);
    RETURN;
  END IF;
  IF user_id IS NULL THEN
    -- A pending registration has no user either and goes on.
    why := CASE WHEN p_user_id IS NOT NULL THEN 'user_gone' END;
    RETURN;
  END IF;
  -- The contact may have got another person during the wait.
  SELECT m.state, m.credential_type, coalesce(
    (SELECT o.user_id FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = p_kind AND o.value = p_value),
    CASE WHEN proves_claim THEN claimant_of(p_app_id, p_kind, p_value, (p_made -> 'trust_claims')::boolean) END) AS user_id
  INTO v_person FROM (SELECT) AS once LEFT JOIN memberships m ON m.app_id = p_app_id AND m.user_id = v_user_id;
  IF v_person.user_id IS DISTINCT FROM v_user_id OR v_user_id IS DISTINCT FROM p_recipient_id THEN
    -- The person's challenges are not locked. The caller starts over.
    RAISE SQLSTATE '40001' USING MESSAGE = 'the contact got another person during its redemption';
  END IF;
  IF v_person.state IS NULL THEN
    IF p_user_id IS NOT NULL THEN
      why := 'user_gone';
      RETURN;
    END IF;
    IF NOT v_registers THEN
      why := 'would_register';
      would_register := jsonb_build_object('is_new_to_pool', false,
        'contacts', jsonb_build_array(jsonb_build_object('kind', p_kind, 'value', p_value)));
      RETURN;
    END IF;
    PERFORM end_claims(p_app_id, user_id, p_kind, p_value);
    PERFORM add_membership(p_app_id, user_id, (user_row -> 'number')::bigint, p_made -> 'membership', p_now);
    is_new_user := true;
  ELSIF v_person.state = 'locked' OR v_person.credential_type <> 'otp' THEN
    why := 'user_locked';
    RETURN;
  ELSIF v_person.state = 'invited' THEN
    UPDATE memberships m SET state = 'active' WHERE m.app_id = p_app_id AND m.user_id = v_user_id;
  END IF;
  IF proves_claim THEN
    INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank) VALUES (p_pool_id, p_kind, p_value, v_user_id, p_now, p_now)
    ON CONFLICT (pool_id, kind, value) DO NOTHING;
    IF NOT FOUND THEN
      RAISE SQLSTATE '40001' USING MESSAGE = 'another person verified the contact during its redemption';
    END IF;
    PERFORM end_claims(p_app_id, user_id, p_kind, p_value);
  END IF;
END $$;
`;
