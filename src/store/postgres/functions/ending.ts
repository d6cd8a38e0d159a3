import { isLiveChallenge } from "../../shared/rows.js";

/** Challenges that end by the decision of a client. The lock order is in `sends.ts`. */
export const endingFunctions = `
-- Returns false if the app has no such live challenge.
CREATE FUNCTION end_challenge(p_challenge_id TEXT, p_app_id TEXT, p_how TEXT, p_send_returns JSONB, p_now BIGINT)
RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
  v_registration_id TEXT;
  v_ended RECORD;
BEGIN
  SELECT c.registration_id INTO v_registration_id FROM challenges c WHERE c.challenge_id = p_challenge_id;
  PERFORM 1 FROM challenges c WHERE c.challenge_id = p_challenge_id OR c.registration_id = v_registration_id
  ORDER BY c.challenge_id FOR UPDATE;
  UPDATE challenges c SET sealed_code = NULL,
    cancelled_at = CASE p_how WHEN 'cancel' THEN p_now END, consumed_at = CASE p_how WHEN 'approve' THEN p_now END
  WHERE c.challenge_id = p_challenge_id AND c.app_id = p_app_id AND ${isLiveChallenge("p_now")}
  RETURNING c.budget_key, c.requester_key, c.created_at, c.resend_times, c.resend_requesters INTO v_ended;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE challenges c SET sealed_code = NULL, cancelled_at = p_now
  WHERE c.registration_id = v_registration_id AND c.consumed_at IS NULL AND c.cancelled_at IS NULL;
  DELETE FROM registrations r WHERE r.registration_id = v_registration_id;
  IF p_how = 'approve' THEN
    PERFORM give_back('[]', p_send_returns, v_ended.budget_key, array_prepend(v_ended.created_at, v_ended.resend_times),
      array_prepend(v_ended.requester_key, v_ended.resend_requesters), p_now);
  END IF;
  RETURN true;
END $$;
`;
