import { type Call, type History, isRefused, type Kind } from "./history.js";

/** Counts what a run did, and says so now and then. */
export interface Tally {
  readonly histories: number;
  readonly violations: number;
  /** What of all that must happen in a run for it to mean something did not. */
  missing(): string[];
  /** Counts the calls of a history and passes it on. */
  count(history: History): History;
  /** A search for an order gave up. */
  giveUp(): void;
  /** A history was checked. */
  finish(violated: boolean): void;
  print(): void;
}

const printEvery = 100;

const ends: readonly Kind[] = ["revokeToken", "revokeSession", "revokeOthers", "deleteUser"];
const claims: readonly Kind[] = ["create", "addContact"];
const isOk = ({ answer }: Call) => answer.kind === "ok";
const countOf = ({ calls }: History, is: (call: Call) => boolean) => calls.filter(is).length;

/** Without these the invariants speak of nothing; how often each happened in a history. */
const floor: Readonly<Record<string, (history: History) => number>> = {
  redemptions: (history) => countOf(history, ({ kind, answer }) => kind === "verify" && answer.kind === "ok"),
  mismatches: ({ mismatches }) => [...mismatches.values()].reduce((sum, times) => sum + times, 0),
  reuses: (history) => countOf(history, (call) => call.kind === "refresh" && isRefused(call, "REFRESH_TOKEN_REUSED")),
  "spent budgets": (history) => countOf(history, (call) => isRefused(call, "TOO_MANY_REQUESTS")),
  revocations: (history) => countOf(history, ({ kind, answer }) => ends.includes(kind) && answer.kind === "ok"),
  locks: (history) => countOf(history, (call) => call.kind === "lock" && isOk(call)),
  departures: (history) => countOf(history, (call) => call.kind === "remove" && isOk(call)),
  "contact changes": (history) => countOf(history, (call) => call.kind === "proveChange" && isOk(call)),
  invitations: (history) => countOf(history, (call) => call.kind === "invite" && isOk(call)),
  claims: (history) => countOf(history, (call) => claims.includes(call.kind) && isOk(call)),
};

export function createTally(): Tally {
  const startedAt = performance.now();
  const answers = { ok: 0, refused: 0, unknown: 0 };
  const reasons = new Map<string, number>();
  const happened = new Map(Object.keys(floor).map((name) => [name, 0]));
  let givenUp = 0;
  let printed = 0;
  const tally = { histories: 0, violations: 0, missing, count, giveUp, finish, print };

  function count(history: History): History {
    for (const [name, timesIn] of Object.entries(floor)) happened.set(name, happened.get(name)! + timesIn(history));
    for (const { kind, answer } of history.calls) {
      answers[answer.kind] += 1;
      if (answer.kind === "ok" || answer.reason === undefined) continue;
      const name = `${kind} ${answer.reason}`;
      reasons.set(name, (reasons.get(name) ?? 0) + 1);
    }
    return history;
  }

  function missing(): string[] {
    return [...happened].flatMap(([name, times]) => (times === 0 ? [name] : []));
  }

  function giveUp(): void {
    givenUp += 1;
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
    const did = [...happened].map(([name, times]) => `${name} ${times}`).join(", ");
    console.log(
      `${tally.histories} histories, ${tally.violations} violations so far, ${rate} a second; ` +
        `answers: ${answers.ok} given, ${answers.refused} refused, ${answers.unknown} lost (${listed.join(", ")}); ` +
        `${did}; searches for an order that gave up: ${givenUp}`,
    );
  }
  return tally;
}
