import { expect, it } from "vitest";
import { breakFiles } from "./breaks.js";
import { invariantNames } from "./check.js";

it.each(invariantNames)("the guard of %s is where the fault that takes it out expects it", (invariant) => {
  expect(breakFiles("sqlite", invariant).size).toBeGreaterThan(0);
});

it("an engine whose guards nobody has named can't be broken in silence", () => {
  expect(() => breakFiles("postgres", "single-use")).toThrow("nobody has said yet how to break single-use on postgres");
});
