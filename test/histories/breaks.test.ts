import { describe, expect, it } from "vitest";
import { breakFiles } from "./breaks.js";
import { invariantNames } from "./check.js";
import { engines } from "./databases.js";

describe.each(engines)("on %s", (engine) => {
  it.each(invariantNames)("the guard of %s is where the fault that takes it out expects it", (invariant) => {
    expect(breakFiles(engine, invariant).size).toBeGreaterThan(0);
  });
});
