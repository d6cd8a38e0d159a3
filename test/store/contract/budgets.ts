import { expect, it } from "vitest";
import type { Challenge } from "../../../src/model/challenge.js";
import type { EpochMs } from "../../../src/model/time.js";
import type { BudgetCharge, BudgetReturn } from "../../../src/store/port/budgets.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  attemptOf,
  budgetOf,
  bytes,
  chargeOf,
  day,
  done,
  expectKind,
  expectNothingHappened,
  hour,
  issue,
  minute,
  redemptionOf,
  type Scene,
  second,
  t0,
  times,
} from "./fixtures.js";

/** A challenge that takes any number of guesses, so that only budgets refuse. */
function endless(store: Store): Promise<Challenge> {
  return issue(store, { attemptsMax: 1_000_000, expiresAt: t0 + 100 * day });
}

async function spend(store: Store, challenge: Challenge, identifier: BudgetCharge, now: EpochMs) {
  return await store.challenges.takeAttempt(attemptOf(challenge, { identifier, now }));
}

/** Makes the returns, which only a redemption can. */
async function giveBack(store: Store, returns: readonly BudgetReturn[], now: EpochMs): Promise<void> {
  const challenge = await issue(store, { purpose: "verify_contact" }, { now });
  expectKind(await store.challenges.redeem(redemptionOf(challenge.challengeId, { returns, now })), "redeemed");
}

