import { isLiveChallenge } from "../../shared/rows.js";
import { ownClaims } from "./person-rows.js";

/**
 * Changes of memberships, and their end. The lock order is in `sends.ts`. A session is made by a redemption that holds the
 * person's users row, so what locks that row and then ends sessions leaves none.
 */
export const memberFunctions = `
-- All challenges of the pool, whatever their state, for the contacts that a person has verified; and those that were issued for the
-- person, to claims and to new contacts.
CREATE FUNCTION challenges_about(p_user_id TEXT) RETURNS TEXT[] LANGUAGE sql STABLE AS $$
  SELECT ARRAY(
    SELECT c.challenge_id FROM contacts o
    JOIN challenges c ON c.contact_value = o.value AND c.contact_kind = o.kind AND c.pool_id = o.pool_id
    WHERE o.user_id = p_user_id
    UNION
    SELECT c.challenge_id FROM claims k
    JOIN challenges c ON c.contact_value = k.value AND c.contact_kind = k.kind AND c.app_id = k.app_id AND c.user_id = k.user_id
    WHERE k.user_id = p_user_id
    UNION
    SELECT c.challenge_id FROM challenges c WHERE c.user_id = p_user_id AND c.purpose = 'change_contact')
$$;

CREATE FUNCTION lock_challenges_about(p_user_id TEXT) RETURNS TEXT[] LANGUAGE sql AS $$
  SELECT ARRAY(
    SELECT c.challenge_id FROM challenges c WHERE c.challenge_id = ANY (challenges_about(p_user_id))
    ORDER BY c.challenge_id FOR UPDATE)
$$;

-- Turns into decoys those of the locked challenges that live, are the app's, and could sign the person in or change its contacts.
-- They still look live. Otherwise their holders would see what happened to the person.
CREATE FUNCTION end_challenges_in(p_app_id TEXT, p_user_id TEXT, p_challenges TEXT[], p_now BIGINT) RETURNS VOID LANGUAGE sql AS $$
  UPDATE challenges c SET decoy = true, sealed_code = NULL
  WHERE c.challenge_id = ANY (p_challenges) AND c.app_id = p_app_id AND c.purpose <> 'verify_contact' AND ${isLiveChallenge("p_now")}
    AND (c.user_id = p_user_id OR EXISTS (
      SELECT 1 FROM contacts o WHERE o.user_id = p_user_id AND o.kind = c.contact_kind AND o.value = c.contact_value))
$$;

-- A username or an external id of another undoes both updates.
CREATE FUNCTION update_member(p_app_id TEXT, p_user_id TEXT, p_fields JSONB, OUT outcome TEXT, OUT field TEXT, OUT member JSONB)
LANGUAGE plpgsql AS $$
DECLARE
  v_constraint TEXT;
BEGIN
  outcome := 'no_member';
  PERFORM 1 FROM users u WHERE u.user_id = p_user_id FOR NO KEY UPDATE;
  IF member_of(p_app_id, p_user_id) IS NULL THEN
    RETURN;
  END IF;
  BEGIN
    UPDATE users u SET
      username = CASE WHEN p_fields ? 'username' THEN p_fields ->> 'username' ELSE u.username END,
      display_name = coalesce(p_fields ->> 'display_name', u.display_name), locale = coalesce(p_fields ->> 'locale', u.locale),
      custom_attributes = coalesce(p_fields ->> 'custom_attributes', u.custom_attributes)
    WHERE u.user_id = p_user_id AND p_fields ?| ARRAY['username', 'display_name', 'locale', 'custom_attributes'];
    UPDATE memberships m SET
      roles = coalesce(p_fields ->> 'roles', m.roles), kind = coalesce(p_fields ->> 'kind', m.kind),
      owner_organization = coalesce(p_fields ->> 'owner_organization', m.owner_organization),
      external_id = CASE WHEN p_fields ? 'external_id' THEN p_fields ->> 'external_id' ELSE m.external_id END,
      app_attributes = coalesce(p_fields ->> 'app_attributes', m.app_attributes)
    WHERE m.app_id = p_app_id AND m.user_id = p_user_id
      AND p_fields ?| ARRAY['roles', 'kind', 'owner_organization', 'external_id', 'app_attributes'];
  EXCEPTION WHEN unique_violation THEN
    GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
    outcome := 'taken';
    field := CASE v_constraint WHEN 'users_by_username' THEN 'username' ELSE 'external_id' END;
    RETURN;
  END;
  outcome := 'changed';
  member := member_of(p_app_id, p_user_id);
END $$;

CREATE FUNCTION set_lock(p_app_id TEXT, p_user_id TEXT, p_locked BOOLEAN, p_now BIGINT, OUT outcome TEXT, OUT member JSONB)
LANGUAGE plpgsql AS $$
DECLARE
  v_challenges TEXT[] := '{}';
  v_state TEXT;
BEGIN
  outcome := 'no_member';
  IF p_locked THEN
    v_challenges := ARRAY(
      SELECT c.challenge_id FROM challenges c
      WHERE c.challenge_id = ANY (challenges_about(p_user_id)) AND c.app_id = p_app_id AND c.purpose <> 'verify_contact'
        AND ${isLiveChallenge("p_now")}
      ORDER BY c.challenge_id FOR UPDATE);
  END IF;
  PERFORM 1 FROM users u WHERE u.user_id = p_user_id FOR NO KEY UPDATE;
  SELECT m.state INTO v_state FROM memberships m WHERE m.app_id = p_app_id AND m.user_id = p_user_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF p_locked THEN
    PERFORM end_challenges_in(p_app_id, p_user_id, v_challenges, p_now);
    PERFORM end_sessions(ARRAY(SELECT s.session_id FROM sessions s WHERE s.user_id = p_user_id AND s.app_id = p_app_id));
  END IF;
  outcome := 'unchanged';
  IF p_locked <> (v_state = 'locked') THEN
    UPDATE memberships m SET state = CASE WHEN p_locked THEN 'locked' ELSE 'active' END
    WHERE m.app_id = p_app_id AND m.user_id = p_user_id;
    outcome := 'changed';
  END IF;
  member := member_of(p_app_id, p_user_id);
END $$;

-- Deletes a person whose users row the caller has locked. p_challenges are those of challenges_about, locked. Those that were
-- issued for the person become decoys, and ended ones lose the contact. Live ones that were issued for no person, or for another,
-- stay.
CREATE FUNCTION erase_locked_person(p_user_id TEXT, p_challenges TEXT[], p_now BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  UPDATE challenges c SET decoy = c.decoy OR c.user_id IS NOT NULL, contact_kind = NULL, contact_value = NULL, replaces = NULL,
    sealed_code = CASE WHEN c.user_id IS NULL THEN c.sealed_code END
  WHERE c.challenge_id = ANY (p_challenges) AND (c.user_id = p_user_id OR NOT (${isLiveChallenge("p_now")}));
  PERFORM 1 FROM contacts o WHERE o.user_id = p_user_id ORDER BY o.kind, o.value FOR UPDATE;
  DELETE FROM contacts o WHERE o.user_id = p_user_id;
  PERFORM 1 FROM claims k WHERE k.user_id = p_user_id ORDER BY k.app_id, k.kind, k.value FOR UPDATE;
  DELETE FROM claims k WHERE k.user_id = p_user_id;
  DELETE FROM memberships m WHERE m.user_id = p_user_id;
  DELETE FROM contact_changes n WHERE n.user_id = p_user_id;
  DELETE FROM users u WHERE u.user_id = p_user_id;
  PERFORM erase_messages(p_user_id, NULL, p_challenges);
  PERFORM end_sessions(ARRAY(SELECT s.session_id FROM sessions s WHERE s.user_id = p_user_id));
END $$;

CREATE FUNCTION erase_person(p_user_id TEXT, p_now BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
  v_challenges TEXT[];
BEGIN
  v_challenges := lock_challenges_about(p_user_id);
  PERFORM 1 FROM users u WHERE u.user_id = p_user_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM erase_locked_person(p_user_id, v_challenges, p_now);
  RETURN true;
END $$;

-- Returns null if there is no such member.
CREATE FUNCTION leave_app(p_app_id TEXT, p_user_id TEXT, p_now BIGINT) RETURNS TEXT LANGUAGE plpgsql AS $$
DECLARE
  v_challenges TEXT[];
BEGIN
  v_challenges := lock_challenges_about(p_user_id);
  PERFORM 1 FROM users u WHERE u.user_id = p_user_id FOR UPDATE;
  PERFORM 1 FROM memberships m WHERE m.app_id = p_app_id AND m.user_id = p_user_id;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM 1 FROM memberships m WHERE m.user_id = p_user_id AND m.app_id <> p_app_id;
  IF NOT FOUND THEN
    PERFORM erase_locked_person(p_user_id, v_challenges, p_now);
    RETURN 'erased';
  END IF;
  PERFORM end_challenges_in(p_app_id, p_user_id, v_challenges, p_now);
  PERFORM 1 FROM claims k WHERE ${ownClaims("k", "p_user_id", "p_app_id")} ORDER BY k.kind, k.value FOR UPDATE;
  DELETE FROM claims k WHERE ${ownClaims("k", "p_user_id", "p_app_id")};
  DELETE FROM memberships m WHERE m.app_id = p_app_id AND m.user_id = p_user_id;
  PERFORM end_sessions(ARRAY(SELECT s.session_id FROM sessions s WHERE s.user_id = p_user_id AND s.app_id = p_app_id));
  RETURN 'left';
END $$;
`;
