/**
 * People belong to pools: contacts and usernames are unique in one. Challenges and sessions belong to apps. What is there
 * belongs to the pool `main` and the app `default`.
 * sessions.credential_hash: of a session with a credential instead of refresh tokens.
 * lockouts: failures counts the consecutive wrong codes of an account since the last lockout, whose end is locked_until.
 * The primary key of a table can't be changed, so two tables are copied.
 */
export const poolColumns = `
CREATE TABLE pooled_users (
  user_id           TEXT PRIMARY KEY NOT NULL,
  pool_id           TEXT NOT NULL,
  username          TEXT,
  display_name      TEXT NOT NULL,
  locale            TEXT NOT NULL,
  custom_attributes TEXT NOT NULL,
  created_at        INTEGER NOT NULL
) STRICT;
INSERT INTO pooled_users (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
SELECT user_id, 'main', username, display_name, locale, custom_attributes, created_at FROM users;
DROP TABLE users;
ALTER TABLE pooled_users RENAME TO users;
CREATE UNIQUE INDEX users_by_username ON users (pool_id, username) WHERE username IS NOT NULL;

CREATE TABLE pooled_contacts (
  pool_id     TEXT NOT NULL,
  kind        TEXT NOT NULL,
  value       TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  verified_at INTEGER NOT NULL,
  PRIMARY KEY (pool_id, kind, value)
) STRICT, WITHOUT ROWID;
INSERT INTO pooled_contacts (pool_id, kind, value, user_id, verified_at)
SELECT 'main', kind, value, user_id, verified_at FROM contacts;
DROP TABLE contacts;
ALTER TABLE pooled_contacts RENAME TO contacts;
CREATE INDEX contacts_by_user ON contacts (user_id);

ALTER TABLE challenges ADD COLUMN pool_id TEXT NOT NULL DEFAULT 'main';
ALTER TABLE challenges ADD COLUMN app_id TEXT NOT NULL DEFAULT 'default';

ALTER TABLE sessions ADD COLUMN app_id TEXT NOT NULL DEFAULT 'default';
ALTER TABLE sessions ADD COLUMN credential_hash BLOB;
CREATE UNIQUE INDEX sessions_by_credential ON sessions (credential_hash) WHERE credential_hash IS NOT NULL;
CREATE INDEX sessions_by_app ON sessions (app_id) WHERE app_id <> 'default';

CREATE TABLE lockouts (
  key          BLOB PRIMARY KEY NOT NULL,
  failures     INTEGER NOT NULL,
  locked_until INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lockouts_by_expiry ON lockouts (expires_at);
`;