export function budgets(scene: Scene): void {
  for (const [name, windowMs, stepMs] of [
    ["1 h", hour, 7 * minute],
    ["24 h", day, 3 * hour],
  ] as const) {
    it(`a window of ${name} slides: after max units the next is refused one ms before retryAt and granted at retryAt`, async () => {
      const { store } = scene;
      const challenge = await endless(store);
      const charge = chargeOf("budget", 4, windowMs);
      for (const index of times(4, Number)) {
        expectKind(await spend(store, challenge, charge, t0 + index * stepMs), "taken");
      }
      for (const index of times(4, Number)) {
        const now = t0 + 3 * stepMs + index * stepMs;
        const early = expectKind(await spend(store, challenge, charge, Math.max(now, t0 + 4 * stepMs)), "limited");
        expect(early.retryAt).toBe(t0 + index * stepMs + windowMs);
        expectKind(await spend(store, challenge, charge, early.retryAt - 1), "limited");
        expectKind(await spend(store, challenge, charge, early.retryAt), "taken");
      }
    });
  }

  it("of several windows the one that stays full longest decides, and retryAt says so", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const charge: BudgetCharge = {
      key: bytes("budget"),
      limits: [
        { max: 2, windowMs: hour },
        { max: 3, windowMs: day },
      ],
    };
    expectKind(await spend(store, challenge, charge, t0), "taken");
    expectKind(await spend(store, challenge, charge, t0 + 1), "taken");
    expect(expectKind(await spend(store, challenge, charge, t0 + 2), "limited").retryAt).toBe(t0 + hour);
    expectKind(await spend(store, challenge, charge, t0 + hour), "taken");
    const refused = expectKind(await spend(store, challenge, charge, t0 + 3 * hour), "limited");
    expect(refused.retryAt).toBe(t0 + day);
    expectKind(await spend(store, challenge, charge, t0 + day - 1), "limited");
    expectKind(await spend(store, challenge, charge, t0 + day), "taken");
  });

  it("an allowance of nothing is never granted", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    await expectNothingHappened(
      store,
      { now: t0, challenges: [challenge.challengeId], budgets: [bytes("budget")] },
      async () => {
        const refused = expectKind(await spend(store, challenge, chargeOf("budget", 0), t0), "limited");
        expect(refused.retryAt).toBeGreaterThan(t0);
      },
    );
  });

  it("a refusal spends nothing, however often it is asked for", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const charge = chargeOf("budget", 2);
    await spend(store, challenge, charge, t0);
    await spend(store, challenge, charge, t0 + 1);
    const watched = { now: t0 + 2, challenges: [challenge.challengeId], budgets: [charge.key] };
    await expectNothingHappened(store, watched, async () => {
      for (const index of times(5, Number)) {
        expect(await spend(store, challenge, charge, t0 + 2 + index)).toEqual({ kind: "limited", retryAt: t0 + hour });
      }
    });
  });

  it("20 racers for 7 units: 7 are granted, the others hear the same truthful retryAt", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const outcomes = await Promise.all(times(20, () => spend(store, challenge, chargeOf("budget", 7), t0)));
    expect(outcomes.filter(({ kind }) => kind === "taken")).toHaveLength(7);
    const limited = outcomes.filter(({ kind }) => kind === "limited");
    expect(limited).toEqual(times(13, () => ({ kind: "limited", retryAt: t0 + hour })));
  });

  it("a hold grows by its steps, stays at the last, and starts again when the window is quiet", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const steps = [30, 60, 120].map((seconds) => seconds * second);
    const charge = chargeOf("held", 60, day, { stepsMs: steps, jitter: 1 });
    let now = t0;
    for (const holdMs of [...steps, 120 * second, 120 * second]) {
      expectKind(await spend(store, challenge, charge, now), "taken");
      expect(await spend(store, challenge, charge, now + 1)).toEqual({ kind: "limited", retryAt: now + holdMs });
      expectKind(await spend(store, challenge, charge, now + holdMs - 1), "limited");
      now += holdMs;
    }
    now += day;
    expectKind(await spend(store, challenge, charge, now), "taken");
    expect(await spend(store, challenge, charge, now + 1)).toEqual({ kind: "limited", retryAt: now + 30 * second });
  });

  it("the jitter scales a hold to a whole millisecond", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const charge = chargeOf("held", 10, hour, { stepsMs: [1_001], jitter: 1.05 });
    await spend(store, challenge, charge, t0);
    expect(await spend(store, challenge, charge, t0 + 1)).toEqual({ kind: "limited", retryAt: t0 + 1_051 });
  });

  it("a clock that is set back leaves units counted that are less than a window ahead, and no others", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const charge: BudgetCharge = {
      key: bytes("budget"),
      limits: [
        { max: 2, windowMs: hour },
        { max: 4, windowMs: day },
      ],
    };
    for (const now of [t0, t0 + 1]) expectKind(await spend(store, challenge, charge, now), "taken");
    const within = await spend(store, challenge, charge, t0 - hour + 2);
    expect(within).toEqual({ kind: "limited", retryAt: t0 + hour });
    const setBack = t0 - hour - 1;
    for (const now of [setBack, setBack + 1]) expectKind(await spend(store, challenge, charge, now), "taken");
    // The day still holds all four.
    expect(await spend(store, challenge, charge, setBack + hour + 2)).toEqual({ kind: "limited", retryAt: setBack + day });
    expectKind(await spend(store, challenge, charge, t0 - day - hour), "taken");
  });

  it("a clock that is set back leaves no hold that is further ahead than twice the longest", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const charge = chargeOf("held", 60, day, { stepsMs: [30 * second, 60 * second], jitter: 1 });
    expectKind(await spend(store, challenge, charge, t0), "taken");
    expect(await spend(store, challenge, charge, t0 - 90 * second)).toEqual({ kind: "limited", retryAt: t0 + 30 * second });
    expectKind(await spend(store, challenge, charge, t0 - 91 * second), "taken");
  });

  it("a return gives back exactly one unit, also of several spent in one millisecond", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const charge = chargeOf("budget", 3);
    for (const _ of times(3, Number)) expectKind(await spend(store, challenge, charge, t0), "taken");
    await giveBack(store, [{ key: charge.key, spentAt: t0 }], t0 + 1);
    expect((await budgetOf(store, charge.key, t0 + 1)).spent).toEqual([t0, t0]);
    expectKind(await spend(store, challenge, charge, t0 + 1), "taken");
    expectKind(await spend(store, challenge, charge, t0 + 1), "limited");
  });

  it("a return of a unit or of a key that is not there changes nothing", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const charge = chargeOf("budget", 3);
    await spend(store, challenge, charge, t0);
    await expectNothingHappened(store, { now: t0 + 2, budgets: [charge.key, bytes("other")] }, async () => {
      const returns = [
        { key: charge.key, spentAt: t0 + 1 },
        { key: bytes("other"), spentAt: t0 },
      ];
      const proven = await issue(store, { purpose: "verify_contact" });
      await store.challenges.redeem(redemptionOf(proven.challengeId, { returns, now: t0 + 2 }));
      for (const message of await store.outbox.claim({ now: t0 + 2, leaseMs: 0, limit: 100 })) {
        if (message.delivery === null) await store.outbox.settle([done(message)]);
      }
    });
  });

  it("a return shortens a hold to the time it names, never prolongs it, and leaves it alone if it names none", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const charge = chargeOf("held", 60, day, { stepsMs: [60 * second], jitter: 1 });
    await spend(store, challenge, charge, t0);
    const holdUntil = async (): Promise<EpochMs | null> => (await budgetOf(store, charge.key, t0 + 2)).holdUntil;
    await giveBack(store, [{ key: charge.key, spentAt: t0 + 7 }], t0 + 1);
    expect(await holdUntil()).toBe(t0 + 60 * second);
    await giveBack(store, [{ key: charge.key, spentAt: t0, holdUntil: t0 + 15 * second }], t0 + 1);
    expect(await holdUntil()).toBe(t0 + 15 * second);
    await giveBack(store, [{ key: charge.key, spentAt: t0, holdUntil: t0 + 40 * second }], t0 + 1);
    expect(await holdUntil()).toBe(t0 + 15 * second);
    expectKind(await spend(store, challenge, charge, t0 + 15 * second - 1), "limited");
    expectKind(await spend(store, challenge, charge, t0 + 15 * second), "taken");
  });

  it("a return shortens a later unit's hold only to as long after that unit: the floor between two sends stays", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const charge = chargeOf("held", 60, day, { stepsMs: [30 * second, 60 * second], jitter: 1 });
    await spend(store, challenge, charge, t0);
    await spend(store, challenge, charge, t0 + 30 * second);
    await giveBack(store, [{ key: charge.key, spentAt: t0, holdUntil: t0 + 15 * second }], t0 + 31 * second);
    expect(await budgetOf(store, charge.key, t0 + 32 * second)).toEqual({
      spent: [t0 + 30 * second],
      holdUntil: t0 + 45 * second,
    });
  });

  it("units spent by processes whose clocks differ a little are counted exactly", async () => {
    const { store } = scene;
    const challenge = await endless(store);
    const charge = chargeOf("budget", 3);
    for (const now of [t0 + 40, t0 + 20, t0 + 30]) expectKind(await spend(store, challenge, charge, now), "taken");
    expect(await spend(store, challenge, charge, t0 + 50)).toEqual({ kind: "limited", retryAt: t0 + 20 + hour });
    expectKind(await spend(store, challenge, charge, t0 + 20 + hour), "taken");
    expect(await spend(store, challenge, charge, t0 + 21 + hour)).toEqual({ kind: "limited", retryAt: t0 + 30 + hour });
  });

  it("budgets spent by themselves are spent all or none, and retryAt is when all would be granted", async () => {
    const { store } = scene;
    const [wide, narrow] = [chargeOf("wide", 5), chargeOf("narrow", 1)];
    const spendBoth = (now: number) => store.budgets.spend({ charges: [wide, narrow], now });
    expect(await spendBoth(t0)).toBeNull();
    await expectNothingHappened(store, { now: t0 + 1, budgets: [wide.key, narrow.key] }, async () => {
      expect(await spendBoth(t0 + 1)).toEqual({ kind: "limited", retryAt: t0 + hour });
      expect(await store.budgets.spend({ charges: [], now: t0 + 1 })).toBeNull();
    });
    expect(await store.budgets.spend({ charges: [wide], now: t0 + 1 })).toBeNull();
    expect((await budgetOf(store, wide.key, t0 + 2)).spent).toEqual([t0, t0 + 1]);
    expect(await spendBoth(t0 + hour - 1)).toEqual({ kind: "limited", retryAt: t0 + hour });
    expect(await spendBoth(t0 + hour)).toBeNull();
  });

  it("a budget spent by itself is held like any other, and is the same one that sends and guesses are charged to", async () => {
    const { store } = scene;
    const charge = chargeOf("budget", 3, hour, { stepsMs: [30 * second], jitter: 1 });
    expect(await store.budgets.spend({ charges: [charge], now: t0 })).toBeNull();
    expect(await store.budgets.spend({ charges: [charge], now: t0 + 1 })).toEqual({
      kind: "limited",
      retryAt: t0 + 30 * second,
    });
    expect(await spend(store, await endless(store), charge, t0 + 1)).toEqual({ kind: "limited", retryAt: t0 + 30 * second });
  });

  it("of 40 racing calls that spend two budgets by themselves exactly as many are granted as the smaller one allows", async () => {
    const { store } = scene;
    const [wide, narrow] = [chargeOf("wide", 30), chargeOf("narrow", 7)];
    const outcomes = await Promise.all(
      times(40, (n) => store.budgets.spend({ charges: n % 2 === 0 ? [wide, narrow] : [narrow, wide], now: t0 })),
    );
    expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(7);
    for (const { key } of [wide, narrow]) expect((await budgetOf(store, key, t0)).spent).toEqual(times(7, () => t0));
  });

  for (const seed of [1, 2, 3]) {
    it(`a random walk of spends, returns and waits agrees with a sequential model (seed ${seed})`, async () => {
      const { store } = scene;
      const random = generator(seed);
      const challenge = await endless(store);
      const model = createModel();
      const charges = [
        chargeOf("a", 3, hour, { stepsMs: [10 * second, 5 * minute, 20 * minute], jitter: 1 }),
        { key: bytes("b"), limits: [...chargeOf("b", 2, 10 * minute).limits, ...chargeOf("b", 5, 3 * hour).limits] },
        chargeOf("c", 1, hour),
      ];
      let now = t0;
      for (const step of times(140, Number)) {
        now += Math.floor(random() * (random() < 0.2 ? hour : 4 * minute));
        const charge = charges[Math.floor(random() * charges.length)]!;
        if (random() < 0.75) {
          const expected = model.spend(charge, now);
          const outcome = await spend(store, challenge, charge, now);
          expect(outcome, `step ${step}`).toEqual(
            expected === null
              ? { kind: "taken", userBudgetSpent: false, lockedUntil: null, failures: 0 }
              : { kind: "limited", retryAt: expected },
          );
          // Half of the waits end exactly when the store said they would.
          if (expected !== null && random() < 0.5) now = expected - 1;
        } else {
          const spentAt = model.anyUnit(charge, random()) ?? now - 1;
          const one = { key: charge.key, spentAt, holdUntil: random() < 0.5 ? spentAt + 15 * second : undefined };
          model.giveBack(charge, one);
          await giveBack(store, [one], now);
        }
      }
    });
  }
}

