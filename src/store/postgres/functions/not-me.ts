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
`;
