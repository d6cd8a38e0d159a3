/** Redeeming a challenge, and the end of users and sessions. The order of locks is that of `sends.ts`. */
export const redemptionFunctions = `
CREATE FUNCTION end_sessions(p_session_ids TEXT[]) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
  v_ids TEXT[];
BEGIN
  v_ids := ARRAY(SELECT session_id FROM sessions WHERE session_id = ANY (p_session_ids) ORDER BY session_id FOR UPDATE);
  DELETE FROM sessions WHERE session_id = ANY (v_ids);
  RETURN cardinality(v_ids);
END $$;

-- Locks a challenge with everything that redeeming it may end, in the order of their ids: the live siblings of a proof, or all live
-- challenges that could sign in to the account. That is the contact's owner's, or a new one with the contacts of the registration.
-- A challenge that is issued meanwhile is not among them: it comes after the redemption.
CREATE FUNCTION lock_challenge(p_challenge_id TEXT, p_now BIGINT, OUT ids TEXT[], OUT contact_user_id TEXT) LANGUAGE plpgsql AS $$
DECLARE
  v_challenge challenges;
BEGIN
  -- What is read of the challenge itself never changes.
  SELECT * INTO v_challenge FROM challenges WHERE challenge_id = p_challenge_id;
  IF v_challenge.purpose = 'verify_contact' THEN
    ids := ARRAY(
      SELECT s.challenge_id FROM challenges s
      WHERE s.identifier_key = v_challenge.identifier_key AND s.purpose = 'verify_contact' AND s.expires_at > p_now
        AND s.consumed_at IS NULL AND s.cancelled_at IS NULL);
  ELSE
    SELECT user_id INTO contact_user_id FROM contacts WHERE kind = v_challenge.contact_kind AND value = v_challenge.contact_value;
    ids := ARRAY(
      SELECT s.challenge_id FROM (
        SELECT v_challenge.contact_kind AS kind, v_challenge.contact_value AS value
        UNION SELECT o.kind, o.value FROM contacts o WHERE o.user_id = contact_user_id
        UNION SELECT r.contact_kind, r.contact_value FROM challenges r WHERE r.registration_id = v_challenge.registration_id
      ) AS k JOIN challenges s ON s.contact_value = k.value AND s.contact_kind = k.kind
      WHERE s.purpose <> 'verify_contact' AND s.expires_at > p_now AND s.consumed_at IS NULL AND s.cancelled_at IS NULL);
    IF v_challenge.registration_id IS NOT NULL THEN
      ids := ids || ARRAY(SELECT challenge_id FROM challenges WHERE registration_id = v_challenge.registration_id);
    END IF;
  END IF;
  ids := ARRAY(SELECT challenge_id FROM challenges WHERE challenge_id = ANY (ids || p_challenge_id)
    ORDER BY challenge_id FOR UPDATE);
END $$;

-- Finds or makes the user of a proven contact; p_contacts are those that a new user gets, null: only find one. The user is locked:
-- neither a deletion nor another sign-in comes between. Of racers for a contact one makes a user, the others wait and find that one.
CREATE FUNCTION find_or_make_user(p_kind TEXT, p_value TEXT, p_contacts JSONB, p_user JSONB, p_now BIGINT,
  OUT account users, OUT is_new BOOLEAN, OUT username_taken BOOLEAN
) LANGUAGE plpgsql AS $$
DECLARE
  v_owner_id TEXT;
BEGIN
  is_new := false;
  username_taken := false;
  LOOP
    SELECT user_id INTO v_owner_id FROM contacts WHERE kind = p_kind AND value = p_value;
    IF FOUND THEN
      SELECT * INTO account FROM users WHERE user_id = v_owner_id FOR NO KEY UPDATE;
      -- Else the user was deleted while we waited, and the contact is free.
      EXIT WHEN FOUND;
    ELSE
      EXIT WHEN p_contacts IS NULL;
      WITH made AS (
        INSERT INTO contacts (kind, value, user_id, verified_at)
        SELECT c.kind, c.value, p_user ->> 'user_id', p_now FROM jsonb_to_recordset(p_contacts) AS c (kind TEXT, value TEXT)
        ORDER BY c.kind COLLATE "C", c.value COLLATE "C" ON CONFLICT (kind, value) DO NOTHING RETURNING kind, value
      ) SELECT coalesce(bool_or(m.kind = p_kind AND m.value = p_value), false) INTO is_new FROM made m;
      EXIT WHEN is_new;
      DELETE FROM contacts WHERE user_id = p_user ->> 'user_id';
    END IF;
  END LOOP;
  IF is_new THEN
    INSERT INTO users SELECT u.* FROM jsonb_populate_record(NULL::users, p_user) AS u
    ON CONFLICT (username) DO NOTHING RETURNING * INTO account;
    IF NOT FOUND THEN
      username_taken := true;
      INSERT INTO users SELECT u.* FROM jsonb_populate_record(NULL::users, p_user || '{"username": null}') AS u
      RETURNING * INTO account;
    END IF;
  END IF;
END $$;

-- A refusal without a reason is of a challenge that is not live.
CREATE FUNCTION redeem_challenge(
  p_challenge_id TEXT, p_mac BYTEA, p_returns JSONB, p_send_returns JSONB, p_user JSONB, p_session JSONB, p_sessions_max INTEGER,
  p_now BIGINT
) RETURNS TABLE (
  outcome TEXT, why TEXT, pending TEXT[], is_new BOOLEAN, username_taken BOOLEAN, account users, account_contacts JSONB
) LANGUAGE plpgsql AS $$
DECLARE
  v_locked RECORD;
  v_challenge challenges;
  v_contacts JSONB;
  v_found RECORD;
BEGIN
  outcome := 'refused';
  SELECT * INTO v_locked FROM lock_challenge(p_challenge_id, p_now);
  SELECT * INTO v_challenge FROM challenges WHERE challenge_id = p_challenge_id;
  IF v_challenge.challenge_id IS NULL OR NOT is_live(v_challenge, p_now) THEN
    RETURN NEXT;
    RETURN;
  END IF;

  -- What redeeming buys, decided before anything is written.
  IF v_challenge.decoy OR v_challenge.contact_value IS NULL THEN
    why := 'decoy';
  ELSIF v_challenge.purpose = 'verify_contact' THEN
    outcome := 'proven';
  ELSE
    IF v_challenge.purpose = 'registration' THEN
      SELECT jsonb_agg(jsonb_build_object('kind', c.contact_kind, 'value', c.contact_value)),
        array_agg(c.contact_kind ORDER BY c.contact_kind) FILTER (WHERE c.consumed_at IS NULL AND c.challenge_id <> p_challenge_id)
      INTO v_contacts, pending FROM challenges c
      WHERE c.registration_id = v_challenge.registration_id
        AND EXISTS (SELECT 1 FROM registrations r WHERE r.registration_id = v_challenge.registration_id);
      IF pending IS NOT NULL THEN
        v_contacts := NULL;
      END IF;
    ELSIF v_challenge.user_id IS NULL THEN
      v_contacts := jsonb_build_array(jsonb_build_object('kind', v_challenge.contact_kind, 'value', v_challenge.contact_value));
    END IF;
    SELECT * INTO v_found FROM find_or_make_user(v_challenge.contact_kind, v_challenge.contact_value, v_contacts, p_user, p_now);
    account := v_found.account;
    IF account.user_id IS DISTINCT FROM v_locked.contact_user_id AND account.user_id IS NOT NULL AND NOT v_found.is_new THEN
      -- Its challenges are not locked. The caller begins again.
      RAISE SQLSTATE '40001' USING MESSAGE = 'the contact got another owner while it was redeemed';
    END IF;
    IF v_challenge.purpose = 'login' AND v_challenge.user_id IS NOT NULL AND v_challenge.user_id IS DISTINCT FROM account.user_id THEN
      why := 'user_gone';
    ELSIF account.user_id IS NOT NULL THEN
      outcome := 'signed_in';
      pending := NULL;
    ELSIF pending IS NOT NULL THEN
      outcome := 'pending';
    ELSE
      why := 'cancelled';
    END IF;
  END IF;
  IF why IS NOT NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;

  UPDATE challenges SET consumed_at = p_now, sealed_code = NULL WHERE challenge_id = p_challenge_id;
  IF outcome = 'signed_in' THEN
    is_new := v_found.is_new;
    username_taken := v_found.username_taken;
    IF v_challenge.registration_id IS NOT NULL THEN
      UPDATE challenges SET cancelled_at = p_now, sealed_code = NULL
      WHERE registration_id = v_challenge.registration_id AND consumed_at IS NULL AND cancelled_at IS NULL;
      DELETE FROM registrations WHERE registration_id = v_challenge.registration_id;
    END IF;
    IF NOT is_new THEN
      PERFORM end_sessions(ARRAY(
        SELECT session_id FROM sessions
        WHERE user_id = account.user_id AND idle_expires_at > p_now AND expires_at > p_now
        ORDER BY last_used_at DESC, created_at DESC, session_id OFFSET p_sessions_max - 1));
    END IF;
    INSERT INTO sessions SELECT s.* FROM jsonb_populate_record(
      NULL::sessions, p_session || jsonb_build_object('user_id', account.user_id)) AS s;
    account_contacts := contacts_of(account.user_id);
  END IF;
  -- A registration that still waits for another source ends no others: otherwise two of them could cancel each other.
  -- Another requester's sibling still looks live. Otherwise its holder would see that, and when, the owner signed in.
  IF outcome <> 'pending' AND cardinality(v_locked.ids) > 1 THEN
    UPDATE challenges c SET sealed_code = NULL, decoy = true,
      cancelled_at = CASE WHEN c.requester_key = v_challenge.requester_key THEN p_now END
    WHERE c.challenge_id = ANY (v_locked.ids) AND c.expires_at > p_now AND c.consumed_at IS NULL AND c.cancelled_at IS NULL
      AND (outcome = 'proven' OR EXISTS (
        SELECT 1 FROM contacts o WHERE o.kind = c.contact_kind AND o.value = c.contact_value AND o.user_id = account.user_id));
  END IF;
  IF p_mac IS NOT NULL THEN
    INSERT INTO idempotency (mac, kind, challenge_ids, session_id, is_new_user, username_taken, pending_sources, expires_at)
    VALUES (p_mac, 'redeemed', ARRAY[p_challenge_id], CASE WHEN outcome = 'signed_in' THEN p_session ->> 'session_id' END,
      coalesce(is_new, false), coalesce(username_taken, false), coalesce(pending, '{}'), v_challenge.expires_at + 3600000)
    ON CONFLICT (mac) DO UPDATE SET kind = excluded.kind, challenge_ids = excluded.challenge_ids, session_id = excluded.session_id,
      is_new_user = excluded.is_new_user, username_taken = excluded.username_taken, pending_sources = excluded.pending_sources,
      expires_at = excluded.expires_at;
  END IF;
  PERFORM give_back(p_returns, v_challenge, p_send_returns, p_now);
  RETURN NEXT;
END $$;

CREATE FUNCTION delete_user(p_user_id TEXT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
  v_challenges TEXT[];
  v_deleted BOOLEAN;
BEGIN
  v_challenges := ARRAY(
    SELECT c.challenge_id FROM contacts o JOIN challenges c ON c.contact_value = o.value AND c.contact_kind = o.kind
    WHERE o.user_id = p_user_id AND c.user_id = p_user_id AND c.consumed_at IS NULL ORDER BY c.challenge_id FOR UPDATE OF c);
  -- They still look live. Otherwise their holders would see that the account is gone.
  UPDATE challenges SET decoy = true, sealed_code = NULL WHERE challenge_id = ANY (v_challenges);
  DELETE FROM users WHERE user_id = p_user_id;
  v_deleted := FOUND;
  DELETE FROM contacts WHERE user_id = p_user_id;
  PERFORM end_sessions(ARRAY(SELECT session_id FROM sessions WHERE user_id = p_user_id));
  RETURN v_deleted;
END $$;
`;
