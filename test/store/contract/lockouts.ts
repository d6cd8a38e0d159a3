import { expect, it } from "vitest";
import type { LockoutRule } from "../../../src/store/port/challenges.js";
import {
  appId,
  attemptOf,
  budgetOf,
  bytes,
  chargeOf,
  day,
  email,
  expectKind,
  expectNothingHappened,
  issue,
  minute,
  ofKind,
  redemptionOf,
  type Scene,
  t0,
  times,
} from "./fixtures.js";

const rule: LockoutRule = { key: bytes("account", 17), failuresMax: 3, durationMs: 15 * minute };

export function lockouts(scene: Scene): void {
  /** A challenge that outlives the test and takes any number of guesses. */
  const patient = () => issue(scene.store, { attemptsMax: 10_000, expiresAt: t0 + 300 * day });

  async function guess(challenge: Awaited<ReturnType<typeof patient>>, now: number, lockout: LockoutRule | null = rule) {
    return expectKind(await scene.store.challenges.takeAttempt(attemptOf(challenge, { lockout, now })), "taken").lockedUntil;
  }

  it("the failure that reaches the maximum begins a lockout; the guesses after it see its end, until it is over", async () => {
    const { store } = scene;
    const challenge = await patient();
    for (const now of [t0, t0 + 1, t0 + 2]) {
      expect(await store.challenges.findLockout({ key: rule.key, now })).toBeNull();
      expect(await guess(challenge, now)).toBeNull();
    }
    const until = t0 + 2 + rule.durationMs;
    for (const now of [t0 + 2, until - 1]) {
      expect(await store.challenges.findLockout({ key: rule.key, now })).toBe(until);
      expect(await guess(challenge, now)).toBe(until);
    }
    expect(await store.challenges.findLockout({ key: rule.key, now: until })).toBeNull();
    // The failures before the lockout no longer count.
    for (const now of [until, until + 1, until + 2]) expect(await guess(challenge, now)).toBeNull();
    expect(await guess(challenge, until + 3)).toBe(until + 2 + rule.durationMs);
  });

  it("a guess during a lockout spends the attempt and all budgets like any other", async () => {
    const { store } = scene;
    const challenge = await patient();
    const identifier = chargeOf("identifier", 60);
    const take = (now: number) => store.challenges.takeAttempt(attemptOf(challenge, { lockout: rule, identifier, now }));
    for (const now of [t0, t0 + 1, t0 + 2, t0 + 3]) await take(now);
    expect((await store.challenges.find(challenge.challengeId))?.attempts).toBe(4);
    expect((await budgetOf(store, identifier.key, t0 + 4)).spent).toEqual([t0, t0 + 1, t0 + 2, t0 + 3]);
  });

  it("the guesses at all challenges of an account count together; another account and a guess without a rule count nothing", async () => {
    const { store } = scene;
    const challenges = [await patient(), await patient(), await patient()];
    const other = { ...rule, key: bytes("another", 17) };
    for (const challenge of challenges) expect(await guess(challenge, t0, null)).toBeNull();
    for (const challenge of challenges) expect(await guess(challenge, t0)).toBeNull();
    expect(await guess(challenges[0]!, t0, other)).toBeNull();
    expect(await guess(challenges[0]!, t0, null)).toBeNull();
    expect(await store.challenges.findLockout({ key: rule.key, now: t0 })).toBe(t0 + rule.durationMs);
    expect(await store.challenges.findLockout({ key: other.key, now: t0 })).toBeNull();
  });

  it("a limited or refused guess is no failure", async () => {
    const { store } = scene;
    const challenge = await issue(store, { attemptsMax: 1 });
    const spent = chargeOf("spent", 0);
    const take = (changes: object) => store.challenges.takeAttempt(attemptOf(challenge, { lockout: rule, ...changes }));
    for (const _ of times(3, Number)) expectKind(await take({ identifier: spent }), "limited");
    expectKind(await take({}), "taken");
    for (const _ of times(3, Number)) expectKind(await take({}), "refused");
    const another = await patient();
    expect(await guess(another, t0 + minute)).toBeNull();
    expect(await store.challenges.findLockout({ key: rule.key, now: t0 + minute })).toBeNull();
  });

  it("a redemption with the account's key clears its failures and its lockout, any other leaves them", async () => {
    const { store } = scene;
    const challenge = await patient();
    const redeemed = async (lockoutKey: Uint8Array | null) => {
      const { challengeId } = await issue(store, { contact: email() });
      expectKind(await store.challenges.redeem(redemptionOf(challengeId, { lockoutKey, now: t0 })), "redeemed");
    };
    for (const _ of times(2, Number)) await guess(challenge, t0);
    await redeemed(rule.key);
    for (const _ of times(3, Number)) expect(await guess(challenge, t0)).toBeNull();
    const until = t0 + rule.durationMs;
    await redeemed(null);
    await redeemed(bytes("another", 17));
    expect(await store.challenges.findLockout({ key: rule.key, now: t0 })).toBe(until);
    await redeemed(rule.key);
    expect(await store.challenges.findLockout({ key: rule.key, now: t0 })).toBeNull();
    expect(await guess(challenge, t0)).toBeNull();
  });

  it("a refused redemption clears nothing", async () => {
    const { store } = scene;
    const challenge = await patient();
    for (const _ of times(3, Number)) await guess(challenge, t0);
    const decoy = await issue(store, { decoy: true });
    const watched = { now: t0, challenges: [decoy.challengeId] };
    await expectNothingHappened(store, watched, async () => {
      const change = redemptionOf(decoy.challengeId, { lockoutKey: rule.key, now: t0 });
      expect(await store.challenges.redeem(change)).toEqual({ kind: "refused", why: "decoy" });
    });
    expect(await store.challenges.findLockout({ key: rule.key, now: t0 })).toBe(t0 + rule.durationMs);
  });

  it("ending a challenge clears nothing", async () => {
    const { store } = scene;
    const challenge = await patient();
    for (const _ of times(3, Number)) await guess(challenge, t0);
    const { challengeId } = challenge;
    expect(await store.challenges.end({ challengeId, appId, how: "approve", sendReturns: [], now: t0 })).toBeNull();
    expect(await store.challenges.findLockout({ key: rule.key, now: t0 })).toBe(t0 + rule.durationMs);
  });

  it("of the first guesses at an account, which race, every one counts", async () => {
    const { store } = scene;
    const challenges = await Promise.all(times(8, patient));
    for (const round of times(60, Number)) {
      const lockout = { ...rule, key: bytes(`account ${round}`, 17), failuresMax: 8 };
      const outcomes = await Promise.all(challenges.map((challenge) => guess(challenge, t0, lockout)));
      expect(outcomes).toEqual(times(8, () => null));
      expect(await store.challenges.findLockout({ key: lockout.key, now: t0 })).toBe(t0 + rule.durationMs);
    }
  });

  it("of 40 racing guesses at 4 challenges of an account 3 count before the lockout; all others see its end", async () => {
    const { store } = scene;
    for (const round of times(10, Number)) {
      const challenges = await Promise.all(times(4, patient));
      const lockout = { ...rule, key: bytes(`account ${round}`, 17) };
      const guesses = times(40, (n) => store.challenges.takeAttempt(attemptOf(challenges[n % 4]!, { lockout, now: t0 })));
      const outcomes = ofKind(await Promise.all(guesses), "taken");
      expect(outcomes.filter(({ lockedUntil }) => lockedUntil === null)).toHaveLength(3);
      expect(outcomes.filter(({ lockedUntil }) => lockedUntil === t0 + rule.durationMs)).toHaveLength(37);
    }
  });

  it("failures are forgotten 30 days after the last of them, and not before", async () => {
    const challenge = await patient();
    for (const now of [t0, t0 + 30 * day - 1]) expect(await guess(challenge, now)).toBeNull();
    await scene.store.upkeep.sweep({ now: t0 + 60 * day - 2, limit: 100 });
    expect(await guess(challenge, t0 + 60 * day - 2)).toBeNull();
    expect(await guess(challenge, t0 + 60 * day - 2)).toBe(t0 + 60 * day - 2 + rule.durationMs);
    const later = t0 + 200 * day;
    for (const now of [later, later + 1, later + 1 + 31 * day]) expect(await guess(challenge, now)).toBeNull();
    expect(await scene.store.challenges.findLockout({ key: rule.key, now: later + 1 + 31 * day })).toBeNull();
  });

  it("a lockout is swept after its end, never while it lasts; without a rule there is nothing to sweep", async () => {
    const { store } = scene;
    const challenge = await patient();
    const long = { ...rule, failuresMax: 1, durationMs: 20 * day };
    await guess(challenge, t0, long);
    await store.upkeep.sweep({ now: t0 + 20 * day - 1, limit: 100 });
    expect(await store.challenges.findLockout({ key: rule.key, now: t0 + 20 * day - 1 })).toBe(t0 + 20 * day);
    expect((await store.upkeep.sweep({ now: t0 + 22 * day, limit: 100 })).swept).toBe(1);
    await guess(challenge, t0 + 22 * day, null);
    // The four budgets of the guess.
    expect((await store.upkeep.sweep({ now: t0 + 24 * day, limit: 100 })).swept).toBe(4);
  });
}
