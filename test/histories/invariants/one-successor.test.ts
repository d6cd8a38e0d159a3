import { describe, expect, it } from "vitest";
import type { Call } from "../history.js";
import { history, lost, notRefreshed, refreshed, signIn, used } from "./hand-written.js";
import { oneSuccessor } from "./one-successor.js";

const found = (calls: readonly Call[], graceMs = 10_000) =>
  oneSuccessor(history(calls, { limits: { graceMs } })).map(({ what }) => what);

describe("one-successor", () => {
  it("lets racers be given the same successor, and the next one follow", () => {
    expect(found([refreshed([1, 4], "s", 0), refreshed([2, 3], "s", 0), refreshed([5, 6], "s", 1)])).toEqual([]);
  });

  it("finds two successors of one token", () => {
    const calls = [refreshed([1, 4], "s", 0, { token: "a" }), refreshed([2, 3], "s", 0, { token: "b" })];
    expect(found(calls)).toEqual(["s: generation 0 has 2 successors"]);
  });

  it("finds a token that was exchanged for another generation than the next", () => {
    expect(found([refreshed([1, 2], "s", 0, { gives: 2 })])).toEqual(["s: generation 0 became 2"]);
  });

  it("finds the exchange of an older token after a newer one was exchanged", () => {
    const calls = [refreshed([1, 2], "s", 0), refreshed([3, 4], "s", 1), refreshed([5, 6], "s", 0)];
    expect(found(calls)).toEqual(["s: generation 0 was exchanged after 1 was"]);
  });

  it("lets an older token be exchanged while the exchange of a newer one is under way or was lost", () => {
    expect(found([refreshed([1, 2], "s", 0), refreshed([3, 6], "s", 1), refreshed([4, 5], "s", 0)])).toEqual([]);
    const unseen = lost("refresh", 3, { session: "s", generation: 1, key: null });
    expect(found([refreshed([1, 2], "s", 0), unseen, refreshed([4, 5], "s", 0)])).toEqual([]);
  });

  it("finds a token exchanged twice without a grace, unless the calls are twins or overlap", () => {
    const again = ["s: generation 0 was exchanged after 0 was"];
    expect(found([refreshed([1, 2], "s", 0), refreshed([3, 4], "s", 0)], 0)).toEqual(again);
    expect(found([refreshed([1, 2], "s", 0, { key: "k" }), refreshed([3, 4], "s", 0, { key: "l" })], 0)).toEqual(again);
    expect(found([refreshed([1, 2], "s", 0, { key: "k" }), refreshed([3, 4], "s", 0, { key: "k" })], 0)).toEqual([]);
    expect(found([refreshed([1, 3], "s", 0), refreshed([2, 4], "s", 0)], 0)).toEqual([]);
    const unseen = lost("refresh", 1, { session: "s", generation: 0, key: "l" });
    expect(found([unseen, refreshed([1, 2], "s", 0), refreshed([3, 4], "s", 0, { key: "l" })], 0)).toEqual([]);
  });

  it("finds whatever works after a reuse was answered, and nothing that began before", () => {
    const reused = notRefreshed([5, 8], "s", 0, "REFRESH_TOKEN_REUSED");
    expect(found([reused, used([7, 9], "s"), refreshed([6, 7], "s", 2)])).toEqual([]);
    expect(found([reused, used([9, 10], "s")])).toEqual(["s works after its token was reused"]);
    expect(found([reused, refreshed([9, 10], "s", 2)])).toEqual(["s works after its token was reused"]);
    expect(found([reused, signIn([9, 10], "s")])).toEqual(["s works after its token was reused"]);
    expect(found([reused, used([9, 10], "another")])).toEqual([]);
  });

  it("finds a token that was given and is not known any more", () => {
    const calls = [refreshed([1, 2], "s", 0), notRefreshed([3, 4], "s", 1, "SESSION_LOST")];
    expect(found(calls)).toEqual(["s: generation 1 is forgotten"]);
  });
});
