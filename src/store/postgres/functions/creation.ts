import { isNoTestClaim } from "./person-rows.js";

/** The columns of the list of members, as `jsonb_to_recordset` takes them. */
const given = `nth INTEGER, user_id TEXT, number BIGINT, username TEXT, display_name TEXT, locale TEXT, custom_attributes TEXT,
    contacts JSONB, membership JSONB`;

/** SQL for the list, and for the list with the contacts of each. */
const listed = `jsonb_to_recordset(p_members) AS m (${given})`;
const listedContacts = `${listed}, jsonb_to_recordset(m.contacts) AS c (kind TEXT, value TEXT, verified_at BIGINT, rank BIGINT)`;

/** SQL that inserts the users at the places p_places. The database counts the numbers that are not given. */
function insertUsers(numbered: boolean): string {
  return `INSERT INTO users (user_id, ${numbered ? "number, " : ""}pool_id, username, display_name, locale, custom_attributes, created_at)
  SELECT m.user_id, ${numbered ? "m.number, " : ""}p_pool_id, m.username, m.display_name, m.locale, m.custom_attributes, p_now
  FROM ${listed} WHERE m.nth = ANY (p_places) AND m.number IS ${numbered ? "NOT " : ""}NULL
  ORDER BY m.nth ON CONFLICT DO NOTHING;`;
}

