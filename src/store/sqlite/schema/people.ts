/** A version 4 UUID (RFC 9562 §5.4). */
const randomUuid = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||
  substr('89ab', 1 + (abs(random()) % 4), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))`;

/**
 * Members and their contacts. A user's number is the key of the table, so the table is copied.
 * contacts.rank: the order within a kind. The lowest is the primary contact. By default the time of the verification.
 * claims: contacts that an app's backend gave and no code has verified.
 * memberships: users of apps. roles is a JSON text, app_attributes a JSON text or empty.
 * challenges.replaces: the contact that a change removes. hook_at: when the registration hook was last called.
 * challenges_of_changes says IS: with `=`, SQLite would compile each statement with `purpose = @purpose` again at every call, to
 * see whether the index fits the value.
 * budgets.failures: consecutive wrong codes.
 * Users that exist become members of `default` if their pool is `main`, and of every app in which they have a session. Those who
 * would be members of no app become members of all apps of their pool, so that no app takes them for strangers.
 */
export const peopleTables = `
CREATE TABLE numbered_users (
  number            INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id           TEXT NOT NULL UNIQUE,
  pool_id           TEXT NOT NULL,
  username          TEXT,
  display_name      TEXT NOT NULL,
  locale            TEXT NOT NULL,
  custom_attributes TEXT NOT NULL,
  created_at        INTEGER NOT NULL
) STRICT;
INSERT INTO numbered_users (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
SELECT user_id, pool_id, username, display_name, locale, custom_attributes, created_at FROM users ORDER BY created_at, user_id;
DROP TABLE users;
ALTER TABLE numbered_users RENAME TO users;
CREATE UNIQUE INDEX users_by_username ON users (pool_id, username) WHERE username IS NOT NULL;

ALTER TABLE contacts ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
UPDATE contacts SET rank = verified_at;

CREATE TABLE claims (
  app_id     TEXT NOT NULL,
  kind       TEXT NOT NULL,
  value      TEXT NOT NULL,
  user_id    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (app_id, kind, value, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_user ON claims (user_id, app_id);

ALTER TABLE apps ADD COLUMN roles TEXT NOT NULL DEFAULT '[]';
ALTER TABLE apps ADD COLUMN owner_organization TEXT NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN registration_hook TEXT NOT NULL DEFAULT '';
UPDATE apps SET owner_organization = ${randomUuid};

CREATE TABLE memberships (
  app_id             TEXT NOT NULL,
  user_id            TEXT NOT NULL,
  number             INTEGER NOT NULL,
  roles              TEXT NOT NULL,
  kind               TEXT NOT NULL,
  owner_organization TEXT NOT NULL,
  external_id        TEXT,
  app_attributes     TEXT NOT NULL,
  credential_type    TEXT NOT NULL,
  state              TEXT NOT NULL,
  joined_at          INTEGER NOT NULL,
  PRIMARY KEY (user_id, app_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX memberships_by_number ON memberships (app_id, number);
CREATE UNIQUE INDEX memberships_by_external_id ON memberships (app_id, external_id) WHERE external_id IS NOT NULL;
INSERT INTO memberships (app_id, user_id, number, roles, kind, owner_organization, external_id, app_attributes, credential_type,
  state, joined_at)
SELECT a.app_id, u.user_id, u.number, '[]', '', a.owner_organization, NULL, '', 'otp', 'active', u.created_at
FROM users u JOIN apps a ON (a.app_id = 'default' AND u.pool_id = 'main')
  OR a.app_id IN (SELECT s.app_id FROM sessions s WHERE s.user_id = u.user_id);
INSERT INTO memberships (app_id, user_id, number, roles, kind, owner_organization, external_id, app_attributes, credential_type,
  state, joined_at)
SELECT a.app_id, u.user_id, u.number, '[]', '', a.owner_organization, NULL, '', 'otp', 'active', u.created_at
FROM users u JOIN apps a ON a.pool_id = u.pool_id
WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.user_id);

ALTER TABLE challenges ADD COLUMN replaces TEXT;
ALTER TABLE challenges ADD COLUMN hook_at INTEGER;
CREATE INDEX challenges_of_changes ON challenges (user_id) WHERE purpose IS 'change_contact';

ALTER TABLE budgets ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
`;
