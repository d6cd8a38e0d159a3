import { createHash } from "node:crypto";
import { redemptionFunctions } from "../redemption/effects.js";
import { attemptFunctions } from "./attempts.js";
import { budgetFunctions } from "./budgets.js";
import { outboxFunctions } from "./outbox.js";
import { sendFunctions } from "./sends.js";
import { upkeepFunctions } from "./upkeep.js";
import { userFunctions } from "./users.js";

/**
 * Writes of several steps are PL/pgSQL functions: one round trip, while each statement in them still sees what was committed before
 * it began, which a single statement after a wait for a lock does not. CockroachDB (from 23.2) and YugabyteDB have PL/pgSQL.
 *
 * Functions are code: each program brings its own, and programs with different texts use one database at the same time. In the
 * database a function's name therefore ends with `functionSetId`, a hash of all texts. The texts call each other by plain names.
 * Texts and statements name the columns that they use and no row type of a table, so that a table may get a column under them.
 */
const texts = [
  budgetFunctions,
  sendFunctions,
  attemptFunctions,
  redemptionFunctions,
  userFunctions,
  outboxFunctions,
  upkeepFunctions,
].join("\n");

/** Names this program's texts. */
export const functionSetId = createHash("sha256").update(texts).digest("hex").slice(0, 12);

const plainNames = Array.from(texts.matchAll(/^CREATE FUNCTION (\w+)/gm), ([, name]) => name!);

/** What functions are called in the database. */
export const functionNames: readonly string[] = plainNames.map(installedName);

/** Creates the functions, those that are there included. */
export const createFunctions = texts
  .replaceAll(new RegExp(`\\b(?:${plainNames.join("|")})(?=\\()`, "g"), installedName)
  .replaceAll(/^CREATE FUNCTION/gm, "CREATE OR REPLACE FUNCTION");

/** What a function is called in the database. Throws if there is none of that plain name. */
export function functionName(plain: string): string {
  if (!plainNames.includes(plain)) throw new Error(`there is no function ${plain}`);
  return installedName(plain);
}

function installedName(plain: string): string {
  return `${plain}_${functionSetId}`;
}
