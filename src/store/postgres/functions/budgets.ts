import { failuresKeptMs } from "../../rules/kept.js";

/**
 * Budgets. Charges are JSON sorted by key: `{key, maxes, windows, longest, holds, optional, sets, counts, share}`. `holds[n]` is
 * how long the key is held if n units were spent before. `sets` is the position of the challenge whose resend_at becomes the end of
 * the hold. A refused optional charge refuses only the other optional charges. `counts` says that the spend counts as a failure. A
 * spend with `share` counts as one too. If its charge has `share` failures already, or is refused, `counts` has no effect.
 */
export const budgetFunctions = `
CREATE FUNCTION budget_charges(p_charges JSONB)
RETURNS TABLE (key BYTEA, maxes INTEGER[], windows BIGINT[], longest BIGINT, holds BIGINT[], optional BOOLEAN, sets INTEGER,
  counts BOOLEAN, share INTEGER)
LANGUAGE sql IMMUTABLE ROWS 4 AS $$
  SELECT * FROM jsonb_to_recordset(p_charges) AS c (
    key BYTEA, maxes INTEGER[], windows BIGINT[], longest BIGINT, holds BIGINT[], optional BOOLEAN, sets INTEGER, counts BOOLEAN,
    share INTEGER)
$$;

-- Returns when a charge can be granted; 0 or a past time means now. The rule is that of rules/budget-window.ts. Spent times are
-- in order, so the unit that must become free is the max-th latest; a window with fewer units has none. Times too far ahead are
-- ignored: they date from before the clock was set back.
CREATE FUNCTION budget_refused_until(
  p_spent BIGINT[], p_hold_until BIGINT, p_maxes INTEGER[], p_windows BIGINT[], p_holds BIGINT[], p_now BIGINT
) RETURNS BIGINT LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  v_until BIGINT := 0;
  v_counted BIGINT[] := p_spent;
  v_freeing BIGINT;
BEGIN
  IF p_hold_until > p_now
    AND p_hold_until - p_now <= coalesce((SELECT 2 * max(h) FROM unnest(p_holds) AS h), p_hold_until - p_now) THEN
    v_until := p_hold_until;
  END IF;
  FOR i IN 1 .. cardinality(p_maxes) LOOP
    IF p_spent[cardinality(p_spent)] >= p_now + p_windows[i] THEN
      v_counted := ARRAY(SELECT t FROM unnest(p_spent) AS t WHERE t < p_now + p_windows[i] ORDER BY t);
    ELSE
      v_counted := p_spent;
    END IF;
    v_freeing := CASE WHEN p_maxes[i] > 0 THEN v_counted[cardinality(v_counted) - p_maxes[i] + 1] ELSE p_now END;
    IF v_freeing > p_now - p_windows[i] THEN
      v_until := greatest(v_until, v_freeing + p_windows[i]);
    END IF;
  END LOOP;
  RETURN v_until;
END $$;

-- Returns when all required charges would be granted. Locks and writes nothing.
CREATE FUNCTION budgets_refused_until(p_charges JSONB, p_now BIGINT) RETURNS BIGINT LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_charge RECORD;
  v_spent BIGINT[];
  v_hold_until BIGINT;
  v_until BIGINT := 0;
BEGIN
  FOR v_charge IN SELECT * FROM budget_charges(p_charges) LOOP
    CONTINUE WHEN v_charge.optional;
    SELECT spent, hold_until INTO v_spent, v_hold_until FROM budgets WHERE key = v_charge.key;
    IF FOUND OR 0 = ANY (v_charge.maxes) THEN
      v_until := greatest(v_until, budget_refused_until(
        coalesce(v_spent, '{}'), coalesce(v_hold_until, 0), v_charge.maxes, v_charge.windows, v_charge.holds, p_now));
    END IF;
  END LOOP;
  RETURN v_until;
END $$;

-- Returns when a budget has no effect any more, rounded up.
CREATE FUNCTION budget_expiry(p_hold_until BIGINT, p_longest_until BIGINT) RETURNS BIGINT LANGUAGE sql IMMUTABLE AS $$
  SELECT (greatest(p_hold_until, p_longest_until) / 3600000 + 1) * 3600000
$$;

-- Spends all required charges. If one of them is refused, or p_until is in the future, it spends nothing and returns a retry_at
-- after p_now. Of the optional charges it also spends all or none; these never refuse the call. failures is how many consecutive
-- failures the charge that counts them had before.
-- Locks all budgets in the order of their keys before it checks them. A missing budget is created empty to be locked, which waits
-- for a concurrent call that creates the same one. Does not retry on conflict: the delay would reveal a shared budget.
CREATE FUNCTION spend_budgets(
  p_charges JSONB, p_until BIGINT, p_resend_at BIGINT[], p_now BIGINT,
  OUT retry_at BIGINT, OUT resend_at BIGINT[], OUT optional_refused BOOLEAN, OUT failures INTEGER
) LANGUAGE plpgsql AS $$
DECLARE
  v_charge RECORD;
  v_spent BIGINT[];
  v_hold_until BIGINT;
  v_until BIGINT;
  v_made BYTEA[] := '{}';
  v_last BYTEA;
  v_hold BIGINT;
  v_failures INTEGER;
  v_counting BOOLEAN := true;
  v_counts BOOLEAN;
BEGIN
  retry_at := p_until;
  resend_at := p_resend_at;
  optional_refused := false;
  FOR v_charge IN SELECT * FROM budget_charges(p_charges) LOOP
    SELECT spent, hold_until, CASE WHEN expires_at > p_now THEN b.failures ELSE 0 END
    INTO v_spent, v_hold_until, v_failures FROM budgets b WHERE key = v_charge.key FOR UPDATE;
    -- A charge with a maximum of 0 is never granted and needs no budget.
    IF NOT FOUND AND NOT 0 = ANY (v_charge.maxes) THEN
      INSERT INTO budgets AS b (key, spent, hold_until, expires_at)
      VALUES (v_charge.key, '{}', 0, budget_expiry(p_now + coalesce(v_charge.holds[1], 0), p_now + v_charge.longest))
      ON CONFLICT (key) DO UPDATE SET spent = b.spent
      RETURNING spent, hold_until, b.failures INTO v_spent, v_hold_until, v_failures;
      IF cardinality(v_spent) = 0 AND v_hold_until = 0 THEN
        v_made := v_made || v_charge.key;
      END IF;
    END IF;
    -- Null without a share or a budget.
    v_counting := v_counting AND coalesce(v_failures < v_charge.share, true);
    v_until := budget_refused_until(coalesce(v_spent, '{}'), coalesce(v_hold_until, 0), v_charge.maxes, v_charge.windows, v_charge.holds, p_now);
    IF v_charge.optional THEN
      optional_refused := optional_refused OR v_until > p_now;
    ELSE
      retry_at := greatest(retry_at, v_until);
    END IF;
  END LOOP;
  IF retry_at > p_now THEN
    DELETE FROM budgets WHERE key = ANY (v_made);
    RETURN;
  END IF;

  FOR v_charge IN SELECT * FROM budget_charges(p_charges) LOOP
    CONTINUE WHEN v_charge.key = v_last;
    v_last := v_charge.key;
    IF v_charge.optional AND optional_refused THEN
      -- Written unchanged, so that a hidden refusal costs the same writes as a grant.
      UPDATE budgets SET spent = spent WHERE key = v_charge.key;
      CONTINUE;
    END IF;
    v_counts := v_charge.share IS NOT NULL OR v_charge.counts AND v_counting AND NOT optional_refused;
    SELECT ARRAY(SELECT t FROM unnest(b.spent) AS t WHERE t > p_now - v_charge.longest AND t < p_now + v_charge.longest),
      CASE WHEN b.expires_at > p_now THEN b.failures ELSE 0 END
    INTO v_spent, v_failures FROM budgets b WHERE b.key = v_charge.key;
    IF v_charge.counts THEN
      failures := v_failures;
    END IF;
    IF v_counts THEN
      v_failures := v_failures + 1;
    END IF;
    IF v_charge.counts AND cardinality(v_charge.maxes) = 0 THEN
      UPDATE budgets b SET failures = v_failures,
        expires_at = greatest(b.expires_at, CASE WHEN v_counts THEN budget_expiry(0, p_now + ${failuresKeptMs}) END)
      WHERE b.key = v_charge.key;
      CONTINUE;
    END IF;
    v_hold := coalesce(v_charge.holds[least(cardinality(v_spent) + 1, cardinality(v_charge.holds))], 0);
    IF v_charge.sets IS NOT NULL THEN
      resend_at[v_charge.sets] := p_now + v_hold;
    END IF;
    -- Without a hold, store 0 and not p_now: a process with a slower clock would wait until p_now.
    v_hold_until := CASE WHEN v_hold > 0 THEN p_now + v_hold ELSE 0 END;
    -- Clocks of processes differ a little. Sorted times say exactly when the next unit is free.
    UPDATE budgets b SET spent = ARRAY(SELECT t FROM unnest(v_spent || p_now) AS t ORDER BY t),
      hold_until = v_hold_until, failures = v_failures, expires_at = greatest(
        budget_expiry(v_hold_until, p_now + v_charge.longest),
        CASE WHEN v_counts THEN budget_expiry(0, p_now + ${failuresKeptMs}) WHEN v_failures > 0 THEN b.expires_at END)
    WHERE b.key = v_charge.key;
  END LOOP;
END $$;

-- Gives units back: those in [{key, spent_at, hold_until}], and for each [{prefix, of_requester, hold_ms}] one unit of every
-- send of a challenge. The nth send was at p_sent_at[n], charged to p_requesters[n]. Budgets are locked in the order of their
-- keys. Returns of one key come oldest first. Each resets the consecutive failures of its key.
CREATE FUNCTION give_back(
  p_returns JSONB, p_send_returns JSONB, p_identifier_key BYTEA, p_sent_at BIGINT[], p_requesters BYTEA[], p_now BIGINT
) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_return RECORD;
  v_spent BIGINT[];
  v_hold BIGINT;
  v_position INTEGER;
BEGIN
  FOR v_return IN
    SELECT r.key, r.spent_at, r.hold_until FROM jsonb_to_recordset(p_returns) AS r (key BYTEA, spent_at BIGINT, hold_until BIGINT)
    UNION ALL
    SELECT r.prefix || p_identifier_key || CASE WHEN r.of_requester THEN s.requester_key ELSE '' END,
      s.spent_at, s.spent_at + r.hold_ms
    FROM jsonb_to_recordset(p_send_returns) AS r (prefix BYTEA, of_requester BOOLEAN, hold_ms BIGINT),
      unnest(p_sent_at, p_requesters) AS s (spent_at, requester_key)
    ORDER BY key, spent_at
  LOOP
    -- The common case: the unit is the only one, so the row can go.
    DELETE FROM budgets b WHERE b.key = v_return.key AND b.spent = ARRAY[v_return.spent_at]
      AND least(b.hold_until, v_return.hold_until) <= p_now;
    CONTINUE WHEN FOUND;
    SELECT b.spent, b.hold_until INTO v_spent, v_hold FROM budgets b WHERE b.key = v_return.key FOR UPDATE;
    CONTINUE WHEN NOT FOUND;
    -- If the return has no time, both sides are null and the hold stays.
    v_hold := least(v_hold, greatest(v_return.spent_at, v_spent[cardinality(v_spent)]) + v_return.hold_until - v_return.spent_at);
    v_position := array_position(v_spent, v_return.spent_at);
    IF v_position IS NOT NULL THEN
      v_spent := v_spent[: v_position - 1] || v_spent[v_position + 1 :];
    END IF;
    IF cardinality(v_spent) = 0 AND v_hold <= p_now THEN
      DELETE FROM budgets b WHERE b.key = v_return.key;
    ELSE
      UPDATE budgets b SET spent = v_spent, hold_until = v_hold, failures = 0 WHERE b.key = v_return.key;
    END IF;
  END LOOP;
END $$;

-- Deletes the budgets of p_spent, resets the counts of p_failures, and ends p_lockouts. Rows that appear meanwhile stay: a statement
-- that saw them would lock them out of order.
CREATE FUNCTION forgive(p_spent BYTEA[], p_failures BYTEA[], p_lockouts BYTEA[]) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_locked BYTEA[];
BEGIN
  v_locked := ARRAY(SELECT b.key FROM budgets b WHERE b.key = ANY (p_spent || p_failures) ORDER BY b.key FOR UPDATE);
  DELETE FROM budgets b WHERE b.key = ANY (v_locked) AND b.key = ANY (p_spent);
  UPDATE budgets b SET failures = 0 WHERE b.key = ANY (v_locked) AND b.key = ANY (p_failures) AND b.failures > 0;
  v_locked := ARRAY(SELECT l.key FROM lockouts l WHERE l.key = ANY (p_lockouts) ORDER BY l.key FOR UPDATE);
  DELETE FROM lockouts l WHERE l.key = ANY (v_locked);
END $$;
`;
