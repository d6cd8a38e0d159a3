import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BudgetCharge } from "../../../src/store/port/budgets.js";
import {
  longestWindow,
  refusedUntil,
  type Spent,
  stepOf,
  unitsIn,
  within,
  withoutUnit,
  withUnits,
} from "../../../src/store/rules/budget-window.js";

const key = Buffer.of(1);
const windows = [60_000, 3_600_000, 86_400_000] as const;

/** Calls that come one after another, each this long after the one before. A third of them come in a burst. */
const waits = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 40_000 })), {
  minLength: 1,
  maxLength: 300,
});
const counted = fc.record({
  max: fc.integer({ min: 61, max: 120 }),
  windowMs: fc.constantFrom(...windows),
  scale: fc.constantFrom(1, 60),
  start: fc.integer({ min: 1_700_000_000_000, max: 1_700_100_000_000 }),
  waits,
});

function chargeOf(max: number, windowMs: number): BudgetCharge {
  return { key, limits: [{ max, windowMs }] };
}

/** Calls that ask at these times, with all units that the rule and a rule without sub-windows have granted. */
function* walk({ max, windowMs, scale, start, waits: gaps }: typeof counted extends fc.Arbitrary<infer T> ? T : never) {
  const charge = chargeOf(max, windowMs);
  const stepMs = stepOf(charge);
  let spent: readonly Spent[] = [];
  let now = start;
  const granted: number[] = [];
  for (const gap of gaps) {
    now += gap * scale;
    const until = refusedUntil(charge, { spent, holdUntil: 0 }, now);
    yield { charge, stepMs, now, until, granted: [...granted], spent };
    if (until > now) continue;
    spent = withUnits(within(spent, longestWindow(charge), now), { stepMs, units: 1, now });
    granted.push(now);
  }
}

describe("a limit above 60", () => {
  it("never grants more than its maximum in any window", () => {
    fc.assert(
      fc.property(counted, (calls) => {
        for (const { now, granted } of walk(calls)) {
          expect(granted.filter((at) => at > now - calls.windowMs).length).toBeLessThanOrEqual(calls.max);
        }
      }),
    );
  });

  it("refuses a call at most one sub-window longer than if each unit had its own time", () => {
    fc.assert(
      fc.property(counted, (calls) => {
        for (const { now, until, granted, stepMs } of walk(calls)) {
          const freeing = granted.at(-calls.max);
          const exact = freeing === undefined ? 0 : freeing + calls.windowMs;
          expect(until).toBeGreaterThanOrEqual(exact > now ? exact : 0);
          expect(until).toBeLessThan(
            Math.max(exact, now - 10 * calls.windowMs) + stepMs + (until <= now ? 20 * calls.windowMs : 0),
          );
        }
      }),
    );
  });

  it("is granted at the time that a refusal names, and not a millisecond earlier", () => {
    fc.assert(
      fc.property(counted, (calls) => {
        for (const { now, until, charge, spent } of walk(calls)) {
          if (until <= now) continue;
          expect(refusedUntil(charge, { spent, holdUntil: 0 }, until)).toBeLessThanOrEqual(until);
          expect(refusedUntil(charge, { spent, holdUntil: 0 }, until - 1)).toBe(until);
        }
      }),
    );
  });

  it("keeps at most 62 entries, however many units there are", () => {
    fc.assert(
      fc.property(counted, (calls) => {
        for (const { spent } of walk(calls)) expect(spent.length).toBeLessThanOrEqual(62);
      }),
    );
  });

  it("gives back exactly the units that are there", () => {
    fc.assert(
      fc.property(counted, fc.infiniteStream(fc.nat()), (calls, picks) => {
        const { stepMs } = { stepMs: stepOf(chargeOf(calls.max, calls.windowMs)) };
        const steps = [...walk(calls)];
        const { granted, spent } = steps.at(-1)!;
        const left = granted.slice(granted.length - unitsIn(spent));
        let after = spent;
        while (left.length > 0) {
          const [at] = left.splice(picks.next().value! % left.length, 1);
          after = withoutUnit(after, stepMs, at!)!;
          expect(unitsIn(after)).toBe(left.length);
        }
        expect(withoutUnit(after, stepMs, calls.start)).toBeNull();
      }),
    );
  });
});

describe("a limit of at most 60", () => {
  it("keeps the exact time of each unit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.array(fc.integer({ min: 1, max: 1e12 })), (max, times) => {
        const stepMs = stepOf(chargeOf(max, 3_600_000));
        expect(stepMs).toBe(1);
        const spent = times.reduce<readonly Spent[]>((before, at) => withUnits(before, { stepMs, units: 1, now: at }), []);
        expect(spent.map(({ at }) => at)).toEqual(times.toSorted((a, b) => a - b));
        expect(unitsIn(spent)).toBe(times.length);
      }),
    );
  });

  it("that was higher before keeps the units that it had, to the end of their sub-windows", () => {
    const higher = chargeOf(100, 3_600_000);
    const lower = chargeOf(2, 3_600_000);
    const spent = withUnits([], { stepMs: stepOf(higher), units: 2, now: 600_000 });
    expect(refusedUntil(lower, { spent, holdUntil: 0 }, 700_000)).toBe(659_999 + 3_600_000);
    expect(unitsIn(withUnits(spent, { stepMs: stepOf(lower), units: 1, now: 700_000 }))).toBe(3);
  });
});
