/** The first tables. Times are milliseconds since 1970. Revoked sessions are deleted: a token without a row has ended. */
export const tables = `
CREATE TABLE users (
  user_id           TEXT PRIMARY KEY NOT NULL,
  username          TEXT UNIQUE,
  display_name      TEXT NOT NULL,
  locale            TEXT NOT NULL,
  custom_attributes TEXT NOT NULL,
  created_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE contacts (
  kind        TEXT NOT NULL,
  value       TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  verified_at INTEGER NOT NULL,
  PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_by_user ON contacts (user_id);

CREATE TABLE registrations (
  registration_id TEXT PRIMARY KEY NOT NULL,
  sealed_profile  BLOB NOT NULL,
  expires_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX registrations_by_expiry ON registrations (expires_at);

CREATE TABLE challenges (
  challenge_id       TEXT NOT NULL,
  client_id          TEXT NOT NULL,
  purpose            TEXT NOT NULL,
  channel            TEXT NOT NULL,
  identifier_key     BLOB NOT NULL,
  requester_key      BLOB NOT NULL,
  contact_kind       TEXT,
  contact_value      TEXT,
  user_id            TEXT,
  decoy              INTEGER NOT NULL,
  registration_id    TEXT,
  masked_destination TEXT NOT NULL,
  locale             TEXT NOT NULL,
  code_length        INTEGER NOT NULL,
  hash_profile       TEXT NOT NULL,
  pepper_id          TEXT NOT NULL,
  salt               BLOB NOT NULL,
  tag                BLOB NOT NULL,
  sealed_code        BLOB,
  attempts           INTEGER NOT NULL DEFAULT 0,
  attempts_max       INTEGER NOT NULL,
  sends              INTEGER NOT NULL DEFAULT 1,
  sends_max          INTEGER NOT NULL,
  resends            TEXT NOT NULL DEFAULT '[]',
  created_at         INTEGER NOT NULL,
  expires_at         INTEGER NOT NULL,
  resend_at          INTEGER NOT NULL,
  consumed_at        INTEGER,
  cancelled_at       INTEGER
) STRICT;
CREATE UNIQUE INDEX challenges_by_id ON challenges (challenge_id);
CREATE INDEX challenges_by_identifier ON challenges (identifier_key, purpose, expires_at);
CREATE INDEX challenges_by_expiry ON challenges (expires_at);
CREATE INDEX challenges_with_code ON challenges (expires_at) WHERE sealed_code IS NOT NULL;
CREATE INDEX challenges_by_user ON challenges (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX challenges_by_registration ON challenges (registration_id) WHERE registration_id IS NOT NULL;

CREATE TABLE budgets (
  key        BLOB PRIMARY KEY NOT NULL,
  spent      TEXT NOT NULL,
  hold_until INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX budgets_by_expiry ON budgets (expires_at);

CREATE TABLE outbox (
  outbox_id    INTEGER PRIMARY KEY AUTOINCREMENT,
  challenge_id TEXT NOT NULL,
  due_at       INTEGER NOT NULL,
  tries        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_by_due ON outbox (due_at);
CREATE INDEX outbox_by_challenge ON outbox (challenge_id);

CREATE TABLE idempotency (
  mac        BLOB PRIMARY KEY NOT NULL,
  outcome    TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

CREATE TABLE sessions (
  session_id      TEXT NOT NULL,
  family          BLOB NOT NULL,
  key_id          TEXT NOT NULL,
  user_id         TEXT NOT NULL,
  client_id       TEXT NOT NULL,
  generation      INTEGER NOT NULL DEFAULT 0,
  rotation_mac    BLOB,
  ip              TEXT NOT NULL,
  user_agent      TEXT NOT NULL,
  amr             TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  last_used_at    INTEGER NOT NULL,
  idle_expires_at INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX sessions_by_id ON sessions (session_id);
CREATE UNIQUE INDEX sessions_by_family ON sessions (family);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_idle_expiry ON sessions (idle_expires_at);

CREATE TABLE keys (
  key_id     TEXT PRIMARY KEY NOT NULL,
  use        TEXT NOT NULL,
  alg        TEXT NOT NULL,
  public_jwk TEXT NOT NULL,
  sealed     BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  active_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE key_checks (
  use     TEXT NOT NULL,
  key_id  TEXT NOT NULL,
  "check" BLOB NOT NULL,
  PRIMARY KEY (use, key_id)
) STRICT, WITHOUT ROWID;
`;
