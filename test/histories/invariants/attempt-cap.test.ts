import { describe, expect, it } from "vitest";
import type { Call } from "../history.js";
import { attemptCap } from "./attempt-cap.js";
import { history, lost, refused, signIn, wrong } from "./hand-written.js";

const found = (calls: readonly Call[], compared = 0) =>
  attemptCap(history(calls, { mismatches: { c: compared } })).map(({ what }) => what);
const wrongs = (count: number, at: readonly [number, number] = [1, 2]) => Array.from({ length: count }, () => wrong(at, "c"));
const guess = { challenge: "c", right: false, requester: "r", key: null };

describe("attempt-cap", () => {
  it("lets a right code work after four wrong ones", () => {
    expect(found([...wrongs(4), signIn([3, 4], "s", { challenge: "c" })], 4)).toEqual([]);
  });

  it("finds a right code that works after five wrong ones", () => {
    expect(found([...wrongs(5), signIn([3, 4], "s", { challenge: "c" })])).toEqual(["c was bought after 5 wrong guesses"]);
  });

  it("counts no guess that may have come after the right one", () => {
    expect(found([...wrongs(4), ...wrongs(3, [2, 4]), signIn([3, 5], "s", { challenge: "c" })])).toEqual([]);
  });

  it("counts no guess that was lost or refused for another reason", () => {
    const others = [lost("verify", 1, guess), refused("verify", [1, 2], guess, "TOO_MANY_REQUESTS")];
    expect(found([...wrongs(4), ...others, signIn([3, 4], "s", { challenge: "c" })])).toEqual([]);
  });

  it("lets a purchase that a lost twin made before the wrong guesses be told after them", () => {
    const bought = lost("verify", 1, { challenge: "c", right: true, requester: "r", key: "k" });
    expect(found([bought, ...wrongs(5, [2, 3]), signIn([4, 5], "s", { challenge: "c", key: "k" })])).toEqual([]);
  });

  it("finds more comparisons than the cap over all processes, the right one included", () => {
    expect(found(wrongs(9), 5)).toEqual([]);
    expect(found(wrongs(9), 6)).toEqual(["c: 6 guesses were compared"]);
    expect(found([...wrongs(9, [1, 9]), signIn([1, 2], "s", { challenge: "c" })], 5)).toEqual(["c: 6 guesses were compared"]);
  });
});
