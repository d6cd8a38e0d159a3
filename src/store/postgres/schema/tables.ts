/**
 * Tables of the PostgreSQL engine. Times are milliseconds since 1970. Revoked sessions are deleted: a token without a row has
 * ended.
 * Texts that are compared or sorted have the collation "C", so that neither depends on how the database was created.
 * Rows that are updated often leave room on their page, and where possible no index has the columns that change. Such an update
 * (HOT) touches no index. For the same reason expiries that only the sweep uses are rounded up.
 */
export const tables = `
CREATE TABLE users (
  user_id           TEXT COLLATE "C" PRIMARY KEY,
  username          TEXT COLLATE "C" UNIQUE,
  display_name      TEXT NOT NULL,
  locale            TEXT NOT NULL,
  custom_attributes TEXT NOT NULL,
  created_at        BIGINT NOT NULL
);

CREATE TABLE contacts (
  kind        TEXT COLLATE "C" NOT NULL,
  value       TEXT COLLATE "C" NOT NULL,
  user_id     TEXT COLLATE "C" NOT NULL,
  verified_at BIGINT NOT NULL,
  PRIMARY KEY (kind, value)
);
CREATE INDEX contacts_by_user ON contacts (user_id);

CREATE TABLE registrations (
  registration_id TEXT COLLATE "C" PRIMARY KEY,
  sealed_profile  BYTEA NOT NULL,
  expires_at      BIGINT NOT NULL
);
CREATE INDEX registrations_by_expiry ON registrations (expires_at);

-- resend_times[n] and resend_requesters[n] are the nth resend's.
CREATE TABLE challenges (
  challenge_id       TEXT COLLATE "C" PRIMARY KEY,
  client_id          TEXT COLLATE "C" NOT NULL,
  purpose            TEXT COLLATE "C" NOT NULL,
  channel            TEXT NOT NULL,
  identifier_key     BYTEA NOT NULL,
  requester_key      BYTEA NOT NULL,
  contact_kind       TEXT COLLATE "C",
  contact_value      TEXT COLLATE "C",
  user_id            TEXT COLLATE "C",
  decoy              BOOLEAN NOT NULL,
  registration_id    TEXT COLLATE "C",
  masked_destination TEXT NOT NULL,
  locale             TEXT NOT NULL,
  code_length        INTEGER NOT NULL,
  hash_profile       TEXT NOT NULL,
  pepper_id          TEXT COLLATE "C" NOT NULL,
  salt               BYTEA NOT NULL,
  tag                BYTEA NOT NULL,
  sealed_code        BYTEA,
  attempts           INTEGER NOT NULL,
  attempts_max       INTEGER NOT NULL,
  sends              INTEGER NOT NULL,
  sends_max          INTEGER NOT NULL,
  resend_times       BIGINT[] NOT NULL,
  resend_requesters  BYTEA[] NOT NULL,
  created_at         BIGINT NOT NULL,
  expires_at         BIGINT NOT NULL,
  resend_at          BIGINT NOT NULL,
  consumed_at        BIGINT,
  cancelled_at       BIGINT
) WITH (fillfactor = 80);
CREATE INDEX challenges_by_identifier ON challenges (identifier_key, purpose, expires_at);
CREATE INDEX challenges_by_expiry ON challenges (expires_at);
CREATE INDEX challenges_with_code ON challenges (expires_at) WHERE sealed_code IS NOT NULL;
CREATE INDEX challenges_by_user ON challenges (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX challenges_by_registration ON challenges (registration_id) WHERE registration_id IS NOT NULL;

-- Rows for locking only: a call that adds a challenge of an identifier and purpose holds the lock.
CREATE TABLE send_locks (
  key     BYTEA PRIMARY KEY,
  made_at BIGINT NOT NULL
);
CREATE INDEX send_locks_by_age ON send_locks (made_at);

-- spent: the times at which units were spent, in order. expires_at is rounded up.
CREATE TABLE budgets (
  key        BYTEA PRIMARY KEY,
  spent      BIGINT[] NOT NULL,
  hold_until BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX budgets_by_expiry ON budgets (expires_at);

CREATE TABLE outbox (
  outbox_id    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  challenge_id TEXT COLLATE "C" NOT NULL,
  due_at       BIGINT NOT NULL,
  tries        INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX outbox_by_due ON outbox (due_at);
CREATE INDEX outbox_by_challenge ON outbox (challenge_id);

-- What is remembered of a call: ids, never contents. session_id and the columns after it belong to redemptions.
CREATE TABLE idempotency (
  mac             BYTEA PRIMARY KEY,
  kind            TEXT NOT NULL,
  challenge_ids   TEXT[] NOT NULL,
  session_id      TEXT COLLATE "C",
  is_new_user     BOOLEAN NOT NULL DEFAULT false,
  username_taken  BOOLEAN NOT NULL DEFAULT false,
  pending_sources TEXT[] NOT NULL DEFAULT '{}',
  expires_at      BIGINT NOT NULL
);
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

-- sweep_at is idle_expires_at, rounded up.
CREATE TABLE sessions (
  session_id      TEXT COLLATE "C" PRIMARY KEY,
  family          BYTEA UNIQUE NOT NULL,
  key_id          TEXT COLLATE "C" NOT NULL,
  user_id         TEXT COLLATE "C" NOT NULL,
  client_id       TEXT COLLATE "C" NOT NULL,
  generation      BIGINT NOT NULL,
  rotation_mac    BYTEA,
  ip              TEXT NOT NULL,
  user_agent      TEXT NOT NULL,
  amr             TEXT NOT NULL,
  created_at      BIGINT NOT NULL,
  last_used_at    BIGINT NOT NULL,
  idle_expires_at BIGINT NOT NULL,
  expires_at      BIGINT NOT NULL,
  sweep_at        BIGINT NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_sweep ON sessions (sweep_at);

CREATE TABLE keys (
  key_id     TEXT COLLATE "C" PRIMARY KEY,
  use        TEXT COLLATE "C" NOT NULL,
  alg        TEXT NOT NULL,
  public_jwk TEXT NOT NULL,
  sealed     BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  active_at  BIGINT NOT NULL
);

CREATE TABLE key_checks (
  use     TEXT COLLATE "C" NOT NULL,
  key_id  TEXT COLLATE "C" NOT NULL,
  "check" BYTEA NOT NULL,
  PRIMARY KEY (use, key_id)
);
`;
