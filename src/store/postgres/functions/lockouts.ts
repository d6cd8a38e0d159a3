import { failuresKeptMs } from "../../rules/kept.js";

const dayMs = 24 * 60 * 60_000;

/** Lockouts. The lock order is in `sends.ts`. */
export const lockoutFunctions = `
-- Counts a failure unless the account is locked. Returns the end of a lockout that began earlier, or null. If the row is
-- missing, of concurrent calls one creates it; the others wait and find it.
CREATE FUNCTION count_failure(p_key BYTEA, p_failures_max INTEGER, p_duration_ms BIGINT, p_now BIGINT)
RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
  v_is_there BOOLEAN;
  v_failures INTEGER;
  v_locked_until BIGINT;
  v_expires_at BIGINT;
BEGIN
  LOOP
    SELECT failures, locked_until, expires_at INTO v_failures, v_locked_until, v_expires_at FROM lockouts
    WHERE key = p_key FOR UPDATE;
    v_is_there := FOUND;
    IF v_locked_until > p_now THEN
      -- Written unchanged, so that a guess during a lockout costs the same writes.
      UPDATE lockouts SET failures = failures WHERE key = p_key;
      RETURN v_locked_until;
    END IF;
    v_failures := CASE WHEN v_expires_at > p_now THEN v_failures ELSE 0 END + 1;
    v_locked_until := 0;
    v_expires_at := p_now + ${failuresKeptMs};
    IF v_failures >= p_failures_max THEN
      v_failures := 0;
      v_locked_until := p_now + p_duration_ms;
      v_expires_at := v_locked_until;
    END IF;
    v_expires_at := (v_expires_at / ${dayMs} + 1) * ${dayMs};
    IF v_is_there THEN
      UPDATE lockouts SET failures = v_failures, locked_until = v_locked_until, expires_at = v_expires_at WHERE key = p_key;
      EXIT;
    END IF;
    -- A row that another call has made meanwhile is not locked and was not counted: look again.
    INSERT INTO lockouts (key, failures, locked_until, expires_at) VALUES (p_key, v_failures, v_locked_until, v_expires_at)
    ON CONFLICT (key) DO NOTHING;
    EXIT WHEN FOUND;
  END LOOP;
  RETURN NULL;
END $$;
`;
