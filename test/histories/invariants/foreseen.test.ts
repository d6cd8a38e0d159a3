import { expect, it } from "vitest";
import { foreseen } from "./foreseen.js";
import { history, lost, refused } from "./hand-written.js";

const action = { session: "s" };

it("foreseen finds internal errors, and lets a database be busy and an answer be lost", () => {
  const failed = (reason: string) => ({ ...lost("use", 1, action), answer: { kind: "unknown" as const, reason } });
  const right = [lost("use", 1, action), failed("UNAVAILABLE"), refused("use", [1, 2], action, "TOKEN_INVALID")];
  expect(foreseen(history(right))).toEqual([]);
  expect(foreseen(history([...right, failed("INTERNAL")])).map(({ what }) => what)).toEqual(["internal errors of use"]);
});
