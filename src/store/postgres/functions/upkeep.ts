/** The outbox's end and sweeping. The order of locks is that of `sends.ts`. */
export const upkeepFunctions = `
-- The contacts of a user as [[kind, value, verified_at]].
CREATE FUNCTION contacts_of(p_user_id TEXT) RETURNS JSONB LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_array(c.kind, c.value, c.verified_at) ORDER BY c.verified_at, c.kind), '[]')
  FROM contacts c WHERE c.user_id = p_user_id
$$;

-- Settlements come sorted by message. The codes are erased after the challenge was locked: of two that end its last messages at
-- once the later one then sees that none is left.
CREATE FUNCTION settle_messages(p_ids BIGINT[], p_tries INTEGER[], p_retry_at BIGINT[]) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_challenge_id TEXT;
  v_spent TEXT[] := '{}';
BEGIN
  FOR i IN 1 .. cardinality(p_ids) LOOP
    IF p_retry_at[i] IS NOT NULL THEN
      UPDATE outbox SET due_at = p_retry_at[i] WHERE outbox_id = p_ids[i] AND tries = p_tries[i];
    ELSE
      DELETE FROM outbox WHERE outbox_id = p_ids[i] AND tries = p_tries[i] RETURNING challenge_id INTO v_challenge_id;
      IF FOUND THEN
        v_spent := v_spent || v_challenge_id;
      END IF;
    END IF;
  END LOOP;
  v_spent := ARRAY(
    SELECT challenge_id FROM challenges WHERE challenge_id = ANY (v_spent) AND sends >= sends_max
    ORDER BY challenge_id FOR UPDATE);
  IF cardinality(v_spent) > 0 THEN
    UPDATE challenges c SET sealed_code = NULL
    WHERE c.challenge_id = ANY (v_spent) AND (SELECT count(*) FROM outbox o WHERE o.challenge_id = c.challenge_id) = 0;
  END IF;
END $$;

-- Each step finds its rows by an index on the expiry and leaves those alone that somebody holds: the next sweep finds them.
-- expired is [{purpose, channel}] of the challenges that ended by their expiry.
CREATE FUNCTION sweep(p_now BIGINT, p_limit INTEGER, OUT swept INTEGER, OUT expired JSONB) LANGUAGE plpgsql AS $$
DECLARE
  v_left INTEGER := p_limit;
  v_count INTEGER;
  v_expired JSONB;
BEGIN
  WITH erased AS (
    UPDATE challenges SET sealed_code = NULL WHERE challenge_id = ANY (ARRAY(
      SELECT challenge_id FROM challenges WHERE sealed_code IS NOT NULL AND expires_at <= p_now
      ORDER BY expires_at LIMIT v_left FOR UPDATE SKIP LOCKED))
    RETURNING purpose, channel,
      NOT decoy AND consumed_at IS NULL AND cancelled_at IS NULL AND sends < sends_max AS counts
  ) SELECT count(*), coalesce(jsonb_agg(jsonb_build_object('purpose', purpose, 'channel', channel)) FILTER (WHERE counts), '[]')
  INTO v_count, expired FROM erased;
  v_left := v_left - v_count;
  -- Kept for an hour, so that the log and idempotency can still tell what became of it.
  WITH deleted AS (
    DELETE FROM challenges WHERE challenge_id = ANY (ARRAY(
      SELECT challenge_id FROM challenges WHERE expires_at <= p_now - 3600000 ORDER BY expires_at LIMIT v_left FOR UPDATE SKIP LOCKED))
    RETURNING purpose, channel,
      NOT decoy AND consumed_at IS NULL AND cancelled_at IS NULL AND (sends >= sends_max OR sealed_code IS NOT NULL) AS counts
  ) SELECT count(*), coalesce(jsonb_agg(jsonb_build_object('purpose', purpose, 'channel', channel)) FILTER (WHERE counts), '[]')
  INTO v_count, v_expired FROM deleted;
  expired := expired || v_expired;
  v_left := v_left - v_count;
  DELETE FROM registrations WHERE registration_id = ANY (ARRAY(
    SELECT registration_id FROM registrations WHERE expires_at <= p_now ORDER BY expires_at LIMIT v_left FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_left := v_left - v_count;
  DELETE FROM idempotency WHERE mac = ANY (ARRAY(
    SELECT mac FROM idempotency WHERE expires_at <= p_now ORDER BY expires_at LIMIT v_left FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_left := v_left - v_count;
  DELETE FROM budgets WHERE key = ANY (ARRAY(
    SELECT key FROM budgets WHERE expires_at <= p_now ORDER BY expires_at LIMIT v_left FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_left := v_left - v_count;
  DELETE FROM sessions WHERE session_id = ANY (ARRAY(
    SELECT session_id FROM sessions WHERE sweep_at <= p_now ORDER BY sweep_at LIMIT v_left FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_left := v_left - v_count;
  -- Not counted: nothing is remembered in them, whoever needs one makes it again. As many as a busy second can make.
  DELETE FROM send_locks WHERE key = ANY (ARRAY(
    SELECT key FROM send_locks WHERE made_at <= p_now - 3600000 ORDER BY made_at LIMIT 5 * p_limit FOR UPDATE SKIP LOCKED));
  swept := p_limit - v_left;
END $$;
`;
