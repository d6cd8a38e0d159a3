/** Spreads messages evenly, at most `perSecond`. */
export interface Pace {
  /** Returns after how many milliseconds the next message may go out and reserves that time. Null: later than `waitMs`. */
  reserve(waitMs: number): number | null;
}

/** `now` returns milliseconds of a clock that never goes back. */
export function createPace(perSecond: number, now: () => number = () => performance.now()): Pace {
  const intervalMs = 1000 / perSecond;
  let next = Number.NEGATIVE_INFINITY;
  return {
    reserve(waitMs) {
      const at = now();
      const due = Math.max(at, next);
      if (due - at > waitMs) return null;
      next = due + intervalMs;
      return due - at;
    },
  };
}