/** What budgets mean, written down without any thought of storage. */
function createModel() {
  const states = new Map<BudgetCharge, { spent: EpochMs[]; holdUntil: EpochMs }>();
  const stateOf = (charge: BudgetCharge) => {
    const state = states.get(charge) ?? { spent: [], holdUntil: 0 };
    states.set(charge, state);
    return state;
  };
  const granted = (charge: BudgetCharge, now: EpochMs): boolean => {
    const { spent, holdUntil } = stateOf(charge);
    const roomIn = ({ max, windowMs }: { max: number; windowMs: number }) =>
      spent.filter((time) => time > now - windowMs).length < max;
    return holdUntil <= now && charge.limits.every(roomIn);
  };
  return {
    /** Null: granted. Else when it would be: the first of all candidate times at which it is. */
    spend(charge: BudgetCharge, now: EpochMs): EpochMs | null {
      const state = stateOf(charge);
      if (!granted(charge, now)) {
        const ends = charge.limits.flatMap(({ windowMs }) => state.spent.map((time) => time + windowMs));
        const candidates = [state.holdUntil, ...ends].filter((time) => time > now).sort((a, b) => a - b);
        return candidates.find((time) => granted(charge, time))!;
      }
      const longest = Math.max(...charge.limits.map(({ windowMs }) => windowMs));
      const before = state.spent.filter((time) => time > now - longest).length;
      const steps = charge.hold?.stepsMs ?? [0];
      state.holdUntil = now + steps[Math.min(before, steps.length - 1)]!;
      state.spent.push(now);
      return null;
    },
    giveBack(charge: BudgetCharge, { spentAt, holdUntil }: BudgetReturn): void {
      const state = stateOf(charge);
      if (holdUntil !== undefined) {
        const latest = Math.max(spentAt, ...state.spent);
        state.holdUntil = Math.min(state.holdUntil, latest + holdUntil - spentAt);
      }
      const index = state.spent.indexOf(spentAt);
      if (index >= 0) state.spent.splice(index, 1);
    },
    anyUnit: (charge: BudgetCharge, at: number) => stateOf(charge).spent.at(Math.floor(at * stateOf(charge).spent.length)),
  };
}

/** Mulberry32: a walk that fails can be walked again. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
