import pg from "pg";
import type { Invariant } from "./check.js";

/**
 * Faults that are right with one caller at a time: a function of PostgreSQL, which must lock rows while it reads them, reads them
 * without. SQLite locks no rows, because one process writes at a time.
 */
const races = {
  "single-use-race": { breaks: "single-use", unlocks: "redeem_challenge" },
  "attempt-cap-race": { breaks: "attempt-cap", unlocks: "take_attempt" },
  "budgets-race": { breaks: "budgets", unlocks: "spend_budgets" },
} as const satisfies Record<string, { readonly breaks: Invariant; readonly unlocks: string }>;

export type Race = keyof typeof races;

export const raceNames = Object.keys(races) as Race[];

export function isRace(name: string): name is Race {
  return name in races;
}

export function brokenByRace(name: Race): Invariant {
  return races[name].breaks;
}

/**
 * Lets a race in: replaces the function in a database that was made before, for all servers on it. Throws if there is no such
 * function, more than one, or none that locks rows: a fault that is not planted would be searched for in vain.
 */
export async function plantRace(databaseUrl: string, name: Race): Promise<void> {
  const { unlocks } = races[name];
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    // Names carry a hash of the text at their end.
    const { rows } = await client.query<{ text: string }>(
      "SELECT pg_get_functiondef(oid) AS text FROM pg_proc WHERE proname ~ ('^' || $1 || '(_[0-9a-f]+)?$')",
      [unlocks],
    );
    const unlocked = rows.map(({ text }) => text.replaceAll(/\s+FOR UPDATE\b/g, ""));
    if (unlocked.length !== 1 || unlocked[0] === rows[0]!.text) {
      throw new Error(`the database has ${rows.length} functions ${unlocks}, not 1 that locks rows`);
    }
    await client.query(unlocked[0]!);
  } finally {
    await client.end();
  }
}
