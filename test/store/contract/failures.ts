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
    for (const now of times(3, (n) => t0 + n)) await guess({ identifier: counted("a"), contact: onlyCounts("b") }, now);
    const challenge = await issue(store);
    const now = t0 + minute;
    await store.challenges.takeAttempt(attemptOf(challenge, { identifier: counted("a"), contact: onlyCounts("b"), now }));
    const returns = ["a", "b"].map((name) => ({ key: bytes(name), spentAt: now }));
    await redeem(store, challenge.challengeId, { returns, now });
    expect([await count("a", now), await count("b", now)]).toEqual([0, 0]);
    expect((await budgetOf(store, bytes("a"), now)).spent).toEqual([t0, t0 + 1, t0 + 2]);
    expect(await guess({ identifier: counted("a"), contact: onlyCounts("b") }, now)).toBe(0);
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
