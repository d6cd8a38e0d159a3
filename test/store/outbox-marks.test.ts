import { beforeEach, describe, expect, it } from "vitest";
import {
  afterLook,
  afterPuttingOff,
  areFresh,
  horizonMs,
  type Look,
  lookFrom,
  noMarks,
  type OutboxMarks,
} from "../../src/store/rules/outbox-marks.js";

const t0 = Date.parse("2026-01-05T10:00:00Z");
let at: number;
let marks: OutboxMarks;

beforeEach(() => {
  at = 0;
  marks = noMarks;
});

/** Looks `passedMs` after the last look. By default no message is left. */
function look(passedMs: number, found: Partial<Look> = {}): void {
  at += passedMs;
  const now = found.now ?? t0 + at;
  const from = lookFrom(marks, { at, now });
  const empty = { lowest: null, lowestDue: null, laterDueAt: null, top: marks.tops.at(-1)?.top ?? 0 };
  marks = afterLook(marks, { from, now, sentAt: at, answeredAt: at, ...empty, ...found });
}

describe("the far mark", () => {
  it("passes a number 15 s after a look has seen that it was given out, not a moment before", () => {
    look(0, { top: 100 });
    look(14_999);
    expect(marks.far).toBe(0);
    look(1);
    expect(marks.far).toBe(100);
  });

  it("counts the age of a number from the answer of the look, since it may have been given out until then", () => {
    look(0, { top: 100, answeredAt: 2_000 });
    look(16_999);
    expect(marks.far).toBe(0);
    look(1);
    expect(marks.far).toBe(100);
  });

  it("stays below every message that is left, leased or not", () => {
    look(0, { top: 100 });
    look(20_000, { lowest: 40, lowestDue: null });
    expect(marks.far).toBe(39);
  });

  it("remembers only what it still needs of looks", () => {
    for (let n = 0; n < 100; n += 1) look(1_000, { top: n });
    expect(marks.tops.length).toBeLessThanOrEqual(17);
    expect(marks.far).toBe(99 - 15);
  });
});

describe("the near mark", () => {
  it("passes a number after 1 s and messages that are leased for longer than until the next look", () => {
    look(0, { top: 100 });
    look(999, { lowest: 40 });
    expect(marks.near).toBe(0);
    look(1, { lowest: 40 });
    expect(marks).toMatchObject({ near: 100, far: 0 });
  });

  it("stays below every message that is due before the next look", () => {
    look(0, { top: 100 });
    look(1_000, { lowest: 40, lowestDue: 70 });
    expect(marks.near).toBe(69);
  });

  it("holds for a second, and for messages that are due before the look's horizon", () => {
    look(0);
    const now = t0;
    expect(areFresh(marks, { at: 999, now, dueMax: now + horizonMs - 1 })).toBe(true);
    expect(areFresh(marks, { at: 1_000, now, dueMax: now })).toBe(false);
    expect(areFresh(marks, { at: 1, now, dueMax: now + horizonMs })).toBe(false);
  });

  it("does not hold before the first look, nor once the clock was set back", () => {
    expect(areFresh(noMarks, { at: 0, now: t0, dueMax: t0 })).toBe(false);
    look(0);
    expect(areFresh(marks, { at: 1, now: t0 - 1, dueMax: t0 - 1 })).toBe(false);
  });
});

describe("a look starts", () => {
  it("at the bottom first and every 30 s, and at the far mark between", () => {
    const starts: number[] = [];
    for (let n = 0; n <= 60; n += 1) {
      look(1_000, { top: 1_000 + n });
      starts.push(lookFrom(marks, { at: at + 1_000, now: t0 + at + 1_000 }).number);
    }
    expect(starts.filter((start) => start === 0)).toHaveLength(15 + 2);
    expect([starts[28], starts[29], starts[30], starts[59]]).toEqual([1_013, 0, 1_015, 0]);
  });

  it("at the bottom after the clock was set back", () => {
    look(0, { top: 100 });
    look(16_000);
    expect(lookFrom(marks, { at, now: t0 + at })).toEqual({ number: 100, later: t0 + 1_000 });
    expect(lookFrom(marks, { at, now: t0 })).toEqual({ number: 0, later: 0 });
  });

  it("at the bottom after the server gives numbers out again", () => {
    look(0, { top: 100 });
    look(16_000, { top: 99 });
    expect(marks).toMatchObject({ far: 0, near: 0, tops: [{ at, top: 99 }] });
    expect(lookFrom(marks, { at: at + 1, now: t0 + at + 1 })).toEqual({ number: 0, later: 0 });
  });
});

it("a message of a commit that took longer than 15 s is found from the bottom and keeps the marks below it", () => {
  look(0, { top: 100 });
  look(16_000);
  expect(marks.far).toBe(100);
  look(14_000, { lowest: 50, lowestDue: 50 });
  expect(marks).toMatchObject({ far: 49, near: 49, lookedFromBottomAt: at });
});

it("of two looks under way the one that was sent later counts", () => {
  look(0);
  look(2_000, { top: 7 });
  const latest = marks;
  look(-1_000, { top: 5 });
  expect(marks).toBe(latest);
});

describe("messages put off", () => {
  it("are read from 15 s ago, or from the earliest that is left", () => {
    look(0);
    expect(marks.laterFrom).toBe(t0 - 15_000);
    look(0, { laterDueAt: t0 - 60_000 });
    expect(marks.laterFrom).toBe(t0 - 60_000);
  });

  it("to a time long past are read", () => {
    look(0);
    expect(afterPuttingOff(marks, t0 - 20_000).laterFrom).toBe(t0 - 20_000);
    expect(afterPuttingOff(marks, t0)).toBe(marks);
  });
});
