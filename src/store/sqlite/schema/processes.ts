/**
 * processes: those that serve this database. Ids of keys and addresses are separated by spaces; master_key and pepper are the keys that
 * the process writes with. key_checks.is_current: 1 for the key of new data, at most one of each use.
 */
export const processTables = `
ALTER TABLE key_checks ADD COLUMN is_current INTEGER NOT NULL DEFAULT 0;
CREATE TABLE processes (
  process_id  TEXT PRIMARY KEY,
  host        TEXT NOT NULL,
  pid         INTEGER NOT NULL,
  addresses   TEXT NOT NULL,
  version     TEXT NOT NULL,
  master_keys TEXT NOT NULL,
  peppers     TEXT NOT NULL,
  master_key  TEXT NOT NULL,
  pepper      TEXT NOT NULL,
  started_at  INTEGER NOT NULL,
  seen_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;