/** New members. The lock order is in `sends.ts`. */
export const creationFunctions = `
-- Moves the counter of users' numbers to a number that an import gives, before the user is created: a sign-up at the same moment
-- could get the number otherwise. With the rights of its owner, because a login that may only read and write rows may not move a
-- counter.
CREATE FUNCTION keep_numbers_above(p_number BIGINT) RETURNS VOID LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  v_counter REGCLASS := pg_get_serial_sequence('users', 'number');
BEGIN
  IF p_number > coalesce(pg_sequence_last_value(v_counter), 0) THEN
    -- One call at a time, until it commits. A call with a lower number could move the counter back otherwise.
    LOCK TABLE schema_migrations IN SHARE UPDATE EXCLUSIVE MODE;
    IF p_number > coalesce(pg_sequence_last_value(v_counter), 0) THEN
      PERFORM setval(v_counter, p_number);
    END IF;
  END IF;
END $$;

-- The places of the new people that share no value with another person, neither in the database nor in the list. They can be
-- created together. Subqueries find each value by an index; joins could read whole tables.
CREATE FUNCTION unrelated_members(p_pool_id TEXT, p_app_id TEXT, p_members JSONB) RETURNS INTEGER[] LANGUAGE sql STABLE AS $$
  WITH given AS MATERIALIZED (
    SELECT m.nth, m.user_id, m.number, m.username, m.membership ->> 'external_id' AS external_id FROM ${listed}
  ), contact AS MATERIALIZED (
    SELECT m.nth, c.kind, c.value FROM ${listedContacts}
  ), met AS MATERIALIZED (
    SELECT v.nth FROM (
      SELECT k.nth, count(*) OVER (PARTITION BY k.field, k.value) AS uses FROM (
        SELECT nth, 'user_id' AS field, user_id AS value FROM given
        UNION ALL SELECT nth, 'number', number::text FROM given WHERE number IS NOT NULL
        UNION ALL SELECT nth, 'username', username FROM given WHERE username IS NOT NULL
        UNION ALL SELECT nth, 'external_id', external_id FROM given WHERE external_id IS NOT NULL
        UNION ALL SELECT nth, kind, value FROM contact
      ) AS k
    ) AS v WHERE v.uses > 1
    UNION
    SELECT c.nth FROM contact c WHERE coalesce(
      (SELECT o.user_id FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = c.kind AND o.value = c.value),
      (SELECT k.user_id FROM claims k WHERE k.app_id = p_app_id AND k.kind = c.kind AND k.value = c.value LIMIT 1)) IS NOT NULL
    UNION
    SELECT g.nth FROM given g WHERE coalesce(
      (SELECT u.user_id FROM users u WHERE u.user_id = g.user_id),
      (SELECT u.user_id FROM users u WHERE u.number = g.number),
      (SELECT u.user_id FROM users u WHERE u.pool_id = p_pool_id AND u.username = g.username),
      (SELECT e.user_id FROM memberships e WHERE e.app_id = p_app_id AND e.external_id = g.external_id)) IS NOT NULL
  )
  SELECT ARRAY(SELECT g.nth FROM given g WHERE g.nth <> ALL (ARRAY(SELECT nth FROM met)))
$$;

-- Creates the people at the places that unrelated_members found.
CREATE FUNCTION create_unrelated(p_pool_id TEXT, p_app_id TEXT, p_members JSONB, p_places INTEGER[], p_now BIGINT)
RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_claimed TID[];
BEGIN
  -- Claims meet proofs at the same time as in meet_proofs.
  WITH made AS (
    INSERT INTO contacts AS o (pool_id, kind, value, user_id, verified_at, rank)
    SELECT p_pool_id, c.kind, c.value, m.user_id, coalesce(c.verified_at, -1), c.rank FROM ${listedContacts}
    WHERE m.nth = ANY (p_places)
    ORDER BY c.kind COLLATE "C", c.value COLLATE "C" ON CONFLICT DO NOTHING RETURNING o.ctid AS place, o.verified_at
  ) SELECT array_agg(made.place) FILTER (WHERE made.verified_at = -1) INTO v_claimed FROM made;
  DELETE FROM contacts o WHERE o.ctid = ANY (v_claimed);
  INSERT INTO claims (app_id, kind, value, user_id, created_at)
  SELECT p_app_id, c.kind, c.value, m.user_id, p_now FROM ${listedContacts}
  WHERE m.nth = ANY (p_places) AND c.verified_at IS NULL ON CONFLICT DO NOTHING;
  PERFORM keep_numbers_above(max(m.number)) FROM ${listed} WHERE m.nth = ANY (p_places);
  ${insertUsers(true)}
  ${insertUsers(false)}
  INSERT INTO memberships (app_id, user_id, number, roles, kind, owner_organization, external_id, app_attributes, credential_type,
    state, joined_at)
  SELECT p_app_id, m.user_id, (SELECT u.number FROM users u WHERE u.user_id = m.user_id), m.membership ->> 'roles',
    m.membership ->> 'kind', m.membership ->> 'owner_organization', m.membership ->> 'external_id', m.membership ->> 'app_attributes',
    m.membership ->> 'credential_type', m.membership ->> 'state', p_now
  FROM ${listed} WHERE m.nth = ANY (p_places) ORDER BY m.membership ->> 'external_id' COLLATE "C" ON CONFLICT DO NOTHING;
END $$;

-- Creates or joins people, each as if alone: [{nth, user_id, number, username, display_name, locale, custom_attributes, contacts:
-- [{kind, value, verified_at, rank}], membership}]. Those that share no value are created together. All others follow one by one,
-- in the order of the list. Runs in a SERIALIZABLE transaction, so that no other transaction makes what it looks for and does not
-- find. An ON CONFLICT there fails the transaction, which starts over.
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
  v_unrelated INTEGER[];
  v_has_proven BOOLEAN;
BEGIN
  v_unrelated := unrelated_members(p_pool_id, p_app_id, p_members);
  IF cardinality(v_unrelated) < jsonb_array_length(p_members) THEN
    -- Locks the people who may be joined, in one order for all calls.
    PERFORM 1 FROM users u WHERE u.user_id = ANY (ARRAY(
      SELECT o.user_id FROM ${listedContacts}, LATERAL (
        SELECT o.user_id FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = c.kind AND o.value = c.value OFFSET 0) o
      UNION SELECT m.user_id FROM ${listed}
    )) AND (SELECT e.user_id FROM memberships e WHERE e.app_id = p_app_id AND e.user_id = u.user_id) IS NULL
    ORDER BY u.user_id FOR NO KEY UPDATE;
  END IF;
  IF cardinality(v_unrelated) > 0 THEN
    PERFORM create_unrelated(p_pool_id, p_app_id, p_members, v_unrelated, p_now);
    RETURN QUERY SELECT m.nth, 'created', m.user_id, NULL::text FROM ${listed} WHERE m.nth = ANY (v_unrelated);
  END IF;
  FOR v_member IN SELECT m.* FROM ${listed} WHERE m.nth <> ALL (v_unrelated) ORDER BY m.nth LOOP
    v_outcome := NULL;
    v_field := NULL;
    SELECT CASE WHEN u.pool_id = p_pool_id THEN u.user_id END INTO v_person FROM users u WHERE u.user_id = v_member.user_id;
    IF FOUND AND v_person IS NULL THEN
      v_field := 'user_id';
    END IF;
    -- Proven contacts decide, if there are any: a claim of another person must not turn their owner into that person.
    v_has_proven := EXISTS (
      SELECT 1 FROM jsonb_to_recordset(v_member.contacts) AS c (verified_at BIGINT) WHERE c.verified_at IS NOT NULL);
    FOR v_contact IN
      SELECT c.kind, c.value, c.verified_at IS NOT NULL AS is_proven
      FROM jsonb_to_recordset(v_member.contacts) AS c (kind TEXT, value TEXT, verified_at BIGINT, rank BIGINT)
      ORDER BY c.verified_at IS NULL, c.rank
    LOOP
      SELECT o.user_id INTO v_found FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = v_contact.kind AND o.value = v_contact.value;
      IF v_found IS NULL AND v_contact.is_proven THEN
        v_found := claimant_of(p_app_id, v_contact.kind, v_contact.value, false);
      ELSIF v_found IS NULL AND NOT v_has_proven THEN
        SELECT k.user_id INTO v_found FROM claims k
        WHERE k.app_id = p_app_id AND k.kind = v_contact.kind AND k.value = v_contact.value
          AND (v_member.membership ->> 'credential_type' = 'test' OR ${isNoTestClaim("k")})
        ORDER BY k.created_at, k.user_id LIMIT 1;
      END IF;
      IF v_found <> v_person OR v_found IS NOT NULL AND v_person IS NULL AND v_has_proven AND NOT v_contact.is_proven THEN
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
        PERFORM end_claims(p_app_id, v_person, c.kind, c.value)
        FROM jsonb_to_recordset(v_member.contacts) AS c (kind TEXT, value TEXT, verified_at BIGINT) WHERE c.verified_at IS NOT NULL;
        PERFORM meet_proofs(p_pool_id, v_person, c.kind, c.value) FROM (
          SELECT g.kind, g.value FROM jsonb_to_recordset(v_member.contacts) AS g (kind TEXT, value TEXT, verified_at BIGINT)
          WHERE g.verified_at IS NULL ORDER BY g.kind COLLATE "C", g.value COLLATE "C") AS c;
        INSERT INTO claims (app_id, kind, value, user_id, created_at)
        SELECT p_app_id, c.kind, c.value, v_person, p_now
        FROM jsonb_to_recordset(v_member.contacts) AS c (kind TEXT, value TEXT, verified_at BIGINT) WHERE c.verified_at IS NULL
        ON CONFLICT (app_id, kind, value, user_id) DO NOTHING;
        IF v_member.number IS NULL THEN
          INSERT INTO users (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
          VALUES (v_person, p_pool_id, v_member.username, v_member.display_name, v_member.locale, v_member.custom_attributes, p_now)
          ON CONFLICT DO NOTHING RETURNING number INTO v_number;
        ELSE
          PERFORM keep_numbers_above(v_member.number);
          INSERT INTO users (user_id, number, pool_id, username, display_name, locale, custom_attributes, created_at)
          VALUES (v_person, v_member.number, p_pool_id, v_member.username, v_member.display_name, v_member.locale,
            v_member.custom_attributes, p_now)
          ON CONFLICT DO NOTHING RETURNING number INTO v_number;
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
END $$;

-- Ends the claims to contacts that were proven by create_members. Its transaction sees no claim that a change of a member's
-- contacts made after it began.
CREATE FUNCTION end_unseen_claims(p_pool_id TEXT, p_app_id TEXT, p_contacts JSONB) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  PERFORM end_claims(p_app_id, proven.user_id, proven.kind, proven.value) FROM (
    SELECT c.kind, c.value,
      (SELECT o.user_id FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = c.kind AND o.value = c.value) AS user_id
    FROM jsonb_to_recordset(p_contacts) AS c (kind TEXT, value TEXT)
    WHERE (SELECT k.user_id FROM claims k WHERE k.app_id = p_app_id AND k.kind = c.kind AND k.value = c.value LIMIT 1) IS NOT NULL
    ORDER BY c.kind COLLATE "C", c.value COLLATE "C"
  ) AS proven WHERE proven.user_id IS NOT NULL;
END $$;
`;
