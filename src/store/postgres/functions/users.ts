/** Users and the end of their sessions. The lock order is in `sends.ts`. */
export const userFunctions = `
-- The contacts of a user as [[kind, value, verified_at]].
CREATE FUNCTION contacts_of(p_user_id TEXT) RETURNS JSONB LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_array(c.kind, c.value, c.verified_at) ORDER BY c.verified_at, c.kind), '[]')
  FROM contacts c WHERE c.user_id = p_user_id
$$;

CREATE FUNCTION end_sessions(p_session_ids TEXT[]) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
  v_ids TEXT[];
BEGIN
  v_ids := ARRAY(SELECT session_id FROM sessions WHERE session_id = ANY (p_session_ids) ORDER BY session_id FOR UPDATE);
  DELETE FROM sessions WHERE session_id = ANY (v_ids);
  RETURN cardinality(v_ids);
END $$;

CREATE FUNCTION delete_user(p_user_id TEXT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
  v_challenges TEXT[];
  v_deleted BOOLEAN;
BEGIN
  v_challenges := ARRAY(
    SELECT c.challenge_id FROM contacts o JOIN challenges c ON c.contact_value = o.value AND c.contact_kind = o.kind
    WHERE o.user_id = p_user_id AND c.user_id = p_user_id AND c.consumed_at IS NULL ORDER BY c.challenge_id FOR UPDATE OF c);
  -- The challenges still look live. Otherwise their holders would see that the user is gone.
  UPDATE challenges SET decoy = true, sealed_code = NULL WHERE challenge_id = ANY (v_challenges);
  DELETE FROM users WHERE user_id = p_user_id;
  v_deleted := FOUND;
  DELETE FROM contacts WHERE user_id = p_user_id;
  PERFORM end_sessions(ARRAY(SELECT session_id FROM sessions WHERE user_id = p_user_id));
  RETURN v_deleted;
END $$;
`;
