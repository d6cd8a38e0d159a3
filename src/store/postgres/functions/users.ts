import { claimantOf, contactsOf, membershipRowOf, userRowOf } from "./person-rows.js";

/** What is read of people, and the end of their claims and sessions. The lock order is in `sends.ts`. */
export const userFunctions = `
-- The contacts of a user that an app sees, as [[kind, value, verified_at]].
CREATE FUNCTION contacts_of(p_user_id TEXT, p_app_id TEXT) RETURNS JSONB LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN ${contactsOf("p_user_id", "p_app_id")};
END $$;

-- A member as JSON. Null if there is none.
CREATE FUNCTION member_of(p_app_id TEXT, p_user_id TEXT) RETURNS JSONB LANGUAGE sql STABLE AS $$
  SELECT ${userRowOf("u")} || ${membershipRowOf("m")} || jsonb_build_object('contacts', ${contactsOf("u.user_id", "m.app_id")})
  FROM memberships m JOIN users u ON u.user_id = m.user_id WHERE m.app_id = p_app_id AND m.user_id = p_user_id
$$;

-- The member with the oldest claim to a contact that has effect, if no person has the contact verified: the member has no verified
-- contact, or the app trusts claims and the member is in no other app. A claim without effect, such as that of a member without a
-- credential, is passed over.
CREATE FUNCTION claimant_of(p_app_id TEXT, p_kind TEXT, p_value TEXT, p_trust_claims BOOLEAN) RETURNS TEXT LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN ${claimantOf("p_app_id", "p_kind", "p_value", "p_trust_claims")};
END $$;

-- Whom the code of a test identifier signs in, see \`users.findTestHolder\`. Neither is_real nor holder_id: nobody. A claim of a real
-- person comes first, whatever its app and age.
CREATE FUNCTION test_holder(
  p_pool_id TEXT, p_app_id TEXT, p_kind TEXT, p_value TEXT, OUT is_real BOOLEAN, OUT holder_id TEXT, OUT holder_state TEXT
) LANGUAGE plpgsql STABLE AS $$
BEGIN
  is_real := EXISTS (SELECT 1 FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = p_kind AND o.value = p_value);
  IF is_real THEN
    RETURN;
  END IF;
  SELECT c.is_of_real, CASE WHEN c.is_own THEN c.user_id END, CASE WHEN c.is_own THEN c.state END
  INTO is_real, holder_id, holder_state FROM (
    SELECT k.user_id, k.created_at, k.app_id = p_app_id AS is_own,
      (SELECT m.state FROM memberships m WHERE m.app_id = k.app_id AND m.user_id = k.user_id) AS state,
      (SELECT m.credential_type FROM memberships m WHERE m.app_id = k.app_id AND m.user_id = k.user_id) IS DISTINCT FROM 'test'
        OR EXISTS (SELECT 1 FROM contacts o WHERE o.user_id = k.user_id)
        OR EXISTS (SELECT 1 FROM memberships e WHERE e.user_id = k.user_id AND e.app_id <> k.app_id) AS is_of_real
    FROM (SELECT a.app_id FROM apps a WHERE a.pool_id = p_pool_id UNION SELECT p_app_id) AS a
    CROSS JOIN LATERAL (
      SELECT k.app_id, k.user_id, k.created_at FROM claims k
      WHERE k.app_id = a.app_id AND k.kind = p_kind AND k.value = p_value OFFSET 0
    ) k
  ) AS c ORDER BY c.is_of_real DESC, c.is_own DESC, c.created_at, c.user_id LIMIT 1;
  is_real := coalesce(is_real, false);
END $$;

-- Ends the claims to a contact that a person has verified: all of the app, and the person's own in other apps.
CREATE FUNCTION end_claims(p_app_id TEXT, p_user_id TEXT, p_kind TEXT, p_value TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_claim RECORD;
BEGIN
  FOR v_claim IN
    SELECT k.app_id, k.user_id FROM claims k WHERE k.app_id = p_app_id AND k.kind = p_kind AND k.value = p_value
    UNION SELECT k.app_id, k.user_id FROM claims k WHERE k.user_id = p_user_id AND k.kind = p_kind AND k.value = p_value
    ORDER BY app_id, user_id
  LOOP
    DELETE FROM claims k WHERE k.app_id = v_claim.app_id AND k.kind = p_kind AND k.value = p_value AND k.user_id = v_claim.user_id;
  END LOOP;
END $$;

CREATE FUNCTION add_membership(p_app_id TEXT, p_user_id TEXT, p_number BIGINT, p_membership JSONB, p_now BIGINT)
RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO memberships (app_id, user_id, number, roles, kind, owner_organization, external_id, app_attributes, credential_type,
    state, joined_at)
  VALUES (p_app_id, p_user_id, p_number, p_membership ->> 'roles', p_membership ->> 'kind', p_membership ->> 'owner_organization',
    p_membership ->> 'external_id', p_membership ->> 'app_attributes', p_membership ->> 'credential_type', p_membership ->> 'state', p_now)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RAISE SQLSTATE '40001' USING MESSAGE = 'the membership was made at the same time';
  END IF;
END $$;

CREATE FUNCTION end_sessions(p_session_ids TEXT[]) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
  v_ids TEXT[];
BEGIN
  v_ids := ARRAY(SELECT session_id FROM sessions WHERE session_id = ANY (p_session_ids) ORDER BY session_id FOR UPDATE);
  DELETE FROM sessions WHERE session_id = ANY (v_ids);
  RETURN cardinality(v_ids);
END $$;
`;
