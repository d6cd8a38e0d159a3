import type { EpochMs } from "../../model/time.js";

/**
 * Where a process begins to scan the outbox. Messages are numbered in the order in which they are written, but their commits become
 * visible in another order. And while an old snapshot is open anywhere, a scan passes every message that has ended since. So each
 * process keeps low-water marks in memory. All times `at` are of a monotonic clock in ms.
 *
 * A *look* reads from the far mark, which is below every number younger than 15 s and below every message that is left. A claim
 * reads from the near mark, which is below every number younger than 1 s and below every message that may be due before the next
 * look. Every 30 s a look starts from the bottom, for commits that took longer than 15 s.
 */
export interface OutboxMarks {
  readonly far: number;
  readonly near: number;
  /** Messages that are put off and were due before this have ended, like those below `far`. */
  readonly laterFrom: EpochMs;
  /** The time given to the latest look. Messages up to `near` are not due before `lookedFor + horizonMs`. */
  readonly lookedFor: EpochMs;
  readonly lookedAt: number;
  readonly lookedFromBottomAt: number;
  /** The highest number that was given out, as looks saw it, oldest first. */
  readonly tops: readonly { readonly at: number; readonly top: number }[];
}

/** Where a look starts. */
export interface LookFrom {
  readonly number: number;
  readonly later: EpochMs;
}

/** What a look found. Nulls stand for no message. */
export interface Look {
  readonly from: LookFrom;
  readonly now: EpochMs;
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly lowest: number | null;
  /** The lowest number of those due before `now + horizonMs`. */
  readonly lowestDue: number | null;
  /** The earliest time at which a message that is put off is due. */
  readonly laterDueAt: EpochMs | null;
  /** The highest number that was given out. */
  readonly top: number;
}

export const lookEveryMs = 1_000;
/** Longer than a claim's distance from its look and the time for which it wants to know what comes, together. */
export const horizonMs = 3_000;
const lookFromBottomEveryMs = 30_000;
const nearAgeMs = 1_000;
/** More than a statement may take in all, with its wait for a connection and for locks. */
const farAgeMs = 15_000;

export const noMarks: OutboxMarks = {
  far: 0,
  near: 0,
  laterFrom: 0,
  lookedFor: 0,
  lookedAt: -Infinity,
  lookedFromBottomAt: -Infinity,
  tops: [],
};

/** Returns whether the marks hold for a scan at `at` of messages that are due up to `dueMax`, or whether a look must come first. */
export function areFresh(marks: OutboxMarks, { at, now, dueMax }: { at: number; now: EpochMs; dueMax: EpochMs }): boolean {
  return at - marks.lookedAt < lookEveryMs && now >= marks.lookedFor && dueMax < marks.lookedFor + horizonMs;
}

export function lookFrom(marks: OutboxMarks, { at, now }: { at: number; now: EpochMs }): LookFrom {
  const isBottomDue = at - marks.lookedFromBottomAt >= lookFromBottomEveryMs;
  // A clock that was set back makes messages due at times that have passed before.
  return isBottomDue || now < marks.lookedFor ? { number: 0, later: 0 } : { number: marks.far, later: marks.laterFrom };
}

export function afterLook(marks: OutboxMarks, look: Look): OutboxMarks {
  // Another look was sent later and has been answered before.
  if (look.sentAt < marks.lookedAt) return marks;
  const { from, now, sentAt } = look;
  // The server has lost its last writes, so numbers come again.
  const isSetBack = look.top < (marks.tops.at(-1)?.top ?? 0);
  const known = isSetBack ? [] : marks.tops;
  const far = Math.min(topBefore(known, sentAt - farAgeMs), below(look.lowest));
  const near = Math.min(topBefore(known, sentAt - nearAgeMs), below(look.lowestDue));
  const oldest = known.findLastIndex(({ at }) => at <= sentAt - farAgeMs);
  return {
    far,
    near: Math.max(far, near),
    laterFrom: Math.min(now - farAgeMs, look.laterDueAt ?? Infinity),
    lookedFor: now,
    lookedAt: sentAt,
    lookedFromBottomAt: isSetBack ? -Infinity : from.number === 0 && from.later === 0 ? sentAt : marks.lookedFromBottomAt,
    tops: [...known.slice(Math.max(oldest, 0)), { at: look.answeredAt, top: look.top }],
  };
}

/** Returns the marks after a message was put off to `dueAt`, which may be long past. */
export function afterPuttingOff(marks: OutboxMarks, dueAt: EpochMs): OutboxMarks {
  return dueAt < marks.laterFrom ? { ...marks, laterFrom: dueAt } : marks;
}

/** The highest number that was given out before a time, as far as it is known. */
function topBefore(tops: OutboxMarks["tops"], at: number): number {
  return tops.findLast((one) => one.at <= at)?.top ?? 0;
}

function below(lowest: number | null): number {
  return lowest === null ? Infinity : lowest - 1;
}
