import { sharedLock } from "./messages.js";

/** The outbox. The lock order is in `sends.ts`. */
export const outboxFunctions = `
-- Settlements come sorted by message. The codes are erased after the challenge is locked. If two calls end its last messages at
-- once, the later one then sees that none is left. The ended tries are appended last, see \`sends.ts\`, also those of earlier leases.
-- p_lapsed has how messages end whose challenge has ended, by id: those that were tried and are still queued do.
CREATE FUNCTION settle_messages(
  p_ids BIGINT[], p_tries INTEGER[], p_retry_at BIGINT[], p_carriers INTEGER[], p_unknowns INTEGER[], p_ended JSONB,
  p_lapsed JSONB, p_forward TEXT[]
) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_challenge_id TEXT;
  v_spent TEXT[] := '{}';
BEGIN
  FOR i IN 1 .. cardinality(p_ids) LOOP
    IF p_retry_at[i] IS NOT NULL THEN
      WITH moved AS (
        DELETE FROM outbox WHERE outbox_id = p_ids[i] AND tries = p_tries[i]
        RETURNING outbox_id, challenge_id, channel, tries, queued_at, muted
      )
      INSERT INTO outbox_later (outbox_id, challenge_id, channel, due_at, tries, carrier, unknowns, queued_at, muted)
      SELECT outbox_id, challenge_id, channel, p_retry_at[i], tries, p_carriers[i], p_unknowns[i], queued_at, muted FROM moved;
      IF NOT FOUND THEN
        UPDATE outbox_later SET due_at = p_retry_at[i], carrier = p_carriers[i], unknowns = p_unknowns[i]
        WHERE outbox_id = p_ids[i] AND tries = p_tries[i];
      END IF;
    ELSE
      DELETE FROM outbox WHERE outbox_id = p_ids[i] AND tries = p_tries[i] RETURNING challenge_id INTO v_challenge_id;
      IF NOT FOUND THEN
        DELETE FROM outbox_later WHERE outbox_id = p_ids[i] AND tries = p_tries[i] RETURNING challenge_id INTO v_challenge_id;
      END IF;
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
    WHERE c.challenge_id = ANY (v_spent)
      AND (SELECT count(*) FROM outbox o WHERE o.challenge_id = c.challenge_id) = 0
      AND (SELECT count(*) FROM outbox_later o WHERE o.challenge_id = c.challenge_id) = 0;
  END IF;
  IF p_lapsed <> '{}' THEN
    ${sharedLock}
    p_ended := p_ended || to_jsonb(ARRAY(
      SELECT jsonb_build_object('message_id', m.message_id, 'queued_at', m.queued_at, 'reference', m.reference, 'app_id', m.app_id,
        'challenge_id', m.challenge_id, 'purpose', m.purpose, 'channel', m.channel, 'masked_destination', m.masked_destination,
        'provider_message_id', m.provider_message_id) || (p_lapsed -> m.message_id::text)
      FROM messages m WHERE m.message_id = ANY (ARRAY(SELECT k::bigint FROM jsonb_object_keys(p_lapsed) AS k)) AND m.status = 'queued'
      ORDER BY m.message_id FOR UPDATE));
  END IF;
  PERFORM append_tries(p_ended, p_forward);
END $$;
`;
