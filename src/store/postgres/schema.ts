import { budgetFunctions } from "./functions/budgets.js";
import { endingFunctions } from "./functions/endings.js";
import { sendFunctions } from "./functions/sends.js";
import { upkeepFunctions } from "./functions/upkeep.js";
import { redemptionFunctions } from "./redemption/effects.js";
import { moveTable } from "./schema/move.js";
import { tables } from "./schema/tables.js";

/**
 * Migrations of the PostgreSQL engine's tables, oldest first, applied once each and never edited after a release. A change of a
 * function needs a new migration too, if only an empty one: the functions are replaced with the newest.
 */
export const migrations: readonly { readonly version: number; readonly sql: string }[] = [
  { version: 1, sql: tables },
  { version: 2, sql: moveTable },
  {
    version: 3,
    // A user's challenges are found by the user's contacts, which those without a user have too.
    sql: `
DROP FUNCTION IF EXISTS add_first_key(JSONB);
DROP INDEX challenges_by_user;
CREATE INDEX challenges_by_contact ON challenges (contact_value, contact_kind);
`,
  },
];

/**
 * Writes of several steps are PL/pgSQL functions: one round trip, while each statement in them still sees what was committed before
 * it began, which a single statement after a wait for a lock does not. CockroachDB (from 23.2) and YugabyteDB have PL/pgSQL; what
 * they may lack of it are variables of row types, which most functions have.
 */
export const functions: string = [budgetFunctions, sendFunctions, redemptionFunctions, endingFunctions, upkeepFunctions].join(
  "\n",
);
