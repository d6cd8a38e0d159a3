import { describe, expect, it } from "vitest";
import type { Call, Limits } from "../history.js";
import { budgets } from "./budgets.js";
import { history, lost, resent, sent, signIn, wrong } from "./hand-written.js";

const found = (calls: readonly Call[], limits: Partial<Limits> = {}, mismatches = {}) =>
  budgets(history(calls, { limits, mismatches })).map(({ what }) => what);
const few = { sendsPerRequester: 2, sendsPerIdentifier: 3, livePerRequester: 99, livePerIdentifier: 99 };
const many = { sendsPerRequester: 99, sendsPerIdentifier: 99 };

describe("budgets", () => {
  it("finds more sends of a requester, resends included, than allowed", () => {
    expect(found([sent([1, 2], "c"), resent([3, 4], "c")], few)).toEqual([]);
    expect(found([sent([1, 2], "c"), resent([3, 4], "c"), sent([5, 6], "d")], few)).toEqual([
      "a@example.com from r: 3 sends at once, at most 2",
    ]);
  });

  it("finds more sends to an identifier than allowed, whoever asked", () => {
    const calls = ["r", "q", "p", "o"].map((requester, n) => sent([n, n + 9], `c${n}`, { requester }));
    expect(found(calls.slice(1), few)).toEqual([]);
    expect(found(calls, few)).toEqual(["a@example.com: 4 sends at once, at most 3"]);
  });

  it("counts calls with one idempotency key once, and lost ones not", () => {
    const twins = [sent([1, 2], "c", { key: "k" }), sent([1, 3], "c", { key: "k" }), sent([4, 5], "c", { key: "k" })];
    const unseen = { app: "default", identifier: "a@example.com", requester: "r", purpose: "login", key: null } as const;
    expect(found([...twins, lost("send", 1, unseen), sent([6, 7], "d")], few)).toEqual([]);
    const again = [resent([8, 9], "c", { key: "l" }), resent([8, 9], "c", { key: "l" })];
    expect(found([sent([1, 2], "c"), ...again], few)).toEqual([]);
  });

  it("finds two challenges that one idempotency key made", () => {
    const calls = [sent([1, 2], "c", { key: "k" }), sent([1, 3], "d", { key: "k" })];
    expect(found(calls)).toEqual(["a@example.com: 2 challenges for one idempotency key"]);
    expect(found([calls[0]!, sent([1, 3], "d", { key: "k", purpose: "registration" })])).toEqual([]);
  });

  it("counts no send that a redemption, answered or lost, may have given back", () => {
    const two = [sent([1, 2], "c"), sent([3, 4], "d")];
    const buying = { challenge: "c", right: true, requester: "r", key: null };
    expect(found([...two, signIn([5, 6], "s", { challenge: "c" }), sent([7, 8], "e")], few)).toEqual([]);
    expect(found([...two, lost("verify", 5, buying), sent([7, 8], "e")], few)).toEqual([]);
    expect(found([...two, sent([7, 8], "e"), signIn([9, 10], "s", { challenge: "c" })], few)).toHaveLength(1);
  });

  it("finds more sends of a challenge than its cap", () => {
    const times = (count: number) => Array.from({ length: count }, (_, n) => resent([n + 3, n + 4], "c"));
    expect(found([sent([1, 2], "c"), ...times(4)], many)).toEqual([]);
    expect(found([sent([1, 2], "c"), ...times(5)], many)).toEqual(["c: 6 sends at once, at most 5"]);
  });

  it("finds more live challenges than allowed, until one of the siblings may have been redeemed", () => {
    const live = { ...many, livePerRequester: 1 };
    const two = [sent([1, 2], "c"), sent([3, 6], "d")];
    expect(found(two, live)).toEqual(["a@example.com for login from r: 2 live challenges at once, at most 1"]);
    expect(found([...two, signIn([5, 9], "s", { challenge: "c" })], live)).toEqual([]);
    const other = sent([1, 2], "e", { purpose: "registration" });
    expect(found([...two, other, signIn([5, 9], "s", { challenge: "e" })], live)).toEqual([]);
    expect(found([two[0]!, sent([3, 4], "d", { purpose: "registration" })], live)).toEqual([]);
    expect(found([two[0]!, sent([3, 4], "d", { requester: "q" })], live)).toEqual([]);
  });

  it("finds more challenges of an identifier than allowed, also when some may have been redeemed", () => {
    const limits = { ...many, livePerIdentifier: 2 };
    const calls = ["r", "q", "p"].map((requester, n) => sent([2 * n + 10, 2 * n + 11], `c${n}`, { requester }));
    const buying = signIn([12, 13], "s", { challenge: "c0" });
    expect(found([...calls.slice(0, 2), buying], limits)).toEqual([]);
    expect(found([...calls, buying], limits)).toEqual(["a@example.com for login: 3 challenges at once, at most 2"]);
  });

  it("finds two sends that are certainly closer than the cooldown", () => {
    const limits = { ...many, cooldownMsMin: 10 };
    expect(found([sent([1, 2], "c"), sent([3, 10], "d")], limits)).toEqual(["a@example.com from r: two sends within 9 ms"]);
    expect(found([sent([1, 2], "c"), sent([3, 11], "d")], limits)).toEqual([]);
    expect(found([sent([1, 2], "c"), sent([3, 10], "d", { requester: "q" })], limits)).toEqual([]);
  });

  it("takes a send that is told of for the second time to have been at the first", () => {
    const unseen = { app: "default", identifier: "a@example.com", requester: "r", purpose: "login", key: "k" } as const;
    const calls = [lost("send", 1, unseen), sent([15, 16], "c", { key: "k" }), sent([17, 18], "d")];
    expect(found(calls, { ...many, cooldownMsMin: 10 })).toEqual([]);
  });

  it("finds more comparisons of an identifier's challenges than allowed", () => {
    const sends = [sent([1, 2], "c"), sent([3, 4], "d"), sent([5, 6], "e")];
    const guesses = ["c", "d", "e"].map((challenge) => wrong([7, 8], challenge));
    const own = [...sends, ...guesses];
    expect(found(own, many, { c: 5, d: 4, e: 1 })).toEqual([]);
    expect(found(own, many, { c: 5, d: 4, e: 2 })).toEqual(["a@example.com: 11 wrong guesses were compared"]);
    const others = [...own, wrong([7, 8], "c", "q"), wrong([7, 8], "d", "p")];
    expect(found(others, many, { c: 5, d: 5, e: 10 })).toEqual([]);
    expect(found(others, many, { c: 5, d: 5, e: 11 })).toEqual(["a@example.com: 21 wrong guesses were compared"]);
  });
});
