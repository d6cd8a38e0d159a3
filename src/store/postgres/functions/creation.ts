/** New members. The lock order is in `sends.ts`. */
export const creationFunctions = `
-- Moves the counter of users' numbers to a number that an import gave. With the rights of its owner, because a login that may only
-- read and write rows may not move a counter.
CREATE FUNCTION keep_numbers_above(p_number BIGINT) RETURNS VOID LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  v_counter REGCLASS := pg_get_serial_sequence('users', 'number');
BEGIN
  IF p_number > coalesce(pg_sequence_last_value(v_counter), 0) THEN
    PERFORM setval(v_counter, p_number);
  END IF;
END $$;

-- Creates or joins people, each as if alone, in the order of the list: [{nth, user_id, number, username, display_name, locale,
-- custom_attributes, contacts: [{kind, value, verified_at, rank}], membership}]. Runs in a SERIALIZABLE transaction, so that what it looks
-- for and does not find is not made at the same time. An ON CONFLICT there fails the transaction, which starts over.
CREATE FUNCTION create_members(p_pool_id TEXT, p_app_id TEXT, p_members JSONB, p_now BIGINT)
RETURNS TABLE (nth INTEGER, outcome TEXT, user_id TEXT, field TEXT) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_member RECORD;
  v_contact RECORD;
  v_person TEXT;
  v_found TEXT;
  v_outcome TEXT;
  v_field TEXT;
  v_number BIGINT;
  v_highest BIGINT;
BEGIN
  FOR v_member IN SELECT m.* FROM jsonb_to_recordset(p_members) AS m (
    nth INTEGER, user_id TEXT, number BIGINT, username TEXT, display_name TEXT, locale TEXT, custom_attributes TEXT, contacts JSONB,
    membership JSONB) ORDER BY m.nth
  LOOP
    v_outcome := NULL;
    v_field := NULL;
    SELECT CASE WHEN u.pool_id = p_pool_id THEN u.user_id END INTO v_person FROM users u WHERE u.user_id = v_member.user_id;
    IF FOUND AND v_person IS NULL THEN
      v_field := 'user_id';
    END IF;
    FOR v_contact IN SELECT c.kind, c.value FROM jsonb_to_recordset(v_member.contacts) AS c (kind TEXT, value TEXT) LOOP
      SELECT o.user_id INTO v_found FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = v_contact.kind AND o.value = v_contact.value;
      IF NOT FOUND THEN
        SELECT k.user_id INTO v_found FROM claims k WHERE k.app_id = p_app_id AND k.kind = v_contact.kind AND k.value = v_contact.value
        ORDER BY k.created_at, k.user_id LIMIT 1;
      END IF;
      IF v_found <> v_person THEN
        v_field := coalesce(v_field, v_contact.kind);
      END IF;
      v_person := coalesce(v_person, v_found);
    END LOOP;

    IF v_field IS NULL AND v_person IS NOT NULL THEN
      PERFORM 1 FROM memberships m WHERE m.app_id = p_app_id AND m.user_id = v_person;
      IF FOUND THEN
        v_outcome := 'already_member';
      END IF;
    END IF;
    IF v_field IS NULL AND v_outcome IS NULL THEN
      SELECT CASE
        WHEN v_person IS NULL AND EXISTS (SELECT 1 FROM users u WHERE u.number = v_member.number) THEN 'number'
        WHEN v_person IS NULL AND EXISTS (SELECT 1 FROM users u WHERE u.pool_id = p_pool_id AND u.username = v_member.username) THEN 'username'
        WHEN EXISTS (SELECT 1 FROM memberships m
          WHERE m.app_id = p_app_id AND m.external_id = v_member.membership ->> 'external_id') THEN 'external_id' END
      INTO v_field;
    END IF;
    IF v_field IS NULL AND v_outcome IS NULL THEN
      v_outcome := CASE WHEN v_person IS NULL THEN 'created' ELSE 'joined' END;
      IF v_person IS NOT NULL THEN
        SELECT u.number INTO v_number FROM users u WHERE u.user_id = v_person FOR NO KEY UPDATE;
      ELSE
        v_person := v_member.user_id;
        INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank)
        SELECT p_pool_id, c.kind, c.value, v_person, c.verified_at, c.rank
        FROM jsonb_to_recordset(v_member.contacts) AS c (kind TEXT, value TEXT, verified_at BIGINT, rank BIGINT)
        WHERE c.verified_at IS NOT NULL
        ON CONFLICT (pool_id, kind, value) DO NOTHING;
        INSERT INTO claims (app_id, kind, value, user_id, created_at)
        SELECT p_app_id, c.kind, c.value, v_person, p_now
        FROM jsonb_to_recordset(v_member.contacts) AS c (kind TEXT, value TEXT, verified_at BIGINT) WHERE c.verified_at IS NULL
        ON CONFLICT (app_id, kind, value, user_id) DO NOTHING;
        IF v_member.number IS NULL THEN
          INSERT INTO users (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
          VALUES (v_person, p_pool_id, v_member.username, v_member.display_name, v_member.locale, v_member.custom_attributes, p_now)
          ON CONFLICT DO NOTHING RETURNING number INTO v_number;
        ELSE
          INSERT INTO users (user_id, number, pool_id, username, display_name, locale, custom_attributes, created_at)
          VALUES (v_person, v_member.number, p_pool_id, v_member.username, v_member.display_name, v_member.locale,
            v_member.custom_attributes, p_now)
          ON CONFLICT DO NOTHING RETURNING number INTO v_number;
          v_highest := greatest(v_highest, v_member.number);
        END IF;
      END IF;
      PERFORM add_membership(p_app_id, v_person, v_number, v_member.membership, p_now);
    END IF;
    nth := v_member.nth;
    outcome := coalesce(v_outcome, 'taken');
    user_id := v_person;
    field := v_field;
    RETURN NEXT;
  END LOOP;
  IF v_highest IS NOT NULL THEN
    PERFORM keep_numbers_above(v_highest);
  END IF;
END $$;
`;
