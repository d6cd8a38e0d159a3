/**
 * Messages, the reports that came before them, and the carriers of apps. See `port/messages.ts`.
 * messages has one partition a UTC day of queued_at, made ahead and dropped whole. Rows of a day without a partition go into
 * messages_other, so that no write fails for a missing one.
 * messages.tries: a JSON list of tries, see `MessageTry`. contact_key: the lookup HMAC of the destination. Null if erased.
 * messages.awaits_redemption: the challenge may still be redeemed, or was and that is not noted yet.
 * Amounts of money are decimal texts.
 * message_reports: an empty text stands for a reference or an id that the carrier did not give.
 * apps.carriers: JSON text of a list of `AppCarrier`. Their settings are in keys.
 */
export const messageTables = `
ALTER TABLE apps ADD COLUMN carriers TEXT NOT NULL DEFAULT '[]';

CREATE TABLE messages (
  message_id          BIGINT NOT NULL,
  queued_at           BIGINT NOT NULL,
  reference           TEXT COLLATE "C" NOT NULL,
  app_id              TEXT COLLATE "C" NOT NULL,
  user_id             TEXT COLLATE "C",
  challenge_id        TEXT COLLATE "C" NOT NULL,
  purpose             TEXT NOT NULL,
  channel             TEXT COLLATE "C" NOT NULL,
  masked_destination  TEXT NOT NULL,
  contact_key         BYTEA,
  country             TEXT COLLATE "C",
  provider            TEXT COLLATE "C",
  provider_message_id TEXT COLLATE "C",
  status              TEXT COLLATE "C" NOT NULL,
  cause               TEXT NOT NULL,
  tries               JSONB NOT NULL,
  segments            INTEGER,
  price_amount        TEXT COLLATE "C",
  price_currency      TEXT COLLATE "C",
  sent_at             BIGINT,
  delivered_at        BIGINT,
  verified_at         BIGINT,
  awaits_redemption   BOOLEAN NOT NULL,
  PRIMARY KEY (message_id, queued_at)
) PARTITION BY RANGE (queued_at);
CREATE INDEX messages_by_app ON messages (app_id, message_id);
CREATE INDEX messages_by_user ON messages (user_id, message_id) WHERE user_id IS NOT NULL;
CREATE INDEX messages_by_contact ON messages (contact_key, message_id) WHERE contact_key IS NOT NULL;
CREATE INDEX messages_by_reference ON messages (reference);
CREATE INDEX messages_by_provider_id ON messages (provider_message_id, provider) WHERE provider_message_id IS NOT NULL;
CREATE INDEX messages_awaiting ON messages (challenge_id, message_id) WHERE awaits_redemption;

CREATE TABLE messages_other PARTITION OF messages DEFAULT WITH (fillfactor = 80);
CREATE INDEX messages_other_by_age ON messages_other (queued_at);

CREATE TABLE message_reports (
  provider            TEXT COLLATE "C" NOT NULL,
  reference           TEXT COLLATE "C" NOT NULL,
  provider_message_id TEXT COLLATE "C" NOT NULL,
  status              TEXT COLLATE "C" NOT NULL,
  cause               TEXT NOT NULL,
  segments            INTEGER,
  price_amount        TEXT,
  price_currency      TEXT,
  reported_at         BIGINT NOT NULL,
  PRIMARY KEY (provider, reference, provider_message_id, status)
);
CREATE INDEX message_reports_by_reference ON message_reports (reference) WHERE reference <> '';
CREATE INDEX message_reports_by_id ON message_reports (provider_message_id, provider) WHERE provider_message_id <> '';
CREATE INDEX message_reports_by_age ON message_reports (reported_at);
`;
