import { deletionsKeptMs, endedSecretsKeptMs, keptAfterExpiryMs } from "../../rules/kept.js";

/**
 * Deletes the rows of a table whose `until` has passed for `keptMs`. `key` is the primary key, or `ctid` if that has several
 * columns.
 */
function expiredRows(table: string, key: string, until: string, keptMs = 0): string {
  return `
  DELETE FROM ${table} WHERE ${key} = ANY (ARRAY(
    SELECT ${key} FROM ${table} WHERE ${until} <= p_now - ${keptMs}::bigint ORDER BY ${until} LIMIT v_left FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_left := v_left - v_count;`;
}

const expired = [
  expiredRows("registrations", "registration_id", "expires_at"),
  expiredRows("idempotency", "mac", "expires_at"),
  expiredRows("budgets", "key", "expires_at"),
  expiredRows("lockouts", "key", "expires_at"),
  expiredRows("sessions", "session_id", "sweep_at"),
  expiredRows("contact_changes", "change_id", "expires_at"),
  expiredRows("client_assertions", "ctid", "expires_at", keptAfterExpiryMs),
  expiredRows("client_secrets", "secret_id", "expires_at", endedSecretsKeptMs),
  expiredRows("directory_deletions", "ctid", "deleted_at", deletionsKeptMs),
];

/** Sweeping. The lock order is in `sends.ts`. */
export const upkeepFunctions = `
-- Each step finds its rows by an index on the expiry and skips rows that are locked; the next sweep finds them. expired is
-- [{purpose, channel}] of the challenges that ended by expiring.
CREATE FUNCTION sweep(p_now BIGINT, p_limit INTEGER, OUT swept INTEGER, OUT expired JSONB) LANGUAGE plpgsql AS $$
DECLARE
  v_left INTEGER := p_limit;
  v_count INTEGER;
  v_expired JSONB;
BEGIN
  WITH erased AS (
    UPDATE challenges SET sealed_code = NULL WHERE challenge_id = ANY (ARRAY(
      SELECT challenge_id FROM challenges WHERE sealed_code IS NOT NULL AND expires_at <= p_now
      ORDER BY expires_at LIMIT v_left FOR UPDATE SKIP LOCKED))
    RETURNING purpose, channel,
      NOT decoy AND consumed_at IS NULL AND cancelled_at IS NULL AND sends < sends_max AS counts
  ) SELECT count(*), coalesce(jsonb_agg(jsonb_build_object('purpose', purpose, 'channel', channel)) FILTER (WHERE counts), '[]')
  INTO v_count, expired FROM erased;
  v_left := v_left - v_count;
  -- Kept for an hour, so that logs and idempotency can still find the result.
  WITH deleted AS (
    DELETE FROM challenges WHERE challenge_id = ANY (ARRAY(
      SELECT challenge_id FROM challenges WHERE expires_at <= p_now - ${keptAfterExpiryMs} ORDER BY expires_at LIMIT v_left FOR UPDATE SKIP LOCKED))
    RETURNING purpose, channel,
      NOT decoy AND consumed_at IS NULL AND cancelled_at IS NULL AND (sends >= sends_max OR sealed_code IS NOT NULL) AS counts
  ) SELECT count(*), coalesce(jsonb_agg(jsonb_build_object('purpose', purpose, 'channel', channel)) FILTER (WHERE counts), '[]')
  INTO v_count, v_expired FROM deleted;
  expired := expired || v_expired;
  v_left := v_left - v_count;${expired.join("")}
  -- Not counted in swept: these rows hold no data and are created again when needed. The limit is what a busy second can
  -- create.
  DELETE FROM send_locks WHERE key = ANY (ARRAY(
    SELECT key FROM send_locks WHERE made_at <= p_now - 3600000 ORDER BY made_at LIMIT 5 * p_limit FOR UPDATE SKIP LOCKED));
  swept := p_limit - v_left;
END $$;
`;
