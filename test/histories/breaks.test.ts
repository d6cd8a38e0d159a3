import { describe, expect, it } from "vitest";
import { breakFiles, breakNames, breaksOf, brokenBy } from "./breaks.js";
import { invariantNames } from "./check.js";
import { engines } from "./databases.js";

describe.each(engines)("on %s", (engine) => {
  it.each(breaksOf(engine))("what the fault %s takes out is where it is expected", (name) => {
    expect(breakFiles(engine, name).size).toBeGreaterThan(0);
  });
  it("every invariant has a fault of its own", () => {
    expect(breaksOf(engine)).toEqual(expect.arrayContaining(invariantNames));
  });
});

it("PostgreSQL has all faults, and SQLite, where one process writes at a time, no races", () => {
  expect(new Set(breaksOf("postgres"))).toEqual(new Set(breakNames));
  expect(new Set(breaksOf("sqlite"))).toEqual(new Set(invariantNames));
  expect(brokenBy("attempt-cap-race")).toBe("attempt-cap");
});
