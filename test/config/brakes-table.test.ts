import { describe, expect, it } from "vitest";
import { brakesTable } from "../../src/config/brakes-table.js";
import type { Files } from "../../src/config/setting.js";

const { paidSends } = brakesTable;
const files: Files = { readText: () => "" };

describe("a limit of the deployment", () => {
  it("is read with each of its windows", () => {
    expect(paidSends.parse("10/1m, 60/1h", "production", files)).toEqual([
      { max: 10, windowMs: 60_000 },
      { max: 60, windowMs: 3_600_000 },
    ]);
  });

  it.each([
    ["", "must have a limit in production, such as 1000/1h: raise it instead"],
    ["0/1h", "must have counts from 1 to 1000000, not 0"],
    ["1000001/1h", "must have counts from 1 to 1000000, not 1000001"],
    ["10/59s", "must have durations from 1m to 31d, not 59s"],
    ["10/32d", "must have durations from 1m to 31d, not 32d"],
    ["10/1h,20/60m", "must have one limit for each duration: remove the larger one"],
    ["unlimited", "must be limits such as 10/1m,60/1h"],
  ])("is refused in production if it is %j", (text, problem) => {
    expect(() => paidSends.parse(text, "production", files)).toThrow(problem);
  });

  it("may be missing in development only", () => {
    expect(paidSends.parse("", "development", files)).toEqual([]);
    for (const { defaults, parse } of Object.values(brakesTable)) {
      expect(parse(defaults.production!, "production", files)).not.toEqual([]);
    }
  });
});
