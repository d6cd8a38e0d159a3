import { isLiveChallenge } from "../../shared/rows.js";

/** What the recipients of messages disown. The lock order is in `sends.ts`. */
export const notMeFunctions = `
-- A redemption locks its challenge first. So it either waits here and then finds a decoy, or its session is committed and seen.
CREATE FUNCTION disown_challenge(p_challenge_id TEXT, p_now BIGINT, OUT ended_challenge BOOLEAN, OUT ended_sessions INTEGER)
LANGUAGE plpgsql AS $$
DECLARE
  v_registration_id TEXT;
  v_ids TEXT[];
BEGIN
  SELECT c.registration_id INTO v_registration_id FROM challenges c WHERE c.challenge_id = p_challenge_id;
  v_ids := ARRAY(
    SELECT c.challenge_id FROM challenges c WHERE c.challenge_id = p_challenge_id OR c.registration_id = v_registration_id
    ORDER BY c.challenge_id FOR UPDATE);
  UPDATE challenges c SET decoy = true, sealed_code = NULL
  WHERE c.challenge_id = ANY (v_ids) AND NOT c.decoy AND ${isLiveChallenge("p_now")};
  ended_challenge := FOUND;
  DELETE FROM registrations r WHERE r.registration_id = v_registration_id;
  ended_sessions := end_sessions(ARRAY(
    SELECT s.session_id FROM sessions s WHERE s.challenge_id = ANY (v_ids || p_challenge_id)));
END $$;

-- Queues the notice to a contact that the locked person has verified and that is about to be removed, and keeps the contact so that it
-- can be taken back. p_notice is null or {change_id, channel, expires_at}. A claim gets no notice.
CREATE FUNCTION add_notice(
  p_notice JSONB, p_pool_id TEXT, p_app_id TEXT, p_user_id TEXT, p_kind TEXT, p_value TEXT, p_was_replaced BOOLEAN, p_now BIGINT
) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  IF jsonb_typeof(p_notice) IS DISTINCT FROM 'object' THEN
    RETURN;
  END IF;
  INSERT INTO contact_changes (change_id, pool_id, app_id, user_id, kind, value, locale, was_replaced, verified_at, changed_at, expires_at)
  SELECT p_notice ->> 'change_id', p_pool_id, p_app_id, u.user_id, p_kind, p_value, u.locale, p_was_replaced, o.verified_at, p_now,
    (p_notice ->> 'expires_at')::bigint
  FROM users u JOIN contacts o ON o.pool_id = p_pool_id AND o.kind = p_kind AND o.value = p_value AND o.user_id = u.user_id
  WHERE u.user_id = p_user_id;
  IF FOUND THEN
    INSERT INTO outbox (challenge_id, channel, due_at, queued_at)
    VALUES (p_notice ->> 'change_id', p_notice ->> 'channel', p_now, p_now);
  END IF;
END $$;

CREATE FUNCTION take_back_contact(p_change_id TEXT, p_now BIGINT) RETURNS TEXT LANGUAGE plpgsql AS $$
DECLARE
  v_change RECORD;
  v_added RECORD;
  v_challenges TEXT[];
  v_is_new BOOLEAN;
  v_holder TEXT;
BEGIN
  SELECT n.pool_id, n.app_id, n.user_id, n.kind, n.value, n.verified_at, n.changed_at INTO v_change
  FROM contact_changes n WHERE n.change_id = p_change_id AND n.expires_at > p_now;
  IF NOT FOUND THEN
    RETURN 'unknown';
  END IF;
  v_challenges := ARRAY(
    SELECT c.challenge_id FROM challenges c WHERE c.challenge_id = ANY (ARRAY(
      SELECT unnest(challenges_of_contact(v_change.pool_id, v_change.user_id, o.kind, o.value, p_now))
      FROM contacts o WHERE o.user_id = v_change.user_id AND o.verified_at >= v_change.changed_at
      UNION ALL
      SELECT c.challenge_id FROM challenges c WHERE c.user_id = v_change.user_id AND c.purpose = 'change_contact'))
    ORDER BY c.challenge_id FOR UPDATE);
  PERFORM 1 FROM users u WHERE u.user_id = v_change.user_id FOR NO KEY UPDATE;
  -- Another call may have taken the contact back meanwhile, or the person was erased.
  PERFORM 1 FROM contact_changes n WHERE n.change_id = p_change_id;
  IF NOT FOUND THEN
    RETURN 'unknown';
  END IF;
  INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank)
  VALUES (v_change.pool_id, v_change.kind, v_change.value, v_change.user_id, v_change.verified_at, coalesce(
    (SELECT min(o.rank) - 1 FROM contacts o WHERE o.user_id = v_change.user_id AND o.kind = v_change.kind), p_now))
  ON CONFLICT (pool_id, kind, value) DO NOTHING;
  v_is_new := FOUND;
  SELECT o.user_id INTO v_holder FROM contacts o
  WHERE o.pool_id = v_change.pool_id AND o.kind = v_change.kind AND o.value = v_change.value;
  IF NOT FOUND THEN
    RAISE SQLSTATE '40001' USING MESSAGE = 'the contact became free while it was taken back';
  END IF;
  IF v_holder <> v_change.user_id THEN
    RETURN 'taken';
  END IF;
  IF NOT v_is_new THEN
    UPDATE contacts o SET verified_at = v_change.verified_at,
      rank = (SELECT min(r.rank) - 1 FROM contacts r WHERE r.user_id = v_change.user_id AND r.kind = v_change.kind)
    WHERE o.pool_id = v_change.pool_id AND o.kind = v_change.kind AND o.value = v_change.value;
  END IF;
  -- Otherwise a change whose code is being checked now would add its contact after this.
  UPDATE challenges c SET decoy = true, sealed_code = NULL
  WHERE c.challenge_id = ANY (v_challenges) AND c.user_id = v_change.user_id AND c.purpose = 'change_contact'
    AND NOT c.decoy AND ${isLiveChallenge("p_now")};
  PERFORM end_claims(v_change.app_id, v_change.user_id, v_change.kind, v_change.value);
  FOR v_added IN
    SELECT o.kind, o.value FROM contacts o
    WHERE o.user_id = v_change.user_id AND o.verified_at >= v_change.changed_at
      AND NOT (o.kind = v_change.kind AND o.value = v_change.value)
    ORDER BY o.kind, o.value
  LOOP
    PERFORM take_contact(v_change.pool_id, v_change.app_id, v_change.user_id, v_added.kind, v_added.value, v_challenges, p_now);
  END LOOP;
  DELETE FROM contact_changes n
  WHERE n.change_id = p_change_id OR n.user_id = v_change.user_id AND n.verified_at >= v_change.changed_at;
  PERFORM end_sessions(ARRAY(SELECT s.session_id FROM sessions s WHERE s.user_id = v_change.user_id));
  RETURN 'taken_back';
END $$;
`;
