import { describe, expect, it } from "vitest";
import type { Call } from "../history.js";
import { history, lost, ok, refused, sent, signIn } from "./hand-written.js";
import { singleUse } from "./single-use.js";

const found = (calls: readonly Call[]) => singleUse(history(calls)).map(({ what }) => what);
const right = (key: string | null = null) => ({ challenge: "c", right: true, requester: "r", key });

describe("single-use", () => {
  it("lets one of two racing callers buy", () => {
    expect(found([signIn([1, 4], "s", { challenge: "c" }), refused("verify", [2, 3], right(), "CODE_INVALID")])).toEqual([]);
  });

  it("lets callers with one idempotency key be told of one session", () => {
    const twin = { challenge: "c", key: "k" };
    expect(found([signIn([1, 4], "s", twin), signIn([2, 3], "s", twin), signIn([5, 6], "s", twin)])).toEqual([]);
  });

  it("lets a lost call have bought: all others are refused", () => {
    expect(found([lost("verify", 1, right()), refused("verify", [2, 3], right(), "CODE_INVALID")])).toEqual([]);
  });

  it("finds a challenge that two callers without key bought", () => {
    const calls = [signIn([1, 4], "s", { challenge: "c" }), signIn([2, 3], "t", { challenge: "c" })];
    expect(found(calls)).toEqual(["c bought 2 times"]);
  });

  it("finds callers with different keys that were told of the same session", () => {
    const calls = [signIn([1, 4], "s", { challenge: "c", key: "k" }), signIn([2, 3], "s", { challenge: "c", key: "l" })];
    expect(found(calls)).toEqual(["c bought 2 times"]);
  });

  it("finds twins that were told of two sessions", () => {
    const calls = [signIn([1, 4], "s", { challenge: "c", key: "k" }), signIn([2, 3], "t", { challenge: "c", key: "k" })];
    expect(found(calls)).toEqual(["c bought 2 sessions"]);
  });

  it("finds a session that two challenges bought", () => {
    const calls = [signIn([1, 2], "s", { challenge: "c" }), signIn([3, 4], "s", { challenge: "d" })];
    expect(found(calls)).toEqual(["c and d bought the same session"]);
  });

  it("finds a wrong code that bought", () => {
    const guess = { challenge: "c", right: false, requester: "r", key: null };
    expect(found([ok("verify", [1, 2], guess, { session: "s", user: "u", app: "default", isNewUser: false })])).toEqual([
      "a wrong code bought c",
    ]);
  });

  it.each(["login", "registration"] as const)("finds a sibling for %s that was bought after a login was", (purpose) => {
    const calls = [
      sent([1, 2], "c"),
      sent([3, 4], "d", { purpose }),
      signIn([5, 6], "s", { challenge: "c" }),
      signIn([7, 8], "t", { challenge: "d" }),
    ];
    expect(found(calls)).toEqual(["d was bought after its sibling c"]);
  });

  it.each([
    ["of another identifier", sent([3, 4], "d", { identifier: "b@example.com" }), signIn([8, 9], "t", { challenge: "d" })],
    ["that may have been issued later", sent([3, 6], "d"), signIn([8, 9], "t", { challenge: "d" })],
    ["that may have been bought earlier", sent([3, 4], "d"), signIn([5, 9], "t", { challenge: "d" })],
  ])("lets a challenge be bought %s", (_, issue, purchase) => {
    expect(found([sent([1, 2], "c"), issue, signIn([5, 7], "s", { challenge: "c" }), purchase])).toEqual([]);
  });

  it("lets the purchase of a sibling be told again", () => {
    const twin = { challenge: "d", key: "k" };
    const calls = [sent([1, 2], "c"), sent([3, 4], "d"), lost("verify", 5, right("k"))].concat(
      lost("verify", 5, { challenge: "d", right: true, requester: "r", key: "k" }),
      signIn([6, 7], "s", { challenge: "c" }),
      signIn([8, 9], "t", twin),
    );
    expect(found(calls)).toEqual([]);
  });
});
