import { reportKeptMs, reportsLeft, reportsWaitingMax } from "../../rules/kept.js";
import { rankOf } from "../../shared/message-rows.js";

/**
 * What appends tries and what must not miss one wait for each other by a lock of this table: a report that finds no message, and
 * the erasure of a person or contact. Appending calls do not wait for one another.
 */
export const sharedLock = "LOCK TABLE message_reports IN ROW EXCLUSIVE MODE;";
const ownLock = "LOCK TABLE message_reports IN EXCLUSIVE MODE;";

/** One process at a time makes and drops partitions. This does not keep others from writing. */
const partitionsLock = "LOCK TABLE messages_other IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;";

/** How long after its message a report normally comes. Partitions of older messages are searched only if it is not found. */
const reportUsualMs = 2 * 24 * 60 * 60_000;

const tryColumns =
  "message_id BIGINT, queued_at BIGINT, reference TEXT, app_id TEXT, user_id TEXT, challenge_id TEXT, purpose TEXT, channel TEXT, " +
  "masked_destination TEXT, contact_key BYTEA, country TEXT, provider TEXT, provider_message_id TEXT, status TEXT, cause TEXT, " +
  "tries JSONB, segments INTEGER, price_amount TEXT, price_currency TEXT, sent_at BIGINT";

const reportColumns =
  "nth INTEGER, provider TEXT, reference TEXT, provider_message_id TEXT, status TEXT, cause TEXT, segments INTEGER, price_amount TEXT, " +
  "price_currency TEXT, reported_at BIGINT";

const moves = `${rankOf("excluded.status")} > ${rankOf("m.status")}`;
const counts = `(m.status = 'queued' OR ${moves})`;
const isOther = `(${counts} AND excluded.provider IS NOT NULL AND excluded.provider IS DISTINCT FROM m.provider)`;
const takesPrice = `(m.price_amount IS NULL OR ${counts} AND excluded.price_amount IS NOT NULL)`;

/** A message counts as erased if its user or its contact was erased while it was being sent. Counting keeps the plan to index probes. */
const isErased = `(t.user_id IS NOT NULL AND (SELECT count(*) FROM users u WHERE u.user_id = t.user_id) = 0
      OR (SELECT count(*) FROM challenges c WHERE c.challenge_id = t.challenge_id AND c.contact_value IS NULL) > 0)`;

/**
 * Messages. Where the lock order of `sends.ts` names them, first message_reports is locked, then messages by id, then waiting
 * reports and forwards.
 * The rules are those of `rules/message-changes.ts`.
 */
