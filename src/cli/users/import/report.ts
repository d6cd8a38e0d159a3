import { type Fields, print } from "../../apps/output.js";
import type { Io } from "../../io.js";
import { type Place, placeText } from "./line.js";

/** Why a line was not imported. `invalid`: its form or a value is wrong. `taken`: a value belongs to another user. */
export type FailureKind = "invalid" | "duplicate" | "taken";

export type LineOutcome =
  | { readonly kind: "created" | "joined" | "there_already" }
  | { readonly kind: FailureKind; readonly problem: string };

/** How an import ended. */
export interface Ending {
  readonly dryRun: boolean;
  /** The first line that was not looked at. Null: all were. */
  readonly nextLine: number | null;
}

/** Counts the lines of an import and shows those that fail. */
export interface Report {
  count(place: Place, outcome: LineOutcome): void;
  /** How many lines were counted. */
  lines(): number;
  /** Prints all counts. Returns whether no line failed. */
  finish(ending: Ending): boolean;
}

const shownMax = 100;

/** Failures are printed on `io.err` at once, the first hundred, or with `json` in the report. */
export function createReport({ json, io }: { readonly json: boolean; readonly io: Io }): Report {
  const counts = { created: 0, joined: 0, there_already: 0, invalid: 0, duplicate: 0, taken: 0 };
  const shown: { readonly line: number; readonly item?: number; readonly kind: FailureKind; readonly problem: string }[] = [];
  const failed = (): number => counts.invalid + counts.duplicate + counts.taken;
  const lines = (): number => Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    lines,
    count({ line, item }, outcome) {
      counts[outcome.kind] += 1;
      if (!("problem" in outcome) || failed() > shownMax) return;
      const { kind, problem } = outcome;
      const place = item === undefined ? { line } : { line, item };
      shown.push({ ...place, kind, problem });
      if (!json) io.err(`${placeText(place)} ${problem}${problem.endsWith("?") ? "" : "."}`);
    },
    finish({ dryRun, nextLine }) {
      const { invalid, duplicate, taken, ...done } = counts;
      const fields: Fields = {
        dry_run: dryRun,
        lines: lines(),
        ...done,
        failed: failed(),
        failed_by_kind: { invalid, duplicate, taken },
        failures: shown,
        next_line: nextLine,
      };
      print(io, { json }, fields, [
        ...(dryRun ? ["This was a dry run: nothing was changed."] : []),
        `Lines read            ${lines()}`,
        `${dryRun ? "Would be created     " : "Created              "} ${done.created}`,
        `${dryRun ? "Would join the app   " : "Joined the app       "} ${done.joined}`,
        `Were there already    ${done.there_already}`,
        `Failed                ${failed()}${failed() === 0 ? "" : ` (${failureCounts({ invalid, duplicate, taken })})`}`,
        ...(failed() > shownMax
          ? [`Only the first ${shownMax} lines that failed are shown. Correct these and run the import again.`]
          : []),
        ...(nextLine === null ? [] : [`The import was interrupted. Go on with --from-line ${nextLine}.`]),
      ]);
      return failed() === 0;
    },
  };
}

function failureCounts(counts: Readonly<Record<FailureKind, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(", ");
}
