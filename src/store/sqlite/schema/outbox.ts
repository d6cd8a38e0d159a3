/**
 * The outbox is scanned by id, so that claims change no indexed column.
 * outbox_later: messages that are put off, with the ids that they had in the outbox.
 * channel: null stands for the challenge's. carrier: the index of the carrier to ask next. unknowns: how many tries ended unknown.
 * muted: the message fails, because a hidden charge refused it.
 * Messages that wait now may be leased or put off, so they all go on from outbox_later.
 */
export const outboxTables = `
CREATE TABLE outbox_later (
  outbox_id    INTEGER PRIMARY KEY,
  challenge_id TEXT NOT NULL,
  channel      TEXT,
  due_at       INTEGER NOT NULL,
  tries        INTEGER NOT NULL,
  carrier      INTEGER NOT NULL,
  unknowns     INTEGER NOT NULL,
  queued_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_later_by_due ON outbox_later (due_at);
CREATE INDEX outbox_later_by_challenge ON outbox_later (challenge_id);
INSERT INTO outbox_later (outbox_id, challenge_id, due_at, tries, carrier, unknowns, queued_at)
SELECT m.outbox_id, m.challenge_id, m.due_at, m.tries, 0, 0, min(m.due_at, coalesce(c.created_at, m.due_at))
FROM outbox m LEFT JOIN challenges c ON c.challenge_id = m.challenge_id;
DELETE FROM outbox;

DROP INDEX outbox_by_due;
ALTER TABLE outbox ADD COLUMN channel TEXT;
ALTER TABLE outbox ADD COLUMN carrier INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN unknowns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN queued_at INTEGER NOT NULL;
ALTER TABLE outbox ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;
`;
