import { describe, expect, it } from "vitest";
import type { Call } from "../history.js";
import { history, lost, notRefreshed, notUsed, ok, refreshed, refused, revoked, signIn, used } from "./hand-written.js";
import { oneOrder } from "./one-order.js";

const fits = (calls: readonly Call[], graceMs = 10_000) => oneOrder(history(calls, { limits: { graceMs } })).length === 0;
const begun = signIn([1, 2], "s");
const unseenRevocation = (invoked: number) => lost("revokeToken", invoked, { session: "s" });
const unseenRefresh = (invoked: number, key: string | null = null) =>
  lost("refresh", invoked, { session: "s", generation: 0, key });

describe("one-order", () => {
  it("orders racing calls by what they saw", () => {
    expect(fits([begun, notUsed([3, 9], "s"), used([4, 8], "s"), revoked([5, 7], "s"), refreshed([6, 10], "s", 0)])).toBe(true);
  });

  it("finds a session that ends without a cause", () => {
    expect(fits([begun, notUsed([3, 4], "s")])).toBe(false);
    expect(fits([begun, notRefreshed([3, 4], "s", 0, "SESSION_ENDED")])).toBe(false);
    expect(fits([begun, notUsed([3, 4], "s"), revoked([5, 6], "s")])).toBe(false);
  });

  it("lets a lost call have its effect at any later time, once, or never", () => {
    expect(fits([begun, unseenRevocation(3), used([4, 5], "s")])).toBe(true);
    expect(fits([begun, unseenRevocation(3), used([4, 5], "s"), notUsed([6, 7], "s")])).toBe(true);
    expect(fits([begun, unseenRevocation(3), notUsed([4, 5], "s"), used([6, 7], "s")])).toBe(false);
  });

  it("finds a session that comes back", () => {
    expect(fits([begun, revoked([3, 8], "s"), notUsed([4, 5], "s"), used([6, 7], "s")])).toBe(false);
  });

  it("finds an exchange that was answered and is lost again", () => {
    expect(fits([begun, refreshed([3, 4], "s", 0), notRefreshed([5, 6], "s", 1, "REFRESH_TOKEN_REUSED")])).toBe(false);
    expect(fits([begun, refreshed([3, 4], "s", 0), signIn([5, 6], "s", { challenge: "challenge of s", key: "k" })])).toBe(
      false,
    );
  });

  it("takes an older token for reused, and the predecessor only where the clock may say so", () => {
    const reused = notRefreshed([7, 8], "s", 0, "REFRESH_TOKEN_REUSED");
    expect(fits([begun, refreshed([3, 4], "s", 0), refreshed([5, 6], "s", 1), reused])).toBe(true);
    expect(fits([begun, refreshed([3, 4], "s", 0), reused])).toBe(false);
    expect(fits([begun, refreshed([3, 4], "s", 0), reused], 0)).toBe(true);
    expect(fits([begun, reused], 0)).toBe(false);
  });

  it("lets a lost exchange have made the successor, or have ended the session by its reuse", () => {
    const reused = notRefreshed([7, 8], "s", 0, "REFRESH_TOKEN_REUSED");
    expect(fits([begun, unseenRefresh(3), reused], 0)).toBe(true);
    expect(fits([begun, refreshed([3, 4], "s", 0), unseenRefresh(5), notUsed([7, 8], "s")], 0)).toBe(true);
    expect(fits([begun, refreshed([3, 4], "s", 0, { key: "k" }), unseenRefresh(5, "k"), notUsed([7, 8], "s")], 0)).toBe(false);
  });

  it("lets a call that ends another session look at its own token at another moment", () => {
    const revoking = ok("revokeSession", [5, 9], { session: "s", target: "t" }, {});
    expect(fits([begun, signIn([3, 4], "t"), revoking, revoked([6, 7], "s"), used([8, 10], "t")])).toBe(true);
    expect(fits([begun, signIn([3, 4], "t"), revoked([5, 6], "s"), { ...revoking, invoked: 7 }])).toBe(false);
  });

  it("finds a session that is missing in a list, or revoked without being there", () => {
    const list = ok("list", [5, 6], { session: "s" }, { sessions: ["s"] });
    expect(fits([begun, signIn([3, 4], "t"), list])).toBe(false);
    expect(fits([begun, signIn([3, 7], "t"), list])).toBe(true);
    const missing = refused("revokeSession", [5, 6], { session: "s", target: "t" }, "SESSION_NOT_FOUND");
    expect(fits([begun, signIn([3, 4], "t"), missing])).toBe(false);
    expect(fits([begun, signIn([3, 4], "t", { user: "w" }), missing])).toBe(true);
  });

  it("finds a caller whose own session RevokeOtherSessions ended", () => {
    const revoking = ok("revokeOthers", [5, 6], { session: "s" }, {});
    expect(fits([begun, signIn([3, 4], "t"), revoking, notUsed([7, 8], "t"), used([7, 8], "s")])).toBe(true);
    expect(fits([begun, revoking, notUsed([7, 8], "s")])).toBe(false);
  });
});
