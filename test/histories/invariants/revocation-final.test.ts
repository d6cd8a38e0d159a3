import { describe, expect, it } from "vitest";
import type { Call } from "../history.js";
import { history, lost, notUsed, ok, refreshed, refused, revoked, signIn, used } from "./hand-written.js";
import { revocationFinal } from "./revocation-final.js";

const found = (calls: readonly Call[]) => revocationFinal(history(calls)).map(({ what }) => what);
/** Two sessions of one user, one of another. */
const signedIn = [signIn([1, 2], "s"), signIn([3, 4], "t"), signIn([5, 6], "v", { user: "w" })];

describe("revocation-final", () => {
  it("lets calls that began before the answer find the session or not", () => {
    expect(
      found([...signedIn, revoked([10, 13], "s"), used([11, 15], "s"), notUsed([12, 14], "s"), notUsed([16, 17], "s")]),
    ).toEqual([]);
  });

  it.each([
    ["its access token", used([20, 21], "s")],
    ["its refresh token", refreshed([20, 21], "s", 0)],
    ["a list", ok("list", [20, 21], { session: "t" }, { sessions: ["t", "s"] })],
    ["another revocation of it", ok("revokeSession", [20, 21], { session: "t", target: "s" }, {})],
    ["a repeat of its sign-in", signIn([20, 21], "s")],
  ])("finds %s working after a revocation was answered", (_, call) => {
    expect(found([...signedIn, revoked([10, 11], "s"), call])).toEqual(["s works after revokeToken was answered"]);
  });

  it("lets a sign-in whose twin began before the revocation's answer give the session", () => {
    const twin = { challenge: "c", key: "k" };
    const calls = [signIn([1, 2], "s", twin), signIn([3, 9], "s", twin), revoked([4, 5], "s"), signIn([6, 8], "s", twin)];
    expect(found(calls)).toEqual([]);
  });

  it("lets a lost revocation have ended nothing", () => {
    expect(found([...signedIn, lost("revokeToken", 10, { session: "s" }), used([20, 21], "s")])).toEqual([]);
  });

  it("takes the refusal of an own session that is not found for its end, and of a stranger's for nothing", () => {
    const notFound = (session: string) => refused("revokeSession", [10, 11], { session, target: "s" }, "SESSION_NOT_FOUND");
    expect(found([...signedIn, notFound("t"), used([20, 21], "s")])).toEqual(["s works after revokeSession was answered"]);
    expect(found([...signedIn, notFound("v"), used([20, 21], "s")])).toEqual([]);
  });

  it("lets RevokeOtherSessions end the user's other sessions that were there, and none else", () => {
    const revoking = ok("revokeOthers", [10, 12], { session: "s" }, {});
    const late = [signIn([11, 13], "late"), used([20, 21], "late")];
    expect(found([...signedIn, ...late, revoking, used([20, 21], "s"), used([20, 21], "v")])).toEqual([]);
    expect(found([...signedIn, revoking, used([20, 21], "t")])).toEqual(["t works after revokeOthers was answered"]);
  });

  it("lets DeleteCurrentUser end the user's sessions in the app that were there", () => {
    const deleting = ok("deleteUser", [10, 14], { session: "s" }, {});
    expect(found([...signedIn, deleting, used([20, 21], "t"), used([20, 21], "v")])).toEqual([
      "t works after deleteUser was answered",
    ]);
    const elsewhere = [signIn([5, 6], "o", { app: "other" }), used([20, 21], "o")];
    expect(found([...signedIn, ...elsewhere, deleting])).toEqual([]);
    const late = [signIn([11, 13], "late"), used([20, 21], "late")];
    expect(found([...signedIn, ...late, deleting])).toEqual([]);
  });
});
