import { failuresKeptMs } from "../../rules/kept.js";

/**
 * Budgets. Charges are JSON sorted by key: `{key, name, maxes, windows, longest, step, holds, optional, sets, counts, share, unless,
 * units}`. `step` is the length of the sub-windows that units are counted in; 1: each unit has its own time. A row with counts has the
 * ends of sub-windows in spent. `name` is what a refusal is called. A charge is skipped if the key `unless` has a unit in its longest
 * window. It spends `units`; `maxes` are those of `limitsOf`. `holds[n]` is how long the key is held if n units were spent before.
 * `sets` is the position of the challenge whose resend_at becomes the end of the hold. A refused optional charge refuses only the other
 * optional charges. `counts` says that the spend counts as a failure. A spend with `share` counts as one too. If its charge has
 * `share` failures already, or is refused, `counts` has no effect.
 */
export const budgetFunctions = `
CREATE FUNCTION budget_charges(p_charges JSONB)
RETURNS TABLE (key BYTEA, name TEXT, maxes INTEGER[], windows BIGINT[], longest BIGINT, step BIGINT, holds BIGINT[],
  optional BOOLEAN, sets INTEGER, counts BOOLEAN, share INTEGER, unless BYTEA, units INTEGER)
LANGUAGE sql IMMUTABLE ROWS 4 AS $$
  SELECT * FROM jsonb_to_recordset(p_charges) AS c (
    key BYTEA, name TEXT, maxes INTEGER[], windows BIGINT[], longest BIGINT, step BIGINT, holds BIGINT[], optional BOOLEAN,
    sets INTEGER, counts BOOLEAN, share INTEGER, unless BYTEA, units INTEGER)
$$;

CREATE FUNCTION has_spent(p_key BYTEA, p_window BIGINT, p_now BIGINT) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM budgets b, unnest(b.spent) AS t WHERE b.key = p_key AND t > p_now - p_window AND t < p_now + p_window)
$$;

-- Returns when a charge can be granted; 0 or a past time means now. The rule is that of rules/budget-window.ts. Spent times are
-- in order, so the unit that must become free is the max-th latest; a window with fewer units has none. Times too far ahead are
-- ignored: they date from before the clock was set back.
CREATE FUNCTION budget_refused_until(
  p_spent BIGINT[], p_counts INTEGER[], p_hold_until BIGINT, p_maxes INTEGER[], p_windows BIGINT[], p_holds BIGINT[], p_now BIGINT
) RETURNS BIGINT LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  v_until BIGINT := 0;
  v_counted BIGINT[] := p_spent;
  v_freeing BIGINT;
  v_units INTEGER;
BEGIN
  IF p_hold_until > p_now
    AND p_hold_until - p_now <= coalesce((SELECT 2 * max(h) FROM unnest(p_holds) AS h), p_hold_until - p_now) THEN
    v_until := p_hold_until;
  END IF;
  FOR i IN 1 .. cardinality(p_maxes) LOOP
    IF p_counts IS NOT NULL AND p_maxes[i] > 0 THEN
      v_units := 0;
      FOR j IN REVERSE cardinality(p_spent) .. 1 LOOP
        EXIT WHEN p_spent[j] <= p_now - p_windows[i];
        CONTINUE WHEN p_spent[j] >= p_now + p_windows[i];
        v_units := v_units + p_counts[j];
        IF v_units >= p_maxes[i] THEN
          v_until := greatest(v_until, p_spent[j] + p_windows[i]);
          EXIT;
        END IF;
      END LOOP;
      CONTINUE;
    END IF;
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

-- Returns when all required charges would be granted, and the name of the one that refuses longest. Locks and writes nothing.
CREATE FUNCTION budgets_refused_until(p_charges JSONB, p_now BIGINT, OUT retry_at BIGINT, OUT refused_by TEXT)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_charge RECORD;
  v_spent BIGINT[];
  v_counts INTEGER[];
  v_hold_until BIGINT;
  v_until BIGINT;
BEGIN
  retry_at := 0;
  FOR v_charge IN SELECT * FROM budget_charges(p_charges) LOOP
    CONTINUE WHEN v_charge.optional OR v_charge.unless IS NOT NULL AND has_spent(v_charge.unless, v_charge.longest, p_now);
    SELECT b.spent, b.counts, b.hold_until INTO v_spent, v_counts, v_hold_until FROM budgets b WHERE b.key = v_charge.key;
    IF FOUND OR 0 = ANY (v_charge.maxes) THEN
      v_until := budget_refused_until(coalesce(v_spent, '{}'), v_counts, coalesce(v_hold_until, 0), v_charge.maxes, v_charge.windows,
        v_charge.holds, p_now);
      IF v_until > retry_at THEN
        retry_at := v_until;
        refused_by := v_charge.name;
      END IF;
    END IF;
  END LOOP;
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
  OUT retry_at BIGINT, OUT refused_by TEXT, OUT resend_at BIGINT[], OUT optional_refused BOOLEAN, OUT failures INTEGER
) LANGUAGE plpgsql AS $$
DECLARE
  v_charge RECORD;
  v_spent BIGINT[];
  v_units INTEGER[];
  v_hold_until BIGINT;
  v_until BIGINT;
  v_made BYTEA[] := '{}';
  v_skipped BYTEA[] := '{}';
  v_last BYTEA;
  v_hold BIGINT;
  v_added BIGINT[];
  v_before INTEGER;
  v_failures INTEGER;
  v_counting BOOLEAN := true;
  v_counts BOOLEAN;
BEGIN
  retry_at := p_until;
  resend_at := p_resend_at;
  optional_refused := false;
  FOR v_charge IN SELECT * FROM budget_charges(p_charges) LOOP
    -- The key is locked already if it is lower.
    IF v_charge.unless IS NOT NULL AND has_spent(v_charge.unless, v_charge.longest, p_now) THEN
      v_skipped := v_skipped || v_charge.key;
      CONTINUE;
    END IF;
    SELECT spent, b.counts, hold_until, CASE WHEN expires_at > p_now THEN b.failures ELSE 0 END
    INTO v_spent, v_units, v_hold_until, v_failures FROM budgets b WHERE key = v_charge.key FOR UPDATE;
    -- A charge with a maximum of 0 is never granted and needs no budget.
    IF NOT FOUND AND NOT 0 = ANY (v_charge.maxes) THEN
      INSERT INTO budgets AS b (key, spent, hold_until, expires_at)
      VALUES (v_charge.key, '{}', 0, budget_expiry(p_now + coalesce(v_charge.holds[1], 0), p_now + v_charge.longest))
      ON CONFLICT (key) DO UPDATE SET spent = b.spent
      RETURNING spent, b.counts, hold_until, b.failures INTO v_spent, v_units, v_hold_until, v_failures;
      IF cardinality(v_spent) = 0 AND v_hold_until = 0 THEN
        v_made := v_made || v_charge.key;
      END IF;
    END IF;
    -- Null without a share or a budget.
    v_counting := v_counting AND coalesce(v_failures < v_charge.share, true);
    v_until := budget_refused_until(coalesce(v_spent, '{}'), v_units, coalesce(v_hold_until, 0), v_charge.maxes, v_charge.windows,
      v_charge.holds, p_now);
    IF v_charge.optional THEN
      optional_refused := optional_refused OR v_until > p_now;
    ELSIF v_until > retry_at THEN
      retry_at := v_until;
      refused_by := v_charge.name;
    END IF;
  END LOOP;
  IF retry_at > p_now THEN
    DELETE FROM budgets WHERE key = ANY (v_made);
    RETURN;
  END IF;

  FOR v_charge IN SELECT * FROM budget_charges(p_charges) LOOP
    CONTINUE WHEN v_charge.key = v_last OR v_charge.key = ANY (v_skipped);
    v_last := v_charge.key;
    IF v_charge.optional AND optional_refused THEN
      -- Written unchanged, so that a hidden refusal costs the same writes as a grant.
      UPDATE budgets SET spent = spent WHERE key = v_charge.key;
      CONTINUE;
    END IF;
    v_counts := v_charge.share IS NOT NULL OR v_charge.counts AND v_counting AND NOT optional_refused;
    SELECT b.spent, b.counts, CASE WHEN b.expires_at > p_now THEN b.failures ELSE 0 END
    INTO v_spent, v_units, v_failures FROM budgets b WHERE b.key = v_charge.key;
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
    v_before := 0;
    IF cardinality(v_charge.holds) > 0 THEN
      SELECT coalesce(sum(coalesce(u.n, 1)), 0) INTO v_before FROM unnest(v_spent, v_units) AS u (t, n)
      WHERE u.t > p_now - v_charge.longest AND u.t < p_now + v_charge.longest;
    END IF;
    v_hold := coalesce(v_charge.holds[least(v_before + 1, cardinality(v_charge.holds))], 0);
    IF v_charge.sets IS NOT NULL THEN
      resend_at[v_charge.sets] := p_now + v_hold;
    END IF;
    -- Without a hold, store 0 and not p_now: a process with a slower clock would wait until p_now.
    v_hold_until := CASE WHEN v_hold > 0 THEN p_now + v_hold ELSE 0 END;
    v_added := array_fill(p_now, ARRAY[v_charge.units]);
    -- Clocks of processes differ a little. Sorted times say exactly when the next unit is free.
    IF v_charge.step = 1 AND v_units IS NULL THEN
      v_spent := ARRAY(SELECT t FROM unnest(v_spent || v_added) AS t
        WHERE t > p_now - v_charge.longest AND t < p_now + v_charge.longest ORDER BY t);
    ELSE
      -- A unit moves to the last millisecond of its sub-window: it counts until all of it has left the window.
      SELECT array_agg(w.at ORDER BY w.at), array_agg(w.n ORDER BY w.at) INTO v_spent, v_units FROM (
        SELECT u.t - u.t % v_charge.step + v_charge.step - 1 AS at, sum(coalesce(u.n, 1))::integer AS n
        FROM unnest(v_spent || v_added, v_units || array_fill(1, ARRAY[v_charge.units])) AS u (t, n)
        WHERE u.t > p_now - v_charge.longest AND u.t < p_now + v_charge.longest GROUP BY 1) AS w;
    END IF;
    UPDATE budgets b SET spent = v_spent, counts = v_units, step_ms = v_charge.step,
      hold_until = v_hold_until, failures = v_failures, expires_at = greatest(
        budget_expiry(v_hold_until, p_now + v_charge.longest + v_charge.step - 1),
        CASE WHEN v_counts THEN budget_expiry(0, p_now + ${failuresKeptMs}) WHEN v_failures > 0 THEN b.expires_at END)
    WHERE b.key = v_charge.key;
  END LOOP;
END $$;

-- Gives units back: those in [{key, spent_at, hold_until, keeps}], and for each [{prefix, of_requester, hold_ms}] one unit of every
-- send of a challenge. The nth send was at p_sent_at[n], charged to p_requesters[n]. Budgets are locked in the order of their
-- keys. Returns of one key come oldest first. Each resets the consecutive failures of its key, unless it keeps them.
CREATE FUNCTION give_back(
  p_returns JSONB, p_send_returns JSONB, p_budget_key BYTEA, p_sent_at BIGINT[], p_requesters BYTEA[], p_now BIGINT
) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_return RECORD;
  v_spent BIGINT[];
  v_counts INTEGER[];
  v_step BIGINT;
  v_failures INTEGER;
  v_hold BIGINT;
  v_position INTEGER;
BEGIN
  FOR v_return IN
    SELECT r.key, r.spent_at, r.hold_until, r.keeps
    FROM jsonb_to_recordset(p_returns) AS r (key BYTEA, spent_at BIGINT, hold_until BIGINT, keeps BOOLEAN)
    UNION ALL
    SELECT r.prefix || p_budget_key || CASE WHEN r.of_requester THEN s.requester_key ELSE '' END,
      s.spent_at, s.spent_at + r.hold_ms, false
    FROM jsonb_to_recordset(p_send_returns) AS r (prefix BYTEA, of_requester BOOLEAN, hold_ms BIGINT),
      unnest(p_sent_at, p_requesters) AS s (spent_at, requester_key)
    ORDER BY key, spent_at
  LOOP
    -- The common case: the unit is the only one, so the row can go.
    DELETE FROM budgets b WHERE b.key = v_return.key AND b.spent = ARRAY[v_return.spent_at] AND b.counts IS NULL
      AND least(b.hold_until, v_return.hold_until) <= p_now AND NOT (v_return.keeps AND b.failures > 0);
    CONTINUE WHEN FOUND;
    SELECT b.spent, b.counts, b.step_ms, b.hold_until, CASE WHEN v_return.keeps THEN b.failures ELSE 0 END
    INTO v_spent, v_counts, v_step, v_hold, v_failures FROM budgets b WHERE b.key = v_return.key FOR UPDATE;
    CONTINUE WHEN NOT FOUND;
    -- If the return has no time, both sides are null and the hold stays.
    v_hold := least(v_hold, greatest(v_return.spent_at, v_spent[cardinality(v_spent)]) + v_return.hold_until - v_return.spent_at);
    v_position := array_position(v_spent, v_return.spent_at - v_return.spent_at % v_step + v_step - 1);
    IF v_counts[v_position] > 1 THEN
      v_counts[v_position] := v_counts[v_position] - 1;
    ELSIF v_position IS NOT NULL THEN
      v_counts := v_counts[: v_position - 1] || v_counts[v_position + 1 :];
      v_spent := v_spent[: v_position - 1] || v_spent[v_position + 1 :];
    END IF;
    IF cardinality(v_spent) = 0 AND v_hold <= p_now AND v_failures = 0 THEN
      DELETE FROM budgets b WHERE b.key = v_return.key;
    ELSE
      UPDATE budgets b SET spent = v_spent, counts = v_counts, hold_until = v_hold, failures = v_failures WHERE b.key = v_return.key;
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
