import { expect, it } from "vitest";
import type { BudgetCharge } from "../../../src/store/port/budgets.js";
import {
  attemptOf,
  budgetOf,
  bytes,
  chargeOf,
  day,
  expectKind,
  issue,
  minute,
  redeem,
  type Scene,
  t0,
  times,
} from "./fixtures.js";

const counted = (name: string, max = 1_000): BudgetCharge => ({ ...chargeOf(name, max), countsFailures: true });
const onlyCounts = (name: string): BudgetCharge => ({ key: bytes(name), limits: [], countsFailures: true });

/** Consecutive failures, and what is forgiven. */
export function failures(scene: Scene): void {
  const count = async (name: string, now = t0) => (await scene.store.budgets.countFailures({ keys: [bytes(name)], now }))[0];

  async function guess(charges: Partial<Parameters<typeof attemptOf>[1]>, now = t0): Promise<number> {
    const challenge = await issue(scene.store, {}, { now });
    const taken = await scene.store.challenges.takeAttempt(attemptOf(challenge, { now, ...charges }));
    return expectKind(taken, "taken").failures;
  }

  it("each guess says how many failed before it, counted by the identifier's budget", async () => {
    for (const before of [0, 1, 2]) expect(await guess({ identifier: counted("a") })).toBe(before);
    expect(await guess({ identifier: counted("b") })).toBe(0);
    expect(await guess({ identifier: chargeOf("c", 10) })).toBe(0);
    const keys = ["a", "b", "c", "nothing"].map((name) => bytes(name));
    expect(await scene.store.budgets.countFailures({ keys, now: t0 })).toEqual([3, 1, 0, 0]);
  });

  it("a charge without limits counts and spends nothing of its budget", async () => {
    const { store } = scene;
    await guess({ identifier: counted("contact", 2) });
    const before = await budgetOf(store, bytes("contact"), t0 + 1);
    expect(before.spent).toEqual([t0]);
    for (const failed of [1, 2, 3]) expect(await guess({ contact: onlyCounts("contact") }, t0 + 1)).toBe(failed);
    expect(await budgetOf(store, bytes("contact"), t0 + 1)).toEqual(before);
    expect(await guess({ contact: onlyCounts("unseen") })).toBe(0);
    expect(await budgetOf(store, bytes("unseen"), t0)).toEqual({ spent: [], holdUntil: null });
    expect(await count("unseen")).toBe(1);
  });

  it("a refused guess counts nothing", async () => {
    const { store } = scene;
    expect(await guess({ identifier: counted("a", 1) })).toBe(0);
    const challenge = await issue(store);
    const limited = attemptOf(challenge, { identifier: counted("a", 1), contact: onlyCounts("b"), now: t0 });
    expectKind(await store.challenges.takeAttempt(limited), "limited");
    const foreign = attemptOf(challenge, { identifier: counted("c"), contact: onlyCounts("b"), clientId: "other", now: t0 });
    expectKind(await store.challenges.takeAttempt(foreign), "refused");
    expect([await count("a"), await count("b"), await count("c")]).toEqual([1, 0, 0]);
  });

  it("a redemption that gives its unit back ends the count, also of a charge without limits", async () => {
    const { store } = scene;
    for (const now of times(3, (n) => t0 + n)) await guess({ identifier: counted("a", 60), contact: onlyCounts("b") }, now);
    const challenge = await issue(store);
    const now = t0 + minute;
    await store.challenges.takeAttempt(attemptOf(challenge, { identifier: counted("a", 60), contact: onlyCounts("b"), now }));
    const returns = ["a", "b"].map((name) => ({ key: bytes(name), spentAt: now }));
    await redeem(store, challenge.challengeId, { returns, now });
    expect([await count("a", now), await count("b", now)]).toEqual([0, 0]);
    expect((await budgetOf(store, bytes("a"), now)).spent).toEqual([t0, t0 + 1, t0 + 2]);
    expect(await guess({ identifier: counted("a", 60), contact: onlyCounts("b") }, now)).toBe(0);
  });

  it("failures are forgotten 30 days after the last one, whether or not they are swept", async () => {
    const { store } = scene;
    await guess({ identifier: counted("a") });
    await guess({ identifier: counted("a") }, t0 + 29 * day);
    expect(await count("a", t0 + 58 * day)).toBe(2);
    await store.upkeep.sweep({ now: t0 + 58 * day, limit: 1_000 });
    expect(await count("a", t0 + 58 * day)).toBe(2);
    expect(await guess({ identifier: counted("a") }, t0 + 60 * day)).toBe(0);
    await store.upkeep.sweep({ now: t0 + 100 * day, limit: 1_000 });
    expect(await count("a", t0 + 60 * day)).toBe(0);
  });

  it.each(["identifier", "contact"] as const)(
    "a requester adds its share to the count of the %s and keeps it no longer",
    async (counting) => {
      const { store } = scene;
      const by = (requester: string, now: number) =>
        guess(
          {
            userRequester: { ...chargeOf(requester, 1_000), failuresShare: 3 },
            ...(counting === "identifier" ? { identifier: counted("a") } : { contact: onlyCounts("a") }),
          },
          now,
        );
      expect([await by("one", t0), await by("one", t0 + 1), await by("one", t0 + 2)]).toEqual([0, 1, 2]);
      for (const later of times(9, (n) => t0 + (n + 1) * 3 * day)) expect(await by("one", later)).toBe(3);
      expect([await count("a", t0 + 29 * day), await count("one", t0 + 29 * day)]).toEqual([3, 12]);
      await store.upkeep.sweep({ now: t0 + 29 * day, limit: 1_000 });
      expect(await by("one", t0 + 31 * day)).toBe(0);
      expect(await count("a", t0 + 31 * day)).toBe(0);
      expect([await by("another", t0 + 31 * day), await by("another", t0 + 31 * day)]).toEqual([0, 1]);
      expect(await count("a", t0 + 31 * day)).toBe(2);
      expect([await by("one", t0 + 62 * day), await by("one", t0 + 62 * day)]).toEqual([0, 1]);
    },
  );

  it("a redemption ends the count of its requester, and that of no other", async () => {
    const { store } = scene;
    const own = (name: string) => ({ ...chargeOf(name, 1_000), failuresShare: 2 });
    for (const name of ["one", "one", "one", "another"]) await guess({ userRequester: own(name), identifier: counted("a") });
    const challenge = await issue(store);
    await store.challenges.takeAttempt(attemptOf(challenge, { userRequester: own("one"), identifier: counted("a") }));
    const returns = ["one", "a"].map((name) => ({ key: bytes(name), spentAt: t0 + minute }));
    await redeem(store, challenge.challengeId, { returns });
    expect([await count("a"), await count("one"), await count("another")]).toEqual([0, 0, 1]);
    expect(await guess({ userRequester: own("one"), identifier: counted("a") })).toBe(0);
    expect(await count("a")).toBe(1);
  });

  it("a guess that a hidden budget fails, whatever its code, is no failure", async () => {
    const spent = { userRequester: { ...chargeOf("own", 1), failuresShare: 20 }, identifier: counted("a") };
    for (const before of [0, 1, 1]) expect(await guess(spent)).toBe(before);
    for (const _ of times(2, Number)) await guess({ user: chargeOf("user", 1), contact: onlyCounts("b") });
    expect([await count("a"), await count("own"), await count("b")]).toEqual([1, 1, 1]);
  });

  it("of 100 parallel guesses of one requester its share counts, and no more", async () => {
    const own = { ...chargeOf("own", 1_000), failuresShare: 20 };
    await Promise.all(times(100, () => guess({ userRequester: own, identifier: counted("a") })));
    expect([await count("a"), await count("own")]).toEqual([20, 100]);
  });

  it("of 100 parallel guesses at different challenges each counts once", async () => {
    const before = await Promise.all(
      times(100, (n) => guess(n % 2 === 0 ? { identifier: counted("a") } : { contact: onlyCounts("a") })),
    );
    expect(before.sort((a, b) => a - b)).toEqual(times(100, (n) => n));
    expect(await count("a")).toBe(100);
  });

  it("forgiving ends exactly the budgets, counts and lockouts that are named", async () => {
    const { store } = scene;
    const lockout = (name: string) => ({ key: bytes(name), failuresMax: 1, durationMs: day });
    for (const name of ["a", "b"]) {
      await guess({
        identifier: counted(name, 5),
        requester: chargeOf(`${name} spent`, 1),
        lockout: lockout(`${name} lockout`),
      });
    }
    await store.budgets.forgive({ spent: [bytes("a spent")], failures: [bytes("a")], lockouts: [bytes("a lockout")] });
    const spent = async (name: string) => (await budgetOf(store, bytes(`${name} spent`), t0)).spent.length;
    const locked = (name: string) => store.challenges.findLockout({ key: bytes(`${name} lockout`), now: t0 });
    expect([await spent("a"), await count("a"), await locked("a")]).toEqual([0, 0, null]);
    expect([await spent("b"), await count("b"), await locked("b")]).toEqual([1, 1, t0 + day]);
    expect((await budgetOf(store, bytes("a"), t0)).spent).toEqual([t0]);
    await store.budgets.forgive({ spent: [bytes("nothing")], failures: [bytes("nothing")], lockouts: [bytes("nothing")] });
    expect(await count("nothing")).toBe(0);
  });
}
