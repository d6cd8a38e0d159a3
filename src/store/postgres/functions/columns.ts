/**
 * Columns with their types, as `RETURNS TABLE` and `jsonb_to_recordset` take them. They are listed here instead of read from
 * the table, so that a new column does not affect a program that does not know it.
 */
const givenOfChallenge =
  "challenge_id TEXT, pool_id TEXT, app_id TEXT, client_id TEXT, purpose TEXT, channel TEXT, identifier_key BYTEA, budget_key BYTEA, " +
  "requester_key BYTEA, contact_kind TEXT, contact_value TEXT, user_id TEXT, replaces TEXT, decoy BOOLEAN, is_test BOOLEAN, registration_id TEXT, masked_destination TEXT, locale TEXT, code_length INTEGER, " +
  "hash_profile TEXT, pepper_id TEXT, salt BYTEA, tag BYTEA, attempts INTEGER, attempts_max INTEGER, sends INTEGER, sends_max INTEGER, " +
  "created_at BIGINT, expires_at BIGINT";

/** Columns of a new challenge, except `resend_at`. */
export const newChallenge = `${givenOfChallenge}, sealed_code BYTEA, words TEXT, resend_times BIGINT[], resend_requesters BYTEA[]`;

/**
 * Columns of a stored challenge, except the sealed code, which only the outbox reads, and the times and requesters of its
 * sends.
 */
export const storedChallenge = `${givenOfChallenge}, resend_at BIGINT, consumed_at BIGINT, cancelled_at BIGINT`;

/** Lists only the names, each as a column of `of`, a table or alias, if given. */
export function namesOf(columns: string, of?: string): string {
  const names = columns.split(", ").map((column) => column.split(" ")[0]!);
  return names.map((name) => (of === undefined ? name : `${of}.${name}`)).join(", ");
}
