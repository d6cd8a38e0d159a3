import type { Migration } from "../rules/schema-version.js";
import { brakes } from "./schema/brakes.js";
import { dialectColumns } from "./schema/dialects.js";
import { directoryTables } from "./schema/directory.js";
import { forwardTables } from "./schema/forwards.js";
import { messageTables } from "./schema/messages.js";
import { notMeColumns } from "./schema/not-me.js";
import { outboxTables } from "./schema/outbox.js";
import { peopleTables } from "./schema/people.js";
import { poolColumns } from "./schema/pools.js";
import { processTables } from "./schema/processes.js";
import { routingTables } from "./schema/routing.js";
import { sessionKeyIndex } from "./schema/session-keys.js";
import { tables } from "./schema/tables.js";
import { testIdentifierColumns } from "./schema/test-identifiers.js";
import { wordColumns } from "./schema/words.js";

/** Migrations of the SQLite engine, oldest first. Each is applied once and never edited after a release. */
export const migrations: readonly Migration[] = [
  { version: 1, additive: false, sql: tables },
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
  { version: 4, additive: true, sql: directoryTables },
  { version: 5, additive: false, sql: poolColumns },
  { version: 6, additive: false, sql: peopleTables },
  { version: 7, additive: false, sql: `${outboxTables}${messageTables}${forwardTables}${brakes}` },
  { version: 8, additive: false, sql: `${wordColumns}${routingTables}${notMeColumns}${testIdentifierColumns}` },
  { version: 9, additive: true, sql: dialectColumns },
  { version: 10, additive: true, sql: `${sessionKeyIndex}${processTables}` },
];
