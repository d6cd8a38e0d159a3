/**
 * The directory: pools, apps and their clients. Lists, policies and key sets are JSON texts.
 * revision: the number of the change that wrote the row. directory.revision is the latest. A deleted row leaves one in
 * directory_deletions, so that processes learn of it.
 * directory.settings_imported_at: when the settings of the default client were imported. Null: not yet.
 */
export const directoryTables = `
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
CREATE INDEX client_secrets_by_expiry ON client_secrets (expires_at) WHERE expires_at IS NOT NULL;

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
`;
