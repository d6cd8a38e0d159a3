/**
 * Changes of messages that apps have yet to hear of. See `port/forwards.ts`.
 * apps.delivery_report_hook: JSON text, or empty. message_forwards.due_at: also the end of a lease.
 */
export const forwardTables = `
ALTER TABLE apps ADD COLUMN delivery_report_hook TEXT NOT NULL DEFAULT '';

CREATE TABLE message_forwards (
  forward_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id BIGINT NOT NULL,
  status     TEXT COLLATE "C" NOT NULL,
  app_id     TEXT COLLATE "C" NOT NULL,
  cause      TEXT NOT NULL,
  changed_at BIGINT NOT NULL,
  due_at     BIGINT NOT NULL,
  tries      INTEGER NOT NULL,
  UNIQUE (message_id, status)
);
CREATE INDEX message_forwards_by_due ON message_forwards (app_id, due_at);
CREATE INDEX message_forwards_by_age ON message_forwards (changed_at);
`;
