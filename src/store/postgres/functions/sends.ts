import { keptAfterExpiryMs } from "../../rules/kept.js";
import { namesOf, newChallenge, storedChallenge } from "./columns.js";
import { ownClaims } from "./person-rows.js";

/**
 * Sending. Every function that writes locks in this order, so that no two deadlock: waiting messages by id, idempotency of a send,
 * send_locks, challenges by id, users, contacts, claims by kind and value, memberships, messages as `messages.ts` says, sessions by
 * id, idempotency of a redemption, budgets by key, lockouts. A waiting message is a row of outbox or of outbox_later, never of both.
 * The idempotency keys of sends and of redemptions are disjoint, so no lock cycle can form between them.
 * A person's users row guards the person's contacts, claims, memberships and new sessions: all that changes them locks it first. A
 * redemption creates a person's contacts before the users row, which no other call can wait for yet. No call locks the users rows
 * of two people, except `create_members`, which locks them by id. Two lists that make the same usernames in different orders can
 * deadlock; one of the calls then starts over.
 * Each statement in a function sees what was committed before it began. So what must be counted after waiting for a lock is
 * counted by a statement of its own.
 * Challenges are JSON rows; `nth` counts them from 1. `places` is `[{identifier_key, requester_key, purpose, own_max,
 * total_max}]`.
 */
