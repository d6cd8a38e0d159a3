/**
 * sessions.challenge_id: the challenge that bought the session. Null in sessions that are older than the column.
 * contact_changes: verified contacts that were removed, as long as their owner may take them back. The outbox holds the notice to the
 * contact under change_id. was_replaced: another contact took its place. verified_at: since when the person had it.
 */
export const notMeColumns = `
ALTER TABLE sessions ADD COLUMN challenge_id TEXT;
CREATE INDEX sessions_by_challenge ON sessions (challenge_id) WHERE challenge_id IS NOT NULL;

CREATE TABLE contact_changes (
  change_id  TEXT PRIMARY KEY NOT NULL,
  pool_id    TEXT NOT NULL,
  app_id     TEXT NOT NULL,
  user_id    TEXT NOT NULL,
  kind       TEXT NOT NULL,
  value      TEXT NOT NULL,
  locale     TEXT NOT NULL,
  was_replaced INTEGER NOT NULL,
  verified_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_changes_by_user ON contact_changes (user_id);
CREATE INDEX contact_changes_by_expiry ON contact_changes (expires_at);
`;
