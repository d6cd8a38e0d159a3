import { createHash } from "node:crypto";
import { redemptionFunctions } from "../redemption/effects.js";
import { attemptFunctions } from "./attempts.js";
import { budgetFunctions } from "./budgets.js";
import { contactFunctions } from "./contacts.js";
import { creationFunctions } from "./creation.js";
import { endingFunctions } from "./ending.js";
import { forwardFunctions } from "./forwards.js";
import { lockoutFunctions } from "./lockouts.js";
import { memberFunctions } from "./members.js";
import { messageFunctions } from "./messages.js";
import { notMeFunctions } from "./not-me.js";
import { outboxFunctions } from "./outbox.js";
import { sendFunctions } from "./sends.js";
import { upkeepFunctions } from "./upkeep.js";
import { userFunctions } from "./users.js";

/**
 * Writes of several steps are PL/pgSQL functions. They take one round trip, yet each statement in them sees what was committed
 * before that statement began. A single statement that waited for a lock does not. CockroachDB (from 23.2) and YugabyteDB have
 * PL/pgSQL.
 *
 * Functions are code: each program brings its own, and programs with different texts may use one database at the same time. So
 * a function's name in the database ends with `functionSetId`, a hash of all texts. The texts call each other by plain names.
 * Texts and statements name the columns that they use and no row type of a table, so that a table may get a new column.
 */
const texts = [
  userFunctions,
  budgetFunctions,
  sendFunctions,
  lockoutFunctions,
  attemptFunctions,
  endingFunctions,
  notMeFunctions,
  redemptionFunctions,
  memberFunctions,
  contactFunctions,
  creationFunctions,
  outboxFunctions,
  messageFunctions,
  forwardFunctions,
  upkeepFunctions,
].join("\n");

/** Identifies this program's texts. */
export const functionSetId = createHash("sha256").update(texts).digest("hex").slice(0, 12);

const plainNames = Array.from(texts.matchAll(/^CREATE FUNCTION (\w+)/gm), ([, name]) => name!);

/** The names of the functions in the database. */
export const functionNames: readonly string[] = plainNames.map(installedName);

/** SQL that creates or replaces all functions. */
export const createFunctions = texts
  .replaceAll(new RegExp(`\\b(?:${plainNames.join("|")})(?=\\()`, "g"), installedName)
  .replaceAll(/^CREATE FUNCTION/gm, "CREATE OR REPLACE FUNCTION");

/** Returns the name of a function in the database. Throws if no function has that plain name. */
export function functionName(plain: string): string {
  if (!plainNames.includes(plain)) throw new Error(`there is no function ${plain}`);
  return installedName(plain);
}

function installedName(plain: string): string {
  return `${plain}_${functionSetId}`;
}
