import { contactsPerKindMax } from "../../../model/user.js";
import { isLiveChallenge } from "../../shared/rows.js";

/** Contacts of members. The lock order is in `sends.ts`. */
export const contactFunctions = `
-- Locks a member's person and returns the person's pool. Null if there is no such member.
CREATE FUNCTION lock_member(p_app_id TEXT, p_user_id TEXT) RETURNS TEXT LANGUAGE plpgsql AS $$
DECLARE
  v_pool_id TEXT;
BEGIN
  SELECT u.pool_id INTO v_pool_id FROM users u WHERE u.user_id = p_user_id FOR NO KEY UPDATE;
  PERFORM 1 FROM memberships m WHERE m.app_id = p_app_id AND m.user_id = p_user_id;
  RETURN CASE WHEN FOUND THEN v_pool_id END;
END $$;

-- Whether the member may have a contact, although others of its kind stay. p_replaces is the value of one that does not.
CREATE FUNCTION has_room_for(p_app_id TEXT, p_user_id TEXT, p_kind TEXT, p_value TEXT, p_replaces TEXT)
RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
  SELECT count(*) < ${contactsPerKindMax} FROM jsonb_array_elements(contacts_of(p_user_id, p_app_id)) AS c
  WHERE c ->> 0 = p_kind AND c ->> 1 <> p_value AND c ->> 1 IS DISTINCT FROM p_replaces
$$;

-- Lets a claim and a proof of the contact wait for each other until the first of the two has ended: both insert a row of the same
-- key. The row of the claim is gone at once, and no other transaction sees it. A proof that waited finds the claim and ends it. A
-- claim that waited starts over and finds the proof.
CREATE FUNCTION meet_proofs(p_pool_id TEXT, p_user_id TEXT, p_kind TEXT, p_value TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank) VALUES (p_pool_id, p_kind, p_value, p_user_id, 0, 0)
  ON CONFLICT (pool_id, kind, value) DO NOTHING;
  IF NOT FOUND THEN
    RAISE SQLSTATE '40001' USING MESSAGE = 'the contact was verified at the same time';
  END IF;
  DELETE FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = p_kind AND o.value = p_value;
END $$;

-- p_verified_at null: a claim.
CREATE FUNCTION add_contact(
  p_app_id TEXT, p_user_id TEXT, p_kind TEXT, p_value TEXT, p_verified_at BIGINT, p_primary BOOLEAN, p_now BIGINT,
  OUT outcome TEXT, OUT field TEXT, OUT member JSONB
) LANGUAGE plpgsql AS $$
DECLARE
  v_pool_id TEXT;
  v_holder TEXT;
BEGIN
  v_pool_id := lock_member(p_app_id, p_user_id);
  IF v_pool_id IS NULL THEN
    outcome := 'no_member';
    RETURN;
  END IF;
  SELECT o.user_id INTO v_holder FROM contacts o WHERE o.pool_id = v_pool_id AND o.kind = p_kind AND o.value = p_value;
  IF v_holder IS NULL THEN
    IF NOT has_room_for(p_app_id, p_user_id, p_kind, p_value, NULL) THEN
      outcome := 'too_many_contacts';
      RETURN;
    END IF;
    IF p_verified_at IS NULL THEN
      PERFORM meet_proofs(v_pool_id, p_user_id, p_kind, p_value);
      INSERT INTO claims (app_id, kind, value, user_id, created_at) VALUES (p_app_id, p_kind, p_value, p_user_id, p_now)
      ON CONFLICT (app_id, kind, value, user_id) DO NOTHING;
    ELSE
      INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank)
      VALUES (v_pool_id, p_kind, p_value, p_user_id, p_verified_at, p_verified_at)
      ON CONFLICT (pool_id, kind, value) DO NOTHING;
      v_holder := CASE WHEN FOUND THEN p_user_id ELSE '' END;
    END IF;
  END IF;
  IF v_holder <> p_user_id THEN
    outcome := 'taken';
    field := p_kind;
    RETURN;
  END IF;
  IF v_holder = p_user_id THEN
    PERFORM end_claims(p_app_id, p_user_id, p_kind, p_value);
    IF p_primary THEN
      UPDATE contacts o SET rank = (SELECT min(r.rank) - 1 FROM contacts r WHERE r.user_id = p_user_id AND r.kind = p_kind)
      WHERE o.pool_id = v_pool_id AND o.kind = p_kind AND o.value = p_value;
    END IF;
  END IF;
  outcome := 'changed';
  member := member_of(p_app_id, p_user_id);
END $$;

-- The challenges that change when a contact is removed: those for the contact, except live ones that sign no one in, and the
-- person's own changes that replace it.
CREATE FUNCTION challenges_of_contact(p_pool_id TEXT, p_user_id TEXT, p_kind TEXT, p_value TEXT, p_now BIGINT)
RETURNS TEXT[] LANGUAGE sql STABLE AS $$
  SELECT ARRAY(
    SELECT c.challenge_id FROM challenges c
    WHERE c.contact_value = p_value AND c.contact_kind = p_kind AND c.pool_id = p_pool_id
      AND (c.purpose IN ('login', 'registration') OR NOT (${isLiveChallenge("p_now")}))
    UNION
    SELECT c.challenge_id FROM challenges c
    WHERE c.user_id = p_user_id AND c.purpose = 'change_contact' AND c.replaces = p_value)
$$;

-- Removes a contact of a locked person: the verified one, and the app's claim. p_challenges are those of challenges_of_contact,
-- locked. Those that could sign the person in become decoys. All of them lose the contact, so that it is stored nowhere.
CREATE FUNCTION take_contact(
  p_pool_id TEXT, p_app_id TEXT, p_user_id TEXT, p_kind TEXT, p_value TEXT, p_challenges TEXT[], p_now BIGINT
) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_was_verified BOOLEAN;
  v_of_contact TEXT[] := ARRAY(
    SELECT c.challenge_id FROM challenges c
    WHERE c.challenge_id = ANY (p_challenges) AND c.contact_kind = p_kind AND c.contact_value = p_value);
BEGIN
  DELETE FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = p_kind AND o.value = p_value AND o.user_id = p_user_id;
  v_was_verified := FOUND;
  DELETE FROM claims k WHERE k.app_id = p_app_id AND k.kind = p_kind AND k.value = p_value AND k.user_id = p_user_id;
  IF FOUND OR v_was_verified THEN
    UPDATE challenges c SET contact_kind = NULL, contact_value = NULL, decoy = c.decoy OR ${isLiveChallenge("p_now")},
      sealed_code = CASE WHEN NOT (${isLiveChallenge("p_now")}) THEN c.sealed_code END
    WHERE c.challenge_id = ANY (p_challenges) AND c.contact_kind = p_kind AND c.contact_value = p_value
      AND (v_was_verified OR c.app_id = p_app_id AND c.user_id = p_user_id);
    UPDATE challenges c SET replaces = NULL
    WHERE c.challenge_id = ANY (p_challenges) AND c.user_id = p_user_id AND c.purpose = 'change_contact' AND c.replaces = p_value;
    PERFORM erase_messages(p_user_id, masked_contact(p_kind, p_value), v_of_contact);
  END IF;
END $$;

CREATE FUNCTION remove_contact(
  p_app_id TEXT, p_user_id TEXT, p_kind TEXT, p_value TEXT, p_notice JSONB, p_now BIGINT, OUT outcome TEXT, OUT member JSONB
) LANGUAGE plpgsql AS $$
DECLARE
  v_challenges TEXT[];
  v_pool_id TEXT;
  v_contacts JSONB;
BEGIN
  SELECT u.pool_id INTO v_pool_id FROM users u WHERE u.user_id = p_user_id;
  v_challenges := ARRAY(
    SELECT c.challenge_id FROM challenges c
    WHERE c.challenge_id = ANY (challenges_of_contact(v_pool_id, p_user_id, p_kind, p_value, p_now))
    ORDER BY c.challenge_id FOR UPDATE);
  v_pool_id := lock_member(p_app_id, p_user_id);
  v_contacts := contacts_of(p_user_id, p_app_id);
  outcome := CASE
    WHEN v_pool_id IS NULL THEN 'no_member'
    WHEN NOT EXISTS (SELECT 1 FROM jsonb_array_elements(v_contacts) AS c WHERE c ->> 0 = p_kind AND c ->> 1 = p_value) THEN 'no_contact'
    WHEN jsonb_array_length(v_contacts) = 1 THEN 'last_contact'
    -- Otherwise the owner of a claimed contact could sign in as this person, and would be this person in every app of the pool.
    WHEN EXISTS (SELECT 1 FROM jsonb_array_elements(v_contacts) AS c WHERE c ->> 2 IS NOT NULL) AND NOT EXISTS (
      SELECT 1 FROM jsonb_array_elements(v_contacts) AS c WHERE c ->> 2 IS NOT NULL AND NOT (c ->> 0 = p_kind AND c ->> 1 = p_value))
      THEN 'last_contact'
    ELSE 'changed' END;
  IF outcome = 'changed' THEN
    PERFORM add_notice(p_notice, v_pool_id, p_app_id, p_user_id, p_kind, p_value, false, p_now);
    PERFORM take_contact(v_pool_id, p_app_id, p_user_id, p_kind, p_value, v_challenges, p_now);
    member := member_of(p_app_id, p_user_id);
  END IF;
END $$;
`;
