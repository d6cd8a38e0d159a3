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

/** How much of the time one sweep looks through for expired codes. At 3,000 sends a second it then reads 2 million rows. */
const erasedAtOnceMs = 10 * 60_000;

/** Sweeping. The lock order is in `sends.ts`. */
export const upkeepFunctions = `
-- Each step finds its rows by an index on the expiry and skips rows that are locked; the next sweep finds them. expired is
-- [{purpose, channel}] of the challenges that ended by expiring. All codes that expired by p_erased_until are erased; erased_until is how
-- far that is true after the call. No index has the codes, so that a redemption can erase its own without touching an index.
CREATE FUNCTION sweep(
  p_now BIGINT, p_erased_until BIGINT, p_limit INTEGER, OUT swept INTEGER, OUT expired JSONB, OUT erased_until BIGINT
) LANGUAGE plpgsql AS $$
DECLARE
  v_from BIGINT := greatest(p_erased_until, p_now - ${keptAfterExpiryMs});
  v_until BIGINT := least(p_now, v_from + ${erasedAtOnceMs});
  v_left INTEGER := p_limit;
  v_count INTEGER;
  v_expired JSONB;
BEGIN
  WITH erased AS (
    UPDATE challenges SET sealed_code = NULL WHERE challenge_id = ANY (ARRAY(
      SELECT challenge_id FROM challenges WHERE sealed_code IS NOT NULL AND expires_at > v_from AND expires_at <= v_until
      ORDER BY expires_at LIMIT v_left FOR UPDATE SKIP LOCKED))
    RETURNING purpose, channel,
      NOT decoy AND consumed_at IS NULL AND cancelled_at IS NULL AND sends < sends_max AS counts
  ) SELECT count(*), coalesce(jsonb_agg(jsonb_build_object('purpose', purpose, 'channel', channel)) FILTER (WHERE counts), '[]')
  INTO v_count, expired FROM erased;
  v_left := v_left - v_count;
  -- Those that were locked, or did not fit, are left.
  erased_until := coalesce(
    (SELECT c.expires_at - 1 FROM challenges c WHERE c.sealed_code IS NOT NULL AND c.expires_at > v_from AND c.expires_at <= v_until
      ORDER BY c.expires_at LIMIT 1), v_until);
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
