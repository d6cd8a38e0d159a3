import type { Migration } from "../rules/schema-version.js";

/**
 * Migrations of the SQLite engine, oldest first. Each is applied once and never edited after a release.
 * Times are milliseconds since 1970. Revoked sessions are deleted: a token without a row has ended.
 */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    additive: false,
    sql: `
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
`,
  },
  {
    version: 2,
    additive: false,
    // At most one row: it says that the data is being moved to another database, or was. The target is named without secrets.
    sql: `
CREATE TABLE move (
  only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
  move_id   TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('moving', 'moved')),
  target    TEXT NOT NULL,
  marked_at INTEGER NOT NULL
) STRICT;
`,
  },
  {
    version: 3,
    additive: false,
    // oldest_program: the schema version of the oldest program that may write once the row's migration is applied.
    // clock_mark: the highest time that the clock has shown.
    // A user's challenges are found by the user's contacts. Challenges without a user have contacts too.
    sql: `
CREATE TABLE clock_mark (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  high     INTEGER NOT NULL
) STRICT;
INSERT INTO clock_mark (only_row, high) VALUES (1, 0);
ALTER TABLE schema_migrations ADD COLUMN oldest_program INTEGER;
DROP INDEX challenges_by_user;
CREATE INDEX challenges_by_contact ON challenges (contact_value, contact_kind);
`,
  },
  {
    version: 4,
    additive: true,
    // The directory: pools, apps and their clients. Lists, policies and key sets are JSON texts.
    // revision: the number of the change that wrote the row. directory.revision is the latest. A deleted row leaves one in
    // directory_deletions, so that processes learn of it.
    // directory.settings_imported_at: when the settings of the default client were imported. Null: not yet.
    sql: `
CREATE TABLE pools (
  pool_id    TEXT PRIMARY KEY NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO pools (pool_id, created_at) VALUES ('main', 0);

CREATE TABLE apps (
  app_id          TEXT PRIMARY KEY NOT NULL,
  pool_id         TEXT NOT NULL,
  number          INTEGER NOT NULL UNIQUE,
  display_name    TEXT NOT NULL,
  logo_url        TEXT NOT NULL,
  support_address TEXT NOT NULL,
  allowed_origins TEXT NOT NULL,
  audience        TEXT NOT NULL,
  policy          TEXT NOT NULL,
  state           TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  revision        INTEGER NOT NULL
) STRICT;
CREATE INDEX apps_by_revision ON apps (revision);
INSERT INTO apps (app_id, pool_id, number, display_name, logo_url, support_address, allowed_origins, audience, policy, state,
  created_at, revision)
VALUES ('default', 'main', 1, '', '', '', '[]', '', '{}', 'active', 0, 1);

CREATE TABLE clients (
  client_id            TEXT PRIMARY KEY NOT NULL,
  app_id               TEXT NOT NULL,
  kind                 TEXT NOT NULL,
  display_name         TEXT NOT NULL,
  scopes               TEXT NOT NULL,
  allowed_origins      TEXT NOT NULL,
  hosts                TEXT NOT NULL,
  redirect_uris        TEXT NOT NULL,
  verify_by_identifier INTEGER NOT NULL,
  aliases              TEXT NOT NULL,
  jwks                 TEXT NOT NULL,
  allowed_addresses    TEXT NOT NULL,
  is_default           INTEGER NOT NULL,
  state                TEXT NOT NULL,
  created_at           INTEGER NOT NULL,
  revision             INTEGER NOT NULL
) STRICT;
CREATE INDEX clients_by_app ON clients (app_id, client_id);
CREATE INDEX clients_by_revision ON clients (revision);
CREATE TABLE client_aliases (
  alias     TEXT PRIMARY KEY NOT NULL,
  client_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX client_aliases_by_client ON client_aliases (client_id);

CREATE TABLE client_secrets (
  secret_id    TEXT PRIMARY KEY NOT NULL,
  client_id    TEXT NOT NULL,
  hash         BLOB NOT NULL,
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,
  last_used_at INTEGER
) STRICT;
CREATE INDEX client_secrets_by_client ON client_secrets (client_id);

CREATE TABLE client_assertions (
  client_id  TEXT NOT NULL,
  jti        TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, jti)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_assertions_by_expiry ON client_assertions (expires_at);

CREATE TABLE directory (
  only_row             INTEGER PRIMARY KEY CHECK (only_row = 1),
  revision             INTEGER NOT NULL,
  app_numbers          INTEGER NOT NULL,
  settings_imported_at INTEGER
) STRICT;
INSERT INTO directory (only_row, revision, app_numbers) VALUES (1, 1, 1);
CREATE TABLE directory_deletions (
  kind       TEXT NOT NULL,
  id         TEXT NOT NULL,
  revision   INTEGER NOT NULL,
  deleted_at INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_deletions_by_revision ON directory_deletions (revision);
CREATE INDEX directory_deletions_by_age ON directory_deletions (deleted_at);
`,
  },
];