export const messageFunctions = `
-- Appends ended tries, JSON rows as \`rowOfTry\` makes them, and applies the reports that waited for them. Called last in a
-- transaction. If a list has several tries of one message, each round takes one of them. Messages of the apps in p_forward that
-- end by these tries are forwarded.
CREATE FUNCTION append_tries(p_tries JSONB, p_forward TEXT[]) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_rounds INTEGER;
  v_ending BIGINT[] := '{}';
BEGIN
  SELECT max(n.tries) INTO v_rounds FROM (
    SELECT count(*) AS tries FROM jsonb_to_recordset(p_tries) AS t(message_id BIGINT) GROUP BY t.message_id) AS n;
  IF v_rounds IS NULL THEN
    RETURN;
  END IF;
  ${sharedLock}
  IF cardinality(p_forward) > 0 THEN
    v_ending := ARRAY(
      SELECT t.message_id FROM jsonb_to_recordset(p_tries) AS t(message_id BIGINT, app_id TEXT, status TEXT)
      WHERE t.status IN ('failed', 'expired') AND t.app_id = ANY (p_forward)
        AND (SELECT count(*) FROM messages m WHERE m.message_id = t.message_id AND m.status NOT IN ('queued', 'sent')) = 0);
  END IF;
  FOR v_round IN 1 .. v_rounds LOOP
    INSERT INTO messages AS m (message_id, queued_at, reference, app_id, user_id, challenge_id, purpose, channel, masked_destination,
      contact_key, country, provider, provider_message_id, status, cause, tries, segments, price_amount, price_currency, sent_at,
      awaits_redemption)
    SELECT t.message_id, t.queued_at, t.reference, t.app_id, CASE WHEN NOT t.erased THEN t.user_id END, t.challenge_id, t.purpose,
      t.channel, CASE WHEN t.erased THEN '' ELSE t.masked_destination END, CASE WHEN NOT t.erased THEN t.contact_key END, t.country,
      t.provider, t.provider_message_id, t.status, t.cause, t.tries, t.segments, t.price_amount, t.price_currency, t.sent_at, true
    FROM (
      SELECT t.*, ${isErased} AS erased, row_number() OVER (PARTITION BY t.message_id ORDER BY t.tries -> 0 -> 'endedAt') AS round
      FROM jsonb_to_recordset(p_tries) AS t(${tryColumns})
    ) AS t
    WHERE t.round = v_round ORDER BY t.message_id
    ON CONFLICT (message_id, queued_at) DO UPDATE SET
      status = CASE WHEN ${moves} THEN excluded.status ELSE m.status END,
      cause = CASE WHEN ${counts} THEN excluded.cause ELSE m.cause END,
      provider = CASE WHEN ${isOther} THEN excluded.provider ELSE m.provider END,
      provider_message_id = CASE WHEN ${isOther} THEN excluded.provider_message_id
        ELSE coalesce(m.provider_message_id, CASE WHEN excluded.provider = m.provider THEN excluded.provider_message_id END) END,
      tries = m.tries || excluded.tries,
      segments = CASE WHEN ${counts} THEN coalesce(excluded.segments, m.segments) ELSE coalesce(m.segments, excluded.segments) END,
      price_amount = CASE WHEN ${takesPrice} THEN excluded.price_amount ELSE m.price_amount END,
      price_currency = CASE WHEN ${takesPrice} THEN excluded.price_currency ELSE m.price_currency END,
      sent_at = coalesce(m.sent_at, excluded.sent_at)
    WHERE NOT m.tries @> excluded.tries;
  END LOOP;
  IF cardinality(v_ending) > 0 THEN
    PERFORM forward_status(m.message_id, m.status, m.app_id, m.masked_destination, m.cause, (m.tries -> -1 ->> 'endedAt')::bigint)
    FROM messages m WHERE m.message_id = ANY (v_ending) AND m.status IN ('failed', 'expired');
  END IF;
  PERFORM apply_waiting_reports(
    ARRAY(SELECT t.reference FROM jsonb_to_recordset(p_tries) AS t(reference TEXT)),
    ARRAY(SELECT DISTINCT t.provider_message_id FROM jsonb_to_recordset(p_tries) AS t(provider_message_id TEXT)
      WHERE t.provider_message_id IS NOT NULL), p_forward);
END $$;

-- Adds a new status of a message for its app. Adds none of an erased message.
CREATE FUNCTION forward_status(p_message_id BIGINT, p_status TEXT, p_app_id TEXT, p_masked TEXT, p_cause TEXT, p_at BIGINT)
RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  IF p_masked <> '' THEN
    INSERT INTO message_forwards (message_id, status, app_id, cause, changed_at, due_at, tries)
    VALUES (p_message_id, p_status, p_app_id, p_cause, p_at, p_at, 0) ON CONFLICT DO NOTHING;
  END IF;
END $$;

-- Applies the reports that wait for messages with these references or ids, and forgets those that need not wait any longer.
CREATE FUNCTION apply_waiting_reports(p_references TEXT[], p_ids TEXT[], p_forward TEXT[]) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_report RECORD;
BEGIN
  FOR v_report IN
    SELECT w.*, f.message_id, f.queued_at FROM (
      SELECT r.provider, r.reference, r.provider_message_id, r.status, r.cause, r.segments, r.price_amount, r.price_currency, r.reported_at
      FROM message_reports r WHERE r.reference = ANY (p_references) AND r.reference <> ''
      UNION
      SELECT r.provider, r.reference, r.provider_message_id, r.status, r.cause, r.segments, r.price_amount, r.price_currency, r.reported_at
      FROM message_reports r WHERE r.provider_message_id = ANY (p_ids) AND r.provider_message_id <> ''
    ) AS w CROSS JOIN LATERAL message_of_report(w.provider, w.reference, w.provider_message_id, w.reported_at) AS f
    WHERE f.message_id IS NOT NULL ORDER BY f.message_id, w.reported_at
  LOOP
    IF report_to_message(v_report.message_id, v_report.queued_at, v_report.provider, v_report.provider_message_id, v_report.status,
      v_report.cause, v_report.segments, v_report.price_amount, v_report.price_currency, v_report.reported_at, p_forward) <> 'waits'
    THEN
      DELETE FROM message_reports r WHERE r.provider = v_report.provider AND r.reference = v_report.reference
        AND r.provider_message_id = v_report.provider_message_id AND r.status = v_report.status;
    END IF;
  END LOOP;
END $$;

-- Returns whether a message that waits in the outbox needs no further try, because a report or another try has ended it.
CREATE FUNCTION has_message_ended(p_message_id BIGINT, p_queued_at BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT count(*) FROM messages m WHERE m.message_id = p_message_id AND m.queued_at = p_queued_at AND m.status <> 'queued') > 0;
END $$;

-- Finds the message of a report: by our reference, or else by the carrier's id. Both are null if there is none. Most reports come
-- within two days, so the partitions of those days are searched first.
CREATE FUNCTION message_of_report(
  p_provider TEXT, p_reference TEXT, p_id TEXT, p_reported_at BIGINT, OUT message_id BIGINT, OUT queued_at BIGINT
) LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_since BIGINT := p_reported_at - ${reportUsualMs};
BEGIN
  FOR v_pass IN 1 .. 2 LOOP
    IF p_reference <> '' THEN
      SELECT m.message_id, m.queued_at INTO message_id, queued_at FROM messages m
      WHERE m.reference = p_reference AND m.queued_at >= v_since;
    END IF;
    IF message_id IS NULL AND p_id <> '' THEN
      SELECT m.message_id, m.queued_at INTO message_id, queued_at FROM messages m
      WHERE m.provider_message_id = p_id AND m.provider = p_provider AND m.queued_at >= v_since
      ORDER BY m.message_id DESC LIMIT 1;
    END IF;
    EXIT WHEN message_id IS NOT NULL;
    v_since := 0;
  END LOOP;
END $$;

-- Returns changed, unchanged, or waits if the message must be tried further before the report can mean anything. A new status of a
-- message of the apps in p_forward is forwarded.
CREATE FUNCTION report_to_message(
  p_message_id BIGINT, p_queued_at BIGINT, p_provider TEXT, p_id TEXT, p_status TEXT, p_cause TEXT, p_segments INTEGER,
  p_amount TEXT, p_currency TEXT, p_reported_at BIGINT, p_forward TEXT[]
) RETURNS TEXT LANGUAGE plpgsql AS $$
DECLARE
  v_id TEXT := nullif(p_id, '');
  v_failure BOOLEAN := p_status IN ('failed', 'undelivered', 'expired');
  v_own BOOLEAN;
  v_moves BOOLEAN;
  v_known RECORD;
BEGIN
  SELECT m.status, m.provider, m.provider_message_id, m.segments, m.price_amount, m.app_id, m.masked_destination INTO v_known
  FROM messages m WHERE m.message_id = p_message_id AND m.queued_at = p_queued_at FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'unchanged';
  END IF;
  v_own := coalesce(v_known.provider = p_provider, false);
  v_moves := ${rankOf("p_status")} > ${rankOf("v_known.status")};
  IF v_failure AND v_known.status = 'queued' THEN
    RETURN 'waits';
  END IF;
  IF v_failure AND (NOT v_own OR v_id <> v_known.provider_message_id) THEN
    RETURN 'unchanged';
  END IF;
  IF NOT v_moves AND NOT (v_own AND (
    v_known.provider_message_id IS NULL AND v_id IS NOT NULL OR v_known.segments IS NULL AND p_segments IS NOT NULL
    OR v_known.price_amount IS NULL AND p_amount IS NOT NULL))
  THEN
    RETURN 'unchanged';
  END IF;
  UPDATE messages m SET
    status = CASE WHEN v_moves THEN p_status ELSE m.status END,
    cause = CASE WHEN NOT v_moves THEN m.cause WHEN v_failure THEN p_cause ELSE '' END,
    provider = CASE WHEN v_own THEN m.provider ELSE p_provider END,
    provider_message_id = CASE WHEN v_own THEN coalesce(m.provider_message_id, v_id) ELSE v_id END,
    segments = CASE WHEN v_own THEN coalesce(m.segments, p_segments) ELSE coalesce(p_segments, m.segments) END,
    price_amount = CASE WHEN p_amount IS NOT NULL AND (NOT v_own OR m.price_amount IS NULL) THEN p_amount ELSE m.price_amount END,
    price_currency = CASE WHEN p_amount IS NOT NULL AND (NOT v_own OR m.price_amount IS NULL) THEN p_currency ELSE m.price_currency END,
    sent_at = CASE WHEN v_moves AND p_status IN ('sent', 'undelivered', 'delivered') THEN coalesce(m.sent_at, p_reported_at) ELSE m.sent_at END,
    delivered_at = CASE WHEN v_moves AND p_status = 'delivered' THEN p_reported_at ELSE m.delivered_at END
  WHERE m.message_id = p_message_id AND m.queued_at = p_queued_at;
  IF v_moves AND v_known.app_id = ANY (p_forward) THEN
    PERFORM forward_status(p_message_id, p_status, v_known.app_id, v_known.masked_destination,
      CASE WHEN v_failure THEN p_cause ELSE '' END, p_reported_at);
  END IF;
  RETURN 'changed';
END $$;

-- Applies reports and returns those that changed a message, and those that must wait. With p_wait they are kept until their message
-- can take them; only then may no try be appended meanwhile. Of a carrier with too many waiting reports the oldest are dropped.
CREATE FUNCTION report_messages(p_reports JSONB, p_wait BOOLEAN, p_forward TEXT[])
RETURNS TABLE (nth INTEGER, outcome TEXT, message_id BIGINT, queued_at BIGINT) LANGUAGE plpgsql AS $$
DECLARE
  v_report RECORD;
  v_provider TEXT;
BEGIN
  IF p_wait THEN
    ${ownLock}
  END IF;
  FOR v_report IN
    SELECT r.*, f.message_id, f.queued_at FROM jsonb_to_recordset(p_reports) AS r(${reportColumns})
    CROSS JOIN LATERAL message_of_report(r.provider, r.reference, r.provider_message_id, r.reported_at) AS f
    ORDER BY f.message_id, r.nth
  LOOP
    nth := v_report.nth;
    message_id := v_report.message_id;
    queued_at := v_report.queued_at;
    outcome := CASE WHEN message_id IS NULL THEN 'waits' ELSE
      report_to_message(message_id, queued_at, v_report.provider, v_report.provider_message_id, v_report.status, v_report.cause,
        v_report.segments, v_report.price_amount, v_report.price_currency, v_report.reported_at, p_forward) END;
    IF outcome = 'waits' AND p_wait THEN
      INSERT INTO message_reports (provider, reference, provider_message_id, status, cause, segments, price_amount, price_currency,
        reported_at)
      VALUES (v_report.provider, v_report.reference, v_report.provider_message_id, v_report.status, v_report.cause, v_report.segments,
        v_report.price_amount, v_report.price_currency, v_report.reported_at)
      ON CONFLICT DO NOTHING;
    END IF;
    IF outcome <> 'unchanged' THEN
      RETURN NEXT;
    END IF;
  END LOOP;
  IF p_wait THEN
    FOR v_provider IN SELECT DISTINCT r.provider FROM jsonb_to_recordset(p_reports) AS r(provider TEXT) LOOP
      PERFORM 1 FROM message_reports r WHERE r.provider = v_provider OFFSET ${reportsWaitingMax} LIMIT 1;
      IF FOUND THEN
        DELETE FROM message_reports WHERE ctid = ANY (ARRAY(
          SELECT ctid FROM message_reports WHERE provider = v_provider ORDER BY reported_at DESC OFFSET ${reportsLeft}));
      END IF;
    END LOOP;
  END IF;
END $$;

-- The masked form of a contact, see model/mask.ts.
CREATE FUNCTION masked_contact(p_kind TEXT, p_value TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE p_kind WHEN 'email' THEN left(p_value, 1) || '***@' || split_part(p_value, '@', 2)
    ELSE lpad(right(regexp_replace(p_value, '[^0-9]', '', 'g'), 4), length(regexp_replace(p_value, '[^0-9]', '', 'g')), '*') END
$$;

-- Erases the destination from a user's messages. Without p_masked all of them, and the user too; otherwise those to contacts with
-- that masked form. Messages to the same contacts that were sent to no user are erased likewise. p_challenges are challenges for
-- these contacts: their messages may not name the user yet. What waits to be forwarded about the erased messages is deleted.
CREATE FUNCTION erase_messages(p_user_id TEXT, p_masked TEXT, p_challenges TEXT[]) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_keys BYTEA[];
  v_ids BIGINT[];
BEGIN
  ${ownLock}
  -- OFFSET 0 keeps the plan to index probes.
  v_keys := ARRAY(
    SELECT m.contact_key FROM messages m
    WHERE m.user_id = p_user_id AND (p_masked IS NULL OR m.masked_destination = p_masked)
    UNION
    SELECT f.contact_key FROM unnest(p_challenges) AS c(challenge_id) CROSS JOIN LATERAL (
      SELECT m.contact_key, m.user_id FROM messages m WHERE m.awaits_redemption AND m.challenge_id = c.challenge_id OFFSET 0) AS f
    WHERE f.user_id IS NULL OR f.user_id = p_user_id);
  v_ids := ARRAY(
    SELECT f.message_id FROM unnest(v_keys) AS k(contact_key) CROSS JOIN LATERAL (
      SELECT m.message_id, m.user_id FROM messages m WHERE m.contact_key = k.contact_key OFFSET 0) AS f
    WHERE f.user_id IS NULL OR f.user_id = p_user_id
    UNION
    SELECT m.message_id FROM messages m WHERE p_masked IS NULL AND m.user_id = p_user_id);
  PERFORM 1 FROM messages m WHERE m.message_id = ANY (v_ids) ORDER BY m.message_id FOR UPDATE;
  UPDATE messages m SET user_id = CASE WHEN p_masked IS NOT NULL THEN m.user_id END, contact_key = NULL, masked_destination = ''
  WHERE m.message_id = ANY (v_ids);
  DELETE FROM message_forwards w WHERE w.message_id = ANY (v_ids);
END $$;

-- Looks at up to p_limit messages after the last one of the previous call, and notes what became of their challenges. A message of
-- a redeemed challenge takes the time; one of an ended challenge is not looked at again. Both take the contact's user if it is a
-- member of the app by now. seen is less than p_limit at the end of the list.
CREATE FUNCTION join_redemptions(
  p_challenge_id TEXT, p_message_id BIGINT, p_now BIGINT, p_limit INTEGER,
  OUT seen INTEGER, OUT noted INTEGER, OUT last_challenge_id TEXT, OUT last_message_id BIGINT
) LANGUAGE plpgsql AS $$
DECLARE
  v_ids BIGINT[];
  v_challenges TEXT[];
BEGIN
  SELECT coalesce(array_agg(p.message_id), '{}'), coalesce(array_agg(p.challenge_id), '{}') INTO v_ids, v_challenges FROM (
    SELECT m.message_id, m.challenge_id FROM messages m
    WHERE m.awaits_redemption AND (m.challenge_id, m.message_id) > (p_challenge_id, p_message_id)
    ORDER BY m.challenge_id, m.message_id LIMIT p_limit) AS p;
  seen := cardinality(v_ids);
  noted := 0;
  last_challenge_id := v_challenges[seen];
  last_message_id := v_ids[seen];
  v_ids := ARRAY(
    SELECT p.message_id FROM unnest(v_ids, v_challenges) AS p(message_id, challenge_id)
    WHERE (SELECT count(*) FROM challenges c WHERE c.challenge_id = p.challenge_id AND c.consumed_at IS NULL AND c.cancelled_at IS NULL
      AND c.expires_at > p_now) = 0);
  IF cardinality(v_ids) = 0 THEN
    RETURN;
  END IF;
  ${sharedLock}
  v_ids := ARRAY(
    SELECT m.message_id FROM messages m WHERE m.message_id = ANY (v_ids) AND m.awaits_redemption
    ORDER BY m.message_id FOR UPDATE SKIP LOCKED);
  WITH joined AS (
    UPDATE messages m SET
      awaits_redemption = false,
      verified_at = (SELECT c.consumed_at FROM challenges c WHERE c.challenge_id = m.challenge_id),
      user_id = CASE WHEN m.user_id IS NULL AND m.contact_key IS NOT NULL THEN (
        SELECT o.user_id FROM challenges c
        JOIN contacts o ON o.pool_id = c.pool_id AND o.kind = c.contact_kind AND o.value = c.contact_value
        JOIN memberships b ON b.app_id = m.app_id AND b.user_id = o.user_id
        WHERE c.challenge_id = m.challenge_id) ELSE m.user_id END
    WHERE m.message_id = ANY (v_ids)
    RETURNING m.verified_at
  ) SELECT count(j.verified_at) INTO noted FROM joined j;
END $$;

-- Makes the missing partitions of the days from p_from to p_to. A day whose rows are in messages_other gets none. What can't be
-- locked within 100 ms is left to the next call, so that no write waits longer.
CREATE FUNCTION make_message_partitions(p_from BIGINT, p_to BIGINT) RETURNS VOID LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
  v_name TEXT;
BEGIN
  IF NOT owns_messages() THEN
    RETURN;
  END IF;
  BEGIN
    ${partitionsLock}
  EXCEPTION WHEN lock_not_available THEN
    RETURN;
  END;
  FOR v_day IN p_from / 86400000 .. p_to / 86400000 LOOP
    v_name := 'messages_' || to_char(DATE '1970-01-01' + v_day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(v_name) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE TABLE %I (LIKE messages) WITH (fillfactor = 80)', v_name);
      EXECUTE format('ALTER TABLE messages ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', v_name, v_day::bigint * 86400000,
        (v_day::bigint + 1) * 86400000);
    EXCEPTION WHEN lock_not_available OR check_violation OR insufficient_privilege THEN
      NULL;
    END;
  END LOOP;
END $$;

CREATE FUNCTION owns_messages() RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
  SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = 'messages'::regclass
$$;

-- Drops the partitions of days that ended before p_before. One that can't be locked within 100 ms is left to the next call.
CREATE FUNCTION drop_message_partitions(p_before BIGINT) RETURNS VOID LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
  v_name TEXT;
BEGIN
  IF NOT owns_messages() THEN
    RETURN;
  END IF;
  BEGIN
    ${partitionsLock}
  EXCEPTION WHEN lock_not_available THEN
    RETURN;
  END;
  FOR v_name IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'messages'::regclass AND c.relname ~ '^messages_[0-9]{8}$'
      AND to_date(right(c.relname, 8), 'YYYYMMDD') - DATE '1970-01-01' < p_before / 86400000
    ORDER BY c.relname
  LOOP
    BEGIN
      EXECUTE format('DROP TABLE %I', v_name);
    EXCEPTION WHEN lock_not_available THEN
      RETURN;
    END;
  END LOOP;
END $$;

-- Deletes old messages outside of the partitions that are dropped, and reports that have waited in vain. A login that may not drop
-- partitions deletes their rows.
CREATE FUNCTION sweep_messages(p_now BIGINT, p_before BIGINT, p_limit INTEGER) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
  v_count INTEGER;
  v_swept INTEGER;
BEGIN
  IF owns_messages() THEN
    DELETE FROM messages_other WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM messages_other WHERE queued_at < p_before ORDER BY queued_at LIMIT p_limit FOR UPDATE SKIP LOCKED));
  ELSE
    DELETE FROM messages m WHERE m.message_id = ANY (ARRAY(
      SELECT o.message_id FROM messages o WHERE o.queued_at < p_before LIMIT p_limit FOR UPDATE SKIP LOCKED)) AND m.queued_at < p_before;
  END IF;
  GET DIAGNOSTICS v_swept = ROW_COUNT;
  DELETE FROM message_reports WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM message_reports WHERE reported_at <= p_now - ${reportKeptMs} ORDER BY reported_at LIMIT p_limit - v_swept
    FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_swept + v_count;
END $$;
`;
