/**
 * Changes of messages that apps have yet to hear of. See `port/forwards.ts`.
 * apps.delivery_report_hook: JSON text, or empty.
 * message_forwards.due_at: also the end of a lease. Ids are never given again, because a settlement names its change by them.
 */
export const forwardTables = `
ALTER TABLE apps ADD COLUMN delivery_report_hook TEXT NOT NULL DEFAULT '';

CREATE TABLE message_forwards (
  forward_id INTEGER PRIMARY KEY AUTOINCREMENT,
  message_id INTEGER NOT NULL,
  status     TEXT NOT NULL,
  app_id     TEXT NOT NULL,
  cause      TEXT NOT NULL,
  changed_at INTEGER NOT NULL,
  due_at     INTEGER NOT NULL,
  tries      INTEGER NOT NULL,
  UNIQUE (message_id, status)
) STRICT;
CREATE INDEX message_forwards_by_due ON message_forwards (app_id, due_at);
CREATE INDEX message_forwards_by_age ON message_forwards (changed_at);
`;
