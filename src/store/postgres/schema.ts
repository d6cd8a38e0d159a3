import type { Migration } from "../rules/schema-version.js";
import { brakes } from "./schema/brakes.js";
import { churnSettings } from "./schema/churn.js";
import { dialectColumns } from "./schema/dialects.js";
import { directoryTables } from "./schema/directory.js";
import { forwardTables } from "./schema/forwards.js";
import { messageTables } from "./schema/messages.js";
import { moveTable } from "./schema/move.js";
import { notMeColumns } from "./schema/not-me.js";
import { outboxTables } from "./schema/outbox.js";
import { people } from "./schema/people.js";
import { poolColumns } from "./schema/pools.js";
import { processTables } from "./schema/processes.js";
import { routingTables } from "./schema/routing.js";
import { sessionKeyIndex } from "./schema/session-keys.js";
import { tables } from "./schema/tables.js";
import { testIdentifierColumns } from "./schema/test-identifiers.js";
import { wordColumns } from "./schema/words.js";

/** Migrations of the PostgreSQL engine's tables, oldest first. Each is applied once and never edited after a release. */
export const migrations: readonly Migration[] = [
  { version: 1, additive: false, sql: tables },
  { version: 2, additive: false, sql: moveTable },
  {
    version: 3,
    additive: false,
    // The functions of earlier programs had no hash in their names.
    // oldest_program: the schema version of the oldest program that may write once the row's migration is applied.
    // A user's challenges are found by the user's contacts. Challenges without a user have contacts too.
    sql: `
DROP FUNCTION IF EXISTS budget_charges, budget_refused_until, budgets_refused_until, budget_expiry, spend_budgets, give_back, is_live,
  replayed_challenges, claim_call, places_free_at, prepare_send, issue_challenges, resend_challenge, take_attempt, end_sessions,
  lock_challenge, find_or_make_user, redeem_challenge, delete_user, contacts_of, settle_messages, add_first_key, add_key_if_newest, sweep;

-- The functions of each program that uses this database. Their names end with set_id. A process last used them at used_at.
CREATE TABLE function_sets (
  set_id  TEXT COLLATE "C" PRIMARY KEY,
  used_at BIGINT NOT NULL
);
ALTER TABLE schema_migrations ADD COLUMN oldest_program INTEGER;

DROP INDEX challenges_by_user;
CREATE INDEX challenges_by_contact ON challenges (contact_value, contact_kind);
`,
  },
  { version: 4, additive: true, sql: directoryTables },
  { version: 5, additive: false, sql: poolColumns },
  { version: 6, additive: false, sql: people },
  { version: 7, additive: false, sql: `${outboxTables}${messageTables}${forwardTables}${brakes}` },
  { version: 8, additive: false, sql: `${wordColumns}${routingTables}${notMeColumns}${testIdentifierColumns}` },
  { version: 9, additive: true, sql: dialectColumns },
  { version: 10, additive: true, sql: `${sessionKeyIndex}${churnSettings}${processTables}` },
];
