import type { History } from "./history.js";

/** Counts what a run did, and says so now and then. */
export interface Tally {
  readonly histories: number;
  readonly violations: number;
  /** Counts the calls of a history and passes it on. */
  count(history: History): History;
  /** A history was checked. */
  finish(violated: boolean): void;
  print(): void;
}

const printEvery = 100;

export function createTally(): Tally {
  const startedAt = performance.now();
  const answers = { ok: 0, refused: 0, unknown: 0 };
  const reasons = new Map<string, number>();
  let printed = 0;
  const tally = { histories: 0, violations: 0, count, finish, print };

  function count(history: History): History {
    for (const { kind, answer } of history.calls) {
      answers[answer.kind] += 1;
      if (answer.kind === "ok" || answer.reason === undefined) continue;
      const name = `${kind} ${answer.reason}`;
      reasons.set(name, (reasons.get(name) ?? 0) + 1);
    }
    return history;
  }

  function finish(violated: boolean): void {
    tally.histories += 1;
    if (violated) tally.violations += 1;
    if (tally.histories % printEvery === 0) print();
  }

  function print(): void {
    if (printed === tally.histories) return;
    printed = tally.histories;
    const seconds = (performance.now() - startedAt) / 1000;
    const rate = (tally.histories / seconds).toFixed(2);
    const listed = [...reasons].sort(([a], [b]) => a.localeCompare(b)).map(([reason, times]) => `${reason} ${times}`);
    console.log(
      `${tally.histories} histories, ${tally.violations} violations so far, ${rate} a second; ` +
        `answers: ${answers.ok} given, ${answers.refused} refused, ${answers.unknown} lost (${listed.join(", ")})`,
    );
  }
  return tally;
}
