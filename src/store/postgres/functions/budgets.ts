import { failuresKeptMs } from "../../rules/kept.js";

/** SQL condition: a key has a unit in the window that ends now. */
function hasSpent(key: string, window: string): string {
  return `EXISTS (SELECT FROM budgets u, unnest(u.spent) AS t
        WHERE u.key = ${key} AND t > p_now - ${window} AND t < p_now + ${window})`;
}

/**
 * Budgets. Charges are JSON sorted by key: `{key, name, maxes, windows, longest, step, holds, optional, sets, counts, share, unless,
 * units, suffix}`. Only a look takes a `suffix`. `step` is the length of the sub-windows that units are counted in; 1: each unit has its own time. A row with counts has the
 * ends of sub-windows in spent. `name` is what a refusal is called. A charge is skipped if the key `unless` has a unit in its longest
 * window. It spends `units`; `maxes` are those of `limitsOf`. `holds[n]` is how long the key is held if n units were spent before.
 * `sets` is the position of the challenge whose resend_at becomes the end of the hold. A refused optional charge refuses only the other
 * optional charges. `counts` says that the spend counts as a failure. A spend with `share` counts as one too. If its charge has
 * `share` failures already, or is refused, `counts` has no effect.
 */
export const budgetFunctions = `
CREATE FUNCTION budget_charges(p_charges JSONB)
RETURNS TABLE (key BYTEA, name TEXT, maxes INTEGER[], windows BIGINT[], longest BIGINT, step BIGINT, holds BIGINT[],
  optional BOOLEAN, sets INTEGER, counts BOOLEAN, share INTEGER, unless BYTEA, units INTEGER, suffix BYTEA)
LANGUAGE sql IMMUTABLE ROWS 4 AS $$
  SELECT * FROM jsonb_to_recordset(p_charges) AS c (
    key BYTEA, name TEXT, maxes INTEGER[], windows BIGINT[], longest BIGINT, step BIGINT, holds BIGINT[], optional BOOLEAN,
    sets INTEGER, counts BOOLEAN, share INTEGER, unless BYTEA, units INTEGER, suffix BYTEA)
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
  IF p_hold_until > p_now THEN
    IF p_hold_until - p_now <= coalesce((SELECT 2 * max(h) FROM unnest(p_holds) AS h), p_hold_until - p_now) THEN
      v_until := p_hold_until;
    END IF;
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

-- Returns when all required charges would be granted, and the name of the one that refuses longest. Locks and writes nothing. The key
-- of a charge with a suffix has p_budget_key, of a challenge, before it.
CREATE FUNCTION budgets_refused_until(p_charges JSONB, p_budget_key BYTEA, p_now BIGINT, OUT retry_at BIGINT, OUT refused_by TEXT)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_charge RECORD;
  v_until BIGINT;
BEGIN
  retry_at := 0;
  FOR v_charge IN
    SELECT c.name, c.maxes, c.windows, c.longest, c.holds, c.unless, b.spent, b.counts, b.hold_until
    FROM budget_charges(p_charges) c
    LEFT JOIN LATERAL (SELECT o.spent, o.counts, o.hold_until FROM budgets o WHERE o.key = c.key || coalesce(p_budget_key || c.suffix, '') OFFSET 0) b ON true
    WHERE NOT c.optional
  LOOP
    -- Without units and a hold only a maximum of 0 refuses. The function would find the same, but takes longer.
    CONTINUE WHEN (v_charge.spent IS NULL OR v_charge.spent = '{}' AND v_charge.hold_until <= p_now) AND NOT 0 = ANY (v_charge.maxes);
    IF v_charge.unless IS NOT NULL THEN
      CONTINUE WHEN ${hasSpent("v_charge.unless", "v_charge.longest")};
    END IF;
    v_until := budget_refused_until(coalesce(v_charge.spent, '{}'), v_charge.counts, coalesce(v_charge.hold_until, 0), v_charge.maxes,
      v_charge.windows, v_charge.holds, p_now);
    IF v_until > retry_at THEN
      retry_at := v_until;
      refused_by := v_charge.name;
    END IF;
  END LOOP;
END $$;

-- Returns when a budget has no effect any more, rounded up.
CREATE FUNCTION budget_expiry(p_hold_until BIGINT, p_longest_until BIGINT) RETURNS BIGINT LANGUAGE sql IMMUTABLE AS $$
  SELECT (greatest(p_hold_until, p_longest_until) / 3600000 + 1) * 3600000
$$;

-- Returns the units with p_units more that are spent now, without those that have left the longest window.
CREATE FUNCTION add_units(
  p_spent BIGINT[], p_counts INTEGER[], p_step_ms BIGINT, p_units INTEGER, p_step BIGINT, p_longest BIGINT, p_now BIGINT,
  OUT spent BIGINT[], OUT counts INTEGER[]
) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  -- A unit moves to the last millisecond of its sub-window: it counts until all of it has left the window.
  v_end BIGINT := p_now - p_now % p_step + p_step - 1;
  v_length INTEGER := cardinality(p_spent);
  v_first INTEGER := 1;
BEGIN
  IF v_length > 0 AND (p_spent[v_length] > v_end OR p_step_ms <> p_step OR (p_counts IS NULL) <> (p_step = 1)) THEN
    -- Clocks of processes differ a little, and limits may have changed. Sorted times say exactly when the next unit is free.
    SELECT array_agg(w.at ORDER BY w.at), array_agg(w.n ORDER BY w.at) INTO spent, counts FROM (
      SELECT u.t - u.t % p_step + p_step - 1 AS at, sum(coalesce(u.n, 1))::integer AS n
      FROM unnest(p_spent || array_fill(p_now, ARRAY[p_units]),
        coalesce(p_counts, array_fill(1, ARRAY[v_length])) || array_fill(1, ARRAY[p_units])) AS u (t, n)
      WHERE u.t > p_now - p_longest AND u.t < p_now + p_longest GROUP BY 1) AS w;
    IF p_step = 1 THEN
      -- Each unit has a time of its own.
      SELECT array_agg(w.at ORDER BY w.at) INTO spent FROM unnest(spent, counts) AS w (at, n), generate_series(1, w.n);
      counts := NULL;
    END IF;
    RETURN;
  END IF;
  WHILE p_spent[v_first] <= p_now - p_longest LOOP
    v_first := v_first + 1;
  END LOOP;
  spent := p_spent[v_first :];
  IF p_step = 1 THEN
    spent := spent || array_fill(p_now, ARRAY[p_units]);
    RETURN;
  END IF;
  counts := (coalesce(p_counts, '{}'))[v_first :];
  v_length := cardinality(spent);
  IF spent[v_length] = v_end THEN
    counts[v_length] := counts[v_length] + p_units;
  ELSE
    spent := spent || v_end;
    counts := counts || p_units;
  END IF;
END $$;

-- Spends all required charges. If one of them is refused, or p_until is in the future, it spends nothing and returns a retry_at
-- after p_now. Of the optional charges it also spends all or none; these never refuse the call. failures is how many consecutive
-- failures the charge that counts them had before.
-- Locks or creates all budgets in the order of their keys. A missing one is created with its units; those that are there are written
-- together, when all are checked. FETCH, because a FOR loop would lock rows ahead of their turn. Does not start over on conflict: the
-- delay would reveal a shared budget.
CREATE FUNCTION spend_budgets(
  p_charges JSONB, p_until BIGINT, p_resend_at BIGINT[], p_now BIGINT,
  OUT retry_at BIGINT, OUT refused_by TEXT, OUT resend_at BIGINT[], OUT optional_refused BOOLEAN, OUT failures INTEGER
) LANGUAGE plpgsql AS $$
DECLARE
  v_charges CURSOR FOR
    SELECT c.key, c.name, c.maxes, c.windows, c.longest, c.step, c.holds, c.optional, c.sets, c.counts AS counting, c.share, c.unless,
      c.units, b.spent, b.counts, b.step_ms, b.hold_until, b.failures, b.expires_at
    FROM budget_charges(p_charges) c LEFT JOIN LATERAL (
      SELECT o.spent, o.counts, o.step_ms, o.hold_until, o.failures, o.expires_at FROM budgets o WHERE o.key = c.key FOR UPDATE) b ON true;
  v_charge RECORD;
  v_budget RECORD;
  v_last BYTEA;
  v_failed INTEGER;
  v_until BIGINT;
  v_before INTEGER;
  v_hold BIGINT;
  v_hold_until BIGINT;
  v_expiry BIGINT;
  v_added RECORD;
  v_times BIGINT[];
  v_units INTEGER[];
  v_is_empty BOOLEAN;
  v_counting BOOLEAN := true;
  v_counted BYTEA;
  v_optional BYTEA[] := '{}';
  v_made BYTEA[] := '{}';
  -- The budgets that were there. Arrays of arrays would need equal lengths, so the times and counts of each are text.
  v_length INTEGER := 0;
  v_keys BYTEA[] := '{}';
  v_spent TEXT[];
  v_counts TEXT[];
  v_steps BIGINT[];
  v_holds BIGINT[];
  v_failures INTEGER[];
  v_expiries BIGINT[];
BEGIN
  retry_at := p_until;
  resend_at := p_resend_at;
  optional_refused := false;
  OPEN v_charges;
  LOOP
    FETCH v_charges INTO v_charge;
    EXIT WHEN NOT FOUND;
    IF v_charge.unless IS NOT NULL THEN
      -- The key is locked already if it is lower. A budget that this call has created had no unit.
      CONTINUE WHEN NOT v_charge.unless = ANY (v_made) AND ${hasSpent("v_charge.unless", "v_charge.longest")};
    END IF;
    v_budget := v_charge;
    -- A second time if another call has just created the budget.
    LOOP
      v_failed := CASE WHEN v_budget.expires_at > p_now THEN v_budget.failures ELSE 0 END;
      -- A budget without units and a hold is common, and calls take longer than what they find then.
      v_is_empty := v_budget.spent IS NULL OR v_budget.spent = '{}';
      IF v_is_empty AND coalesce(v_budget.hold_until, 0) <= p_now AND NOT 0 = ANY (v_charge.maxes) THEN
        v_until := 0;
      ELSE
        v_until := budget_refused_until(coalesce(v_budget.spent, '{}'), v_budget.counts, coalesce(v_budget.hold_until, 0), v_charge.maxes,
          v_charge.windows, v_charge.holds, p_now);
      END IF;
      -- A budget is spent once a call. A charge with a maximum of 0 is never granted and needs none.
      EXIT WHEN v_charge.key = v_last OR v_budget.expires_at IS NULL AND (retry_at > p_now OR 0 = ANY (v_charge.maxes));
      IF v_charge.counting AND cardinality(v_charge.maxes) = 0 THEN
        v_times := coalesce(v_budget.spent, '{}');
        v_units := v_budget.counts;
        v_hold_until := coalesce(v_budget.hold_until, 0);
        v_expiry := coalesce(v_budget.expires_at, budget_expiry(0, p_now));
      ELSE
        v_hold := 0;
        IF cardinality(v_charge.holds) > 0 THEN
          SELECT coalesce(sum(coalesce(u.n, 1)), 0) INTO v_before FROM unnest(v_budget.spent, v_budget.counts) AS u (t, n)
          WHERE u.t > p_now - v_charge.longest AND u.t < p_now + v_charge.longest;
          v_hold := v_charge.holds[least(v_before + 1, cardinality(v_charge.holds))];
        END IF;
        IF v_charge.sets IS NOT NULL THEN
          resend_at[v_charge.sets] := p_now + v_hold;
        END IF;
        -- Without a hold, store 0 and not p_now: a process with a slower clock would wait until p_now.
        v_hold_until := CASE WHEN v_hold > 0 THEN p_now + v_hold ELSE 0 END;
        IF NOT v_is_empty THEN
          v_added := add_units(v_budget.spent, v_budget.counts, v_budget.step_ms, v_charge.units, v_charge.step, v_charge.longest, p_now);
          v_times := v_added.spent;
          v_units := v_added.counts;
        ELSIF v_charge.step = 1 THEN
          v_times := array_fill(p_now, ARRAY[v_charge.units]);
          v_units := NULL;
        ELSE
          v_times := ARRAY[p_now - p_now % v_charge.step + v_charge.step - 1];
          v_units := ARRAY[v_charge.units];
        END IF;
        v_expiry := greatest(budget_expiry(v_hold_until, p_now + v_charge.longest + v_charge.step - 1),
          CASE WHEN v_charge.share IS NOT NULL THEN budget_expiry(0, p_now + ${failuresKeptMs})
            WHEN v_failed > 0 THEN v_budget.expires_at END);
      END IF;
      EXIT WHEN v_budget.expires_at IS NOT NULL;
      INSERT INTO budgets (key, spent, counts, step_ms, hold_until, failures, expires_at)
      VALUES (v_charge.key, v_times, v_units, v_charge.step, v_hold_until,
        CASE WHEN v_charge.share IS NULL THEN 0 ELSE 1 END, v_expiry)
      ON CONFLICT (key) DO NOTHING;
      IF FOUND THEN
        v_made := v_made || v_charge.key;
        EXIT;
      END IF;
      SELECT o.spent, o.counts, o.step_ms, o.hold_until, o.failures, o.expires_at INTO v_budget
      FROM budgets o WHERE o.key = v_charge.key FOR UPDATE;
    END LOOP;

    IF v_charge.optional THEN
      optional_refused := optional_refused OR v_until > p_now;
    ELSIF v_until > retry_at THEN
      retry_at := v_until;
      refused_by := v_charge.name;
    END IF;
    v_counting := v_counting AND coalesce(v_failed < v_charge.share, true);
    CONTINUE WHEN v_charge.key = v_last;
    v_last := v_charge.key;
    IF v_charge.optional THEN
      v_optional := v_optional || v_charge.key;
    END IF;
    IF v_charge.counting THEN
      v_counted := v_charge.key;
      failures := v_failed;
    END IF;
    IF v_budget.expires_at IS NOT NULL THEN
      v_length := v_length + 1;
      v_keys[v_length] := v_charge.key;
      v_spent[v_length] := v_times::text;
      v_counts[v_length] := v_units::text;
      v_steps[v_length] := CASE WHEN cardinality(v_charge.maxes) = 0 THEN v_budget.step_ms ELSE v_charge.step END;
      v_holds[v_length] := v_hold_until;
      v_failures[v_length] := v_failed + CASE WHEN v_charge.share IS NULL THEN 0 ELSE 1 END;
      v_expiries[v_length] := v_expiry;
    END IF;
  END LOOP;
  CLOSE v_charges;
  IF retry_at > p_now THEN
    DELETE FROM budgets b WHERE b.key = ANY (v_made);
    RETURN;
  END IF;

  IF optional_refused THEN
    UPDATE budgets b SET spent = '{}', counts = NULL, hold_until = 0, failures = 0
    WHERE b.key = ANY (v_made) AND b.key = ANY (v_optional);
    -- Written unchanged, so that a hidden refusal costs the same writes as a grant.
    UPDATE budgets b SET spent = b.spent WHERE b.key = ANY (v_keys) AND b.key = ANY (v_optional);
  ELSIF v_counting AND v_counted = ANY (v_made) THEN
    UPDATE budgets b SET failures = 1, expires_at = greatest(b.expires_at, budget_expiry(0, p_now + ${failuresKeptMs}))
    WHERE b.key = v_counted;
  ELSIF v_counting AND v_counted IS NOT NULL THEN
    v_before := array_position(v_keys, v_counted);
    v_failures[v_before] := v_failures[v_before] + 1;
    v_expiries[v_before] := greatest(v_expiries[v_before], budget_expiry(0, p_now + ${failuresKeptMs}));
  END IF;
  IF v_length > 0 THEN
    -- Not joined with the arrays: a plan that was made while the table was empty could read all of it.
    UPDATE budgets b SET spent = v_spent[array_position(v_keys, b.key)]::bigint[],
      counts = v_counts[array_position(v_keys, b.key)]::integer[], step_ms = v_steps[array_position(v_keys, b.key)],
      hold_until = v_holds[array_position(v_keys, b.key)], failures = v_failures[array_position(v_keys, b.key)],
      expires_at = v_expiries[array_position(v_keys, b.key)]
    WHERE b.key = ANY (v_keys) AND NOT (optional_refused AND b.key = ANY (v_optional));
  END IF;
END $$;

-- Gives units back: those in [{key, spent_at, hold_until, keeps}], and for each [{prefix, of_requester, hold_ms}] one unit of every
-- send of a challenge. The nth send was at p_sent_at[n], charged to p_requesters[n]. Budgets are locked in the order of their
-- keys. Returns of one key come oldest first. Each resets the consecutive failures of its key, unless it keeps them. A budget without
-- units stays until the sweep.
CREATE FUNCTION give_back(
  p_returns JSONB, p_send_returns JSONB, p_budget_key BYTEA, p_sent_at BIGINT[], p_requesters BYTEA[], p_now BIGINT
) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_return RECORD;
  v_length INTEGER := 0;
  v_times BIGINT[];
  v_units INTEGER[];
  v_hold BIGINT;
  v_position INTEGER;
  v_keys BYTEA[] := '{}';
  v_spent TEXT[];
  v_counts TEXT[];
  v_holds BIGINT[];
  v_failures INTEGER[];
BEGIN
  FOR v_return IN
    SELECT r.key, r.spent_at, r.hold_until, r.keeps, b.spent, b.counts, b.step_ms, b.hold_until AS held_until, b.failures
    FROM (
      SELECT g.key, g.spent_at, g.hold_until, g.keeps
      FROM jsonb_to_recordset(p_returns) AS g (key BYTEA, spent_at BIGINT, hold_until BIGINT, keeps BOOLEAN)
      UNION ALL
      SELECT g.prefix || p_budget_key || CASE WHEN g.of_requester THEN s.requester_key ELSE '' END,
        s.spent_at, s.spent_at + g.hold_ms, false
      FROM jsonb_to_recordset(p_send_returns) AS g (prefix BYTEA, of_requester BOOLEAN, hold_ms BIGINT),
        unnest(p_sent_at, p_requesters) AS s (spent_at, requester_key)
      ORDER BY 1, 2
    ) r CROSS JOIN LATERAL (
      SELECT o.spent, o.counts, o.step_ms, o.hold_until, o.failures FROM budgets o WHERE o.key = r.key FOR UPDATE) b
  LOOP
    IF v_return.key IS DISTINCT FROM v_keys[v_length] THEN
      v_length := v_length + 1;
      v_keys[v_length] := v_return.key;
      v_times := v_return.spent;
      v_units := v_return.counts;
      v_hold := v_return.held_until;
      v_failures[v_length] := v_return.failures;
    END IF;
    -- If the return has no time, both sides are null and the hold stays.
    v_hold := least(v_hold, greatest(v_return.spent_at, v_times[cardinality(v_times)]) + v_return.hold_until - v_return.spent_at);
    v_position := array_position(v_times, v_return.spent_at - v_return.spent_at % v_return.step_ms + v_return.step_ms - 1);
    IF v_units[v_position] > 1 THEN
      v_units[v_position] := v_units[v_position] - 1;
    ELSIF v_position IS NOT NULL THEN
      v_units := v_units[: v_position - 1] || v_units[v_position + 1 :];
      v_times := v_times[: v_position - 1] || v_times[v_position + 1 :];
    END IF;
    IF NOT v_return.keeps THEN
      v_failures[v_length] := 0;
    END IF;
    v_spent[v_length] := v_times::text;
    v_counts[v_length] := v_units::text;
    v_holds[v_length] := v_hold;
  END LOOP;
  IF v_length > 0 THEN
    UPDATE budgets b SET spent = v_spent[array_position(v_keys, b.key)]::bigint[],
      counts = v_counts[array_position(v_keys, b.key)]::integer[],
      hold_until = v_holds[array_position(v_keys, b.key)], failures = v_failures[array_position(v_keys, b.key)]
    WHERE b.key = ANY (v_keys);
  END IF;
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
