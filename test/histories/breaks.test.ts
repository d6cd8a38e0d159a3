import { expect, it } from "vitest";
import { openStore } from "../../src/store/open.js";
import { query, testDatabases, urlOf } from "../support/postgres.js";
import { breakNames, breaksOf, brokenBy, plantInDatabase } from "./breaks.js";
import { invariantNames } from "./check.js";
import { engines } from "./databases.js";
import { raceNames } from "./races.js";

const databases = testDatabases();

it.each(engines)("every invariant has a fault of its own on %s", (engine) => {
  expect(breaksOf(engine)).toEqual(expect.arrayContaining(invariantNames));
  expect(invariantNames.map(brokenBy)).toEqual(invariantNames);
});

it("PostgreSQL has all faults, and SQLite, where one process writes at a time, no races", () => {
  expect(new Set(breaksOf("postgres"))).toEqual(new Set(breakNames));
  expect(new Set(breaksOf("sqlite"))).toEqual(new Set(invariantNames));
  expect(brokenBy("attempt-cap-race")).toBe("attempt-cap");
});

it.each(raceNames)("the race %s changes one function in the database and leaves all others", async (name) => {
  const location = await databases.create();
  await (await openStore(location, { inFlight: () => 0 })).close();
  const functions = async () =>
    await query<{ oid: number; text: string }>(
      location,
      `SELECT oid, pg_get_functiondef(oid) AS text FROM pg_proc
      WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' ORDER BY oid`,
    );
  const before = await functions();
  await plantInDatabase(urlOf(location), name);
  const after = await functions();
  expect(after.map(({ oid }) => oid)).toEqual(before.map(({ oid }) => oid));
  expect(after.filter(({ text }, n) => text !== before[n]!.text)).toHaveLength(1);
  await expect(plantInDatabase(urlOf(location), name)).rejects.toThrow("not 1 that locks rows");
});