export const sendFunctions = `
-- Returns the challenges that answered an earlier call with this key. Null if there was none, or one of them is gone.
CREATE FUNCTION replayed_challenges(p_mac BYTEA, p_now BIGINT) RETURNS TEXT[] LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_ids TEXT[];
BEGIN
  SELECT challenge_ids INTO v_ids FROM idempotency WHERE mac = p_mac AND expires_at > p_now AND kind = 'challenges';
  IF cardinality(v_ids) = (SELECT count(*) FROM challenges WHERE challenge_id = ANY (v_ids)) THEN
    RETURN v_ids;
  END IF;
  RETURN NULL;
END $$;

-- Claims the key for this call, to be answered with these challenges. Returns false if an earlier call is remembered.
CREATE FUNCTION claim_call(p_mac BYTEA, p_challenge_ids TEXT[], p_challenge_expires BIGINT, p_now BIGINT)
RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
  -- This waits for a concurrent call with the same key.
  INSERT INTO idempotency AS i (mac, kind, challenge_ids, expires_at)
  VALUES (p_mac, 'challenges', p_challenge_ids, p_challenge_expires + ${keptAfterExpiryMs})
  ON CONFLICT (mac) DO UPDATE SET kind = excluded.kind, challenge_ids = excluded.challenge_ids, session_id = NULL,
    expires_at = excluded.expires_at
  WHERE i.expires_at <= p_now;
  IF FOUND THEN
    RETURN true;
  END IF;
  -- Only a new statement sees the rows of that call.
  IF replayed_challenges(p_mac, p_now) IS NOT NULL THEN
    RETURN false;
  END IF;
  UPDATE idempotency SET kind = 'challenges', challenge_ids = p_challenge_ids, session_id = NULL,
    expires_at = p_challenge_expires + ${keptAfterExpiryMs}
  WHERE mac = p_mac;
  RETURN true;
END $$;

-- Returns when there is a place for all challenges; 0 means now. The first place is free at the max-th latest expiry. In the
-- total, a redeemed or cancelled challenge keeps its place until it expires. Otherwise other callers would see that the owner
-- has signed in.
CREATE FUNCTION places_free_at(p_places JSONB, p_now BIGINT) RETURNS BIGINT LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_place RECORD;
  v_until BIGINT := 0;
BEGIN
  FOR v_place IN SELECT * FROM jsonb_to_recordset(p_places)
    AS p (identifier_key BYTEA, requester_key BYTEA, purpose TEXT, own_max INTEGER, total_max INTEGER)
  LOOP
    v_until := greatest(v_until,
      (SELECT c.expires_at FROM challenges c
        WHERE c.identifier_key = v_place.identifier_key AND c.purpose = v_place.purpose AND c.expires_at > p_now
          AND 2 * c.created_at - c.expires_at < p_now
        ORDER BY c.expires_at DESC OFFSET greatest(v_place.total_max - 1, 0) LIMIT 1),
      (SELECT c.expires_at FROM challenges c
        WHERE c.identifier_key = v_place.identifier_key AND c.purpose = v_place.purpose AND c.expires_at > p_now
          AND 2 * c.created_at - c.expires_at < p_now
          AND c.consumed_at IS NULL AND c.cancelled_at IS NULL AND c.requester_key = v_place.requester_key
        ORDER BY c.expires_at DESC OFFSET greatest(v_place.own_max - 1, 0) LIMIT 1));
  END LOOP;
  RETURN v_until;
END $$;

CREATE FUNCTION prepare_send(
  p_mac BYTEA, p_pool_id TEXT, p_app_id TEXT, p_trust_claims BOOLEAN, p_identifier_kind TEXT, p_identifier TEXT, p_contact_kind TEXT,
  p_places JSONB, p_charges JSONB, p_now BIGINT,
  OUT outcome TEXT, OUT retry_at BIGINT, OUT refused_by TEXT, OUT recipient_id TEXT, OUT recipient_locale TEXT, OUT recipient_contact TEXT, OUT standing TEXT
) LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF p_mac IS NOT NULL AND replayed_challenges(p_mac, p_now) IS NOT NULL THEN
    outcome := 'replayed';
    RETURN;
  END IF;
  SELECT greatest(r.retry_at, places), CASE WHEN r.retry_at > places THEN r.refused_by END INTO retry_at, refused_by
  FROM budgets_refused_until(p_charges, NULL, p_now) r, places_free_at(p_places, p_now) AS places;
  outcome := CASE WHEN retry_at > p_now THEN 'limited' ELSE 'ready' END;
  IF outcome = 'limited' OR p_identifier_kind IS NULL THEN
    RETURN;
  END IF;
  CASE p_identifier_kind
    WHEN 'username' THEN
      SELECT u.user_id, u.locale INTO recipient_id, recipient_locale FROM users u
      WHERE u.pool_id = p_pool_id AND u.username = p_identifier;
    WHEN 'user_id' THEN
      SELECT u.user_id, u.locale INTO recipient_id, recipient_locale FROM users u
      WHERE u.user_id = p_identifier AND u.pool_id = p_pool_id;
    ELSE
      SELECT u.user_id, u.locale INTO recipient_id, recipient_locale
      FROM contacts c JOIN users u ON u.user_id = c.user_id
      WHERE c.pool_id = p_pool_id AND c.kind = p_identifier_kind AND c.value = p_identifier;
      IF NOT FOUND THEN
        SELECT u.user_id, u.locale INTO recipient_id, recipient_locale
        FROM users u WHERE u.user_id = claimant_of(p_app_id, p_identifier_kind, p_identifier, p_trust_claims);
      END IF;
  END CASE;
  IF recipient_id IS NULL THEN
    RETURN;
  END IF;
  standing := coalesce((
    SELECT CASE WHEN m.state = 'locked' THEN 'locked' WHEN m.credential_type <> 'otp' THEN 'no_credential' ELSE 'member' END
    FROM memberships m WHERE m.app_id = p_app_id AND m.user_id = recipient_id), 'stranger');
  IF p_identifier_kind = p_contact_kind THEN
    recipient_contact := p_identifier;
    RETURN;
  END IF;
  SELECT c.value INTO recipient_contact FROM contacts c
  WHERE c.user_id = recipient_id AND c.kind = p_contact_kind ORDER BY c.rank, c.value LIMIT 1;
  IF NOT FOUND THEN
    -- The oldest of the person's claims that sign in this person.
    SELECT k.value INTO recipient_contact FROM claims k
    WHERE ${ownClaims("k", "recipient_id", "p_app_id")} AND k.kind = p_contact_kind
      AND claimant_of(p_app_id, k.kind, k.value, p_trust_claims) = recipient_id
      AND (SELECT o.user_id FROM contacts o WHERE o.pool_id = p_pool_id AND o.kind = k.kind AND o.value = k.value) IS NULL
    ORDER BY k.created_at, k.value LIMIT 1;
  END IF;
END $$;

-- p_lock_keys has one key for the identifier and purpose of each place, sorted. resend_at has that of each challenge, in their
-- order. p_later: null, or later messages as [{challenge_id, channel, due_at}].
CREATE FUNCTION issue_challenges(
  p_mac BYTEA, p_registration_id TEXT, p_sealed_profile BYTEA, p_challenges JSONB, p_expires_at BIGINT,
  p_lock_keys BYTEA[], p_places JSONB, p_charges JSONB, p_deliver_at BIGINT, p_later JSONB, p_now BIGINT,
  OUT outcome TEXT, OUT retry_at BIGINT, OUT refused_by TEXT, OUT resend_at BIGINT[], OUT muted BOOLEAN
) LANGUAGE plpgsql AS $$
DECLARE
  v_spending RECORD;
BEGIN
  IF p_mac IS NOT NULL AND NOT claim_call(
    p_mac, ARRAY(SELECT c ->> 'challenge_id' FROM jsonb_array_elements(p_challenges) AS c), p_expires_at, p_now)
  THEN
    outcome := 'replayed';
    RETURN;
  END IF;
  -- Locks an existing row without changing it, and creates a missing one.
  INSERT INTO send_locks (key, made_at) SELECT k, p_now FROM unnest(p_lock_keys) AS k
  ON CONFLICT (key) DO UPDATE SET made_at = excluded.made_at WHERE false;

  SELECT * INTO v_spending FROM spend_budgets(
    p_charges, places_free_at(p_places, p_now), array_fill(p_now, ARRAY[jsonb_array_length(p_challenges)]), p_now);
  retry_at := v_spending.retry_at;
  refused_by := v_spending.refused_by;
  muted := v_spending.optional_refused;
  IF retry_at > p_now THEN
    DELETE FROM idempotency WHERE mac = p_mac;
    outcome := 'limited';
    RETURN;
  END IF;

  IF p_registration_id IS NOT NULL THEN
    INSERT INTO registrations (registration_id, sealed_profile, expires_at) VALUES (p_registration_id, p_sealed_profile, p_expires_at);
  END IF;
  outcome := 'issued';
  resend_at := v_spending.resend_at;
  INSERT INTO challenges (${namesOf(newChallenge)}, resend_at)
  SELECT ${namesOf(newChallenge, "c")}, v_spending.resend_at[c.nth]
  FROM jsonb_to_recordset(p_challenges) AS c (${newChallenge}, nth INTEGER);
  INSERT INTO outbox (challenge_id, due_at, queued_at, muted)
  SELECT c.challenge_id, p_deliver_at, p_now, muted FROM jsonb_to_recordset(p_challenges) AS c (challenge_id TEXT, nth INTEGER) ORDER BY c.nth;
  IF p_later IS NOT NULL THEN
    INSERT INTO outbox_later (outbox_id, challenge_id, channel, due_at, tries, carrier, unknowns, queued_at, muted)
    SELECT nextval('outbox_outbox_id_seq'), l.challenge_id, l.channel, l.due_at, 0, 0, 0, p_now, muted
    FROM jsonb_to_recordset(p_later) AS l (challenge_id TEXT, channel TEXT, due_at BIGINT);
  END IF;
END $$;

-- Returns the challenge after the resend, or nulls if it does not exist.
CREATE FUNCTION resend_challenge(
  p_challenge_id TEXT, p_client_id TEXT, p_requester_key BYTEA, p_mac BYTEA, p_charges JSONB, p_channel TEXT, p_deliver_at BIGINT,
  p_now BIGINT
) RETURNS TABLE (outcome TEXT, retry_at BIGINT, refused_by TEXT, muted BOOLEAN, ${storedChallenge}) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_outcome TEXT := 'refused';
  v_expires_at BIGINT;
  v_retry_at BIGINT;
  v_refused_by TEXT;
  v_muted BOOLEAN := false;
  v_resend_at BIGINT[];
BEGIN
  SELECT expires_at INTO v_expires_at FROM challenges WHERE challenge_id = p_challenge_id;
  IF FOUND AND p_mac IS NOT NULL AND NOT claim_call(p_mac, ARRAY[p_challenge_id], v_expires_at, p_now) THEN
    v_outcome := 'replayed';
  ELSE
    PERFORM 1 FROM challenges
    WHERE challenge_id = p_challenge_id AND client_id = p_client_id AND attempts < attempts_max AND sends < sends_max
      AND expires_at > p_now AND consumed_at IS NULL AND cancelled_at IS NULL
    FOR UPDATE;
    IF FOUND THEN
      SELECT s.retry_at, s.refused_by, s.optional_refused, s.resend_at INTO v_retry_at, v_refused_by, v_muted, v_resend_at
      FROM spend_budgets(p_charges, 0, ARRAY[p_now], p_now) s;
      v_outcome := CASE WHEN v_retry_at > p_now THEN 'limited' ELSE 'resent' END;
    END IF;
  END IF;
  IF v_outcome = 'resent' THEN
    UPDATE challenges SET sends = sends + 1, resend_at = v_resend_at[1],
      resend_times = resend_times || p_now, resend_requesters = resend_requesters || p_requester_key
    WHERE challenge_id = p_challenge_id;
    INSERT INTO outbox (challenge_id, channel, due_at, queued_at, muted)
    VALUES (p_challenge_id, p_channel, p_deliver_at, p_now, v_muted);
  ELSIF v_outcome <> 'replayed' THEN
    DELETE FROM idempotency WHERE mac = p_mac;
  END IF;
  RETURN QUERY SELECT v_outcome, v_retry_at, v_refused_by, v_muted, ${namesOf(storedChallenge, "c")}
    FROM (SELECT) AS once LEFT JOIN challenges c ON c.challenge_id = p_challenge_id;
END $$;
`;
