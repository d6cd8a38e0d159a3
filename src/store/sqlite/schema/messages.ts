/**
 * Messages, the reports that came before them, and the carriers of apps. See `port/messages.ts`.
 * messages.tries: a JSON list of tries, see `MessageTry`. contact_key: the lookup HMAC of the destination. Null if erased.
 * messages.awaits_redemption: the challenge may still be redeemed, or was and that is not noted yet.
 * Amounts of money are decimal texts.
 * message_reports: an empty text stands for a reference or an id that the carrier did not give.
 * apps.carriers: JSON text of a list of `AppCarrier`. Their settings are in keys.
 */
export const messageTables = `
ALTER TABLE apps ADD COLUMN carriers TEXT NOT NULL DEFAULT '[]';

CREATE TABLE messages (
  message_id          INTEGER PRIMARY KEY,
  queued_at           INTEGER NOT NULL,
  reference           TEXT NOT NULL,
  app_id              TEXT NOT NULL,
  user_id             TEXT,
  challenge_id        TEXT NOT NULL,
  purpose             TEXT NOT NULL,
  channel             TEXT NOT NULL,
  masked_destination  TEXT NOT NULL,
  contact_key         BLOB,
  country             TEXT,
  provider            TEXT,
  provider_message_id TEXT,
  status              TEXT NOT NULL,
  cause               TEXT NOT NULL,
  tries               TEXT NOT NULL,
  segments            INTEGER,
  price_amount        TEXT,
  price_currency      TEXT,
  sent_at             INTEGER,
  delivered_at        INTEGER,
  verified_at         INTEGER,
  awaits_redemption   INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_by_app ON messages (app_id, message_id);
CREATE INDEX messages_by_user ON messages (user_id, message_id) WHERE user_id IS NOT NULL;
CREATE INDEX messages_by_contact ON messages (contact_key, message_id) WHERE contact_key IS NOT NULL;
CREATE INDEX messages_by_reference ON messages (reference);
CREATE INDEX messages_by_provider_id ON messages (provider_message_id, provider) WHERE provider_message_id IS NOT NULL;
CREATE INDEX messages_by_age ON messages (queued_at);
CREATE INDEX messages_awaiting ON messages (challenge_id, message_id) WHERE awaits_redemption;

CREATE TABLE message_reports (
  provider            TEXT NOT NULL,
  reference           TEXT NOT NULL,
  provider_message_id TEXT NOT NULL,
  status              TEXT NOT NULL,
  cause               TEXT NOT NULL,
  segments            INTEGER,
  price_amount        TEXT,
  price_currency      TEXT,
  reported_at         INTEGER NOT NULL,
  PRIMARY KEY (provider, reference, provider_message_id, status)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_reports_by_reference ON message_reports (reference) WHERE reference <> '';
CREATE INDEX message_reports_by_id ON message_reports (provider_message_id, provider) WHERE provider_message_id <> '';
CREATE INDEX message_reports_by_age ON message_reports (reported_at);
`;
