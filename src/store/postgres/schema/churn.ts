/** Tables whose rows come and go. A fifth of a large table, which is the default, would be dead before a vacuum came. */
const churning = [
  "challenges",
  "budgets",
  "idempotency",
  "outbox",
  "outbox_later",
  "sessions",
  "send_locks",
  "lockouts",
  "registrations",
];

/**
 * A redemption erases the code of its challenge. Without an index that has the codes it touches no index at all (HOT). Expired codes are
 * found by the expiry.
 */
export const churnSettings = `
DROP INDEX challenges_with_code;
${churning
  .map(
    (table) =>
      `ALTER TABLE ${table} SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.02);`,
  )
  .join("\n")}
`;
