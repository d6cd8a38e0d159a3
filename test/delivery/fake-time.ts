import type { Timers } from "../../src/delivery/timers.js";
import type { EpochMs } from "../../src/model/time.js";

export interface FakeTime {
  readonly clock: () => EpochMs;
  readonly timers: Timers;
  /** Lets promises settle and what is due now run. */
  settle(): Promise<void>;
  /** Goes forward step by step, running what falls due on the way. */
  advance(byMs: number): Promise<void>;
  /** Sets the clock without anything falling due, as an operator or a suspended machine does. */
  jump(byMs: number): void;
  pending(): number;
}

/** A clock that stands still until it is moved. */
export function createFakeTime(start: EpochMs = Date.parse("2026-01-05T10:00:00Z")): FakeTime {
  let now = start;
  let elapsed = 0;
  const waiting = new Set<{ readonly at: number; readonly task: () => void }>();
  const turn = async () => {
    for (let index = 0; index < 3; index += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  async function runUntil(end: number): Promise<void> {
    for (;;) {
      await turn();
      const next = [...waiting].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      const stepMs = Math.max(0, next.at - elapsed);
      elapsed += stepMs;
      now += stepMs;
      waiting.delete(next);
      next.task();
    }
    now += end - elapsed;
    elapsed = end;
  }
  return {
    clock: () => now,
    timers: {
      after(delayMs, task) {
        const entry = { at: elapsed + Math.max(0, delayMs), task };
        waiting.add(entry);
        return () => waiting.delete(entry);
      },
    },
    settle: () => runUntil(elapsed),
    advance: (byMs) => runUntil(elapsed + byMs),
    jump(byMs) {
      now += byMs;
    },
    pending: () => waiting.size,
  };
}
