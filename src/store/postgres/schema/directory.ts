/** What the directory of a new database holds: the pool `main` and the app `default`. */
export const initialDirectory = `
INSERT INTO pools (pool_id, created_at) VALUES ('main', 0);
INSERT INTO apps (app_id, pool_id, number, display_name, logo_url, support_address, allowed_origins, audience, policy, state,
  created_at, revision)
VALUES ('default', 'main', 1, '', '', '', '[]', '', '{}', 'active', 0, 1);
INSERT INTO directory (only_row, revision, app_numbers) VALUES (1, 1, 1);
`;

/**
 * The directory: pools, apps and their clients. Lists, policies and key sets are JSON texts.
 * revision: the number of the change that wrote the row. directory.revision is the latest. A deleted row leaves one in
 * directory_deletions, so that processes learn of it.
 * directory.settings_imported_at: when the settings of the default client were imported. Null: not yet.
 */
export const directoryTables = `
CREATE TABLE pools (
  pool_id    TEXT COLLATE "C" PRIMARY KEY,
  created_at BIGINT NOT NULL
);

CREATE TABLE apps (
  app_id          TEXT COLLATE "C" PRIMARY KEY,
  pool_id         TEXT COLLATE "C" NOT NULL,
  number          BIGINT NOT NULL UNIQUE,
  display_name    TEXT NOT NULL,
  logo_url        TEXT NOT NULL,
  support_address TEXT NOT NULL,
  allowed_origins TEXT NOT NULL,
  audience        TEXT NOT NULL,
  policy          TEXT NOT NULL,
  state           TEXT NOT NULL,
  created_at      BIGINT NOT NULL,
  revision        BIGINT NOT NULL
);
CREATE INDEX apps_by_revision ON apps (revision);

CREATE TABLE clients (
  client_id            TEXT COLLATE "C" PRIMARY KEY,
  app_id               TEXT COLLATE "C" NOT NULL,
  kind                 TEXT COLLATE "C" NOT NULL,
  display_name         TEXT NOT NULL,
  scopes               TEXT NOT NULL,
  allowed_origins      TEXT NOT NULL,
  hosts                TEXT NOT NULL,
  redirect_uris        TEXT NOT NULL,
  verify_by_identifier BOOLEAN NOT NULL,
  aliases              TEXT NOT NULL,
  jwks                 TEXT NOT NULL,
  allowed_addresses    TEXT NOT NULL,
  is_default           BOOLEAN NOT NULL,
  state                TEXT NOT NULL,
  created_at           BIGINT NOT NULL,
  revision             BIGINT NOT NULL
);
CREATE INDEX clients_by_app ON clients (app_id, client_id);
CREATE INDEX clients_by_revision ON clients (revision);
CREATE TABLE client_aliases (
  alias     TEXT COLLATE "C" PRIMARY KEY,
  client_id TEXT COLLATE "C" NOT NULL
);
CREATE INDEX client_aliases_by_client ON client_aliases (client_id);

CREATE TABLE client_secrets (
  secret_id    TEXT COLLATE "C" PRIMARY KEY,
  client_id    TEXT COLLATE "C" NOT NULL,
  hash         BYTEA NOT NULL,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT,
  last_used_at BIGINT
);
CREATE INDEX client_secrets_by_client ON client_secrets (client_id);
CREATE INDEX client_secrets_by_expiry ON client_secrets (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE client_assertions (
  client_id  TEXT COLLATE "C" NOT NULL,
  jti        TEXT COLLATE "C" NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (client_id, jti)
);
CREATE INDEX client_assertions_by_expiry ON client_assertions (expires_at);

CREATE TABLE directory (
  only_row             INTEGER PRIMARY KEY CHECK (only_row = 1),
  revision             BIGINT NOT NULL,
  app_numbers          BIGINT NOT NULL,
  settings_imported_at BIGINT
);
CREATE TABLE directory_deletions (
  kind       TEXT COLLATE "C" NOT NULL,
  id         TEXT COLLATE "C" NOT NULL,
  revision   BIGINT NOT NULL,
  deleted_at BIGINT NOT NULL,
  PRIMARY KEY (kind, id)
);
CREATE INDEX directory_deletions_by_revision ON directory_deletions (revision);
CREATE INDEX directory_deletions_by_age ON directory_deletions (deleted_at);
${initialDirectory}`;
