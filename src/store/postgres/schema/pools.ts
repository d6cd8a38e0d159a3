/**
 * People belong to pools: contacts and usernames are unique in one. Challenges and sessions belong to apps. What is there
 * belongs to the pool `main` and the app `default`. The defaults are dropped, so that no statement can forget a pool.
 * sessions.credential_hash: of a session with a credential instead of refresh tokens.
 * idempotency.user_id: the user of a sign-in that started no session.
 * lockouts: failures counts the consecutive wrong codes of an account since the last lockout, whose end is locked_until.
 * expires_at is rounded up.
 */
export const poolColumns = `
ALTER TABLE users ADD COLUMN pool_id TEXT COLLATE "C" NOT NULL DEFAULT 'main';
ALTER TABLE users ALTER COLUMN pool_id DROP DEFAULT;
ALTER TABLE users DROP CONSTRAINT users_username_key;
CREATE UNIQUE INDEX users_by_username ON users (pool_id, username) WHERE username IS NOT NULL;

ALTER TABLE contacts ADD COLUMN pool_id TEXT COLLATE "C" NOT NULL DEFAULT 'main';
ALTER TABLE contacts ALTER COLUMN pool_id DROP DEFAULT;
ALTER TABLE contacts DROP CONSTRAINT contacts_pkey;
ALTER TABLE contacts ADD PRIMARY KEY (pool_id, kind, value);

ALTER TABLE challenges
  ADD COLUMN pool_id TEXT COLLATE "C" NOT NULL DEFAULT 'main',
  ADD COLUMN app_id TEXT COLLATE "C" NOT NULL DEFAULT 'default';
ALTER TABLE challenges ALTER COLUMN pool_id DROP DEFAULT, ALTER COLUMN app_id DROP DEFAULT;

ALTER TABLE sessions ADD COLUMN app_id TEXT COLLATE "C" NOT NULL DEFAULT 'default', ADD COLUMN credential_hash BYTEA;
ALTER TABLE sessions ALTER COLUMN app_id DROP DEFAULT;
CREATE UNIQUE INDEX sessions_by_credential ON sessions (credential_hash) WHERE credential_hash IS NOT NULL;
CREATE INDEX sessions_by_app ON sessions (app_id) WHERE app_id <> 'default';

ALTER TABLE idempotency ADD COLUMN user_id TEXT COLLATE "C";

CREATE TABLE lockouts (
  key          BYTEA PRIMARY KEY,
  failures     INTEGER NOT NULL,
  locked_until BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX lockouts_by_expiry ON lockouts (expires_at);
`;
