/** Guesses. The lock order is in `sends.ts`. */
export const attemptFunctions = `
-- A spent budget of the identifier is reported before a refusal of the challenge.
CREATE FUNCTION take_attempt(
  p_challenge_id TEXT, p_client_id TEXT, p_charges JSONB,
  p_lockout_key BYTEA, p_failures_max INTEGER, p_lockout_ms BIGINT, p_now BIGINT,
  OUT outcome TEXT, OUT retry_at BIGINT, OUT refused_by TEXT, OUT user_spent BOOLEAN, OUT locked_until BIGINT, OUT failures INTEGER
) LANGUAGE plpgsql AS $$
DECLARE
  v_spending RECORD;
BEGIN
  PERFORM 1 FROM challenges
  WHERE challenge_id = p_challenge_id AND client_id = p_client_id AND attempts < attempts_max
    AND expires_at > p_now AND consumed_at IS NULL AND cancelled_at IS NULL
  FOR UPDATE;
  IF NOT FOUND THEN
    SELECT r.retry_at, r.refused_by INTO retry_at, refused_by FROM budgets_refused_until(p_charges, NULL, p_now) r;
    outcome := CASE WHEN retry_at > p_now THEN 'limited' ELSE 'refused' END;
    RETURN;
  END IF;
  SELECT * INTO v_spending FROM spend_budgets(p_charges, 0, NULL, p_now);
  retry_at := v_spending.retry_at;
  refused_by := v_spending.refused_by;
  user_spent := v_spending.optional_refused;
  failures := coalesce(v_spending.failures, 0);
  outcome := 'limited';
  IF retry_at <= p_now THEN
    UPDATE challenges SET attempts = attempts + 1 WHERE challenge_id = p_challenge_id;
    outcome := 'taken';
    IF p_lockout_key IS NOT NULL THEN
      locked_until := count_failure(p_lockout_key, p_failures_max, p_lockout_ms, p_now);
    END IF;
  END IF;
END $$;
`;
