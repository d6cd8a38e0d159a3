import type { History, Violation } from "../history.js";

/**
 * Nothing unforeseen happens: no answer, under whatever race or after whatever crash, is an internal error.
 *
 * No false positives: the reason is in the answer itself. Servers that are gone, or a database that does not answer in time, have
 * reasons of their own.
 */
export function foreseen({ calls }: History): Violation[] {
  const failed = calls.filter(({ answer }) => answer.kind === "unknown" && answer.reason === "INTERNAL");
  const kinds = [...new Set(failed.map(({ kind }) => kind))];
  return kinds.length === 0 ? [] : [{ invariant: "foreseen", what: `internal errors of ${kinds.join(", ")}`, calls: failed }];
}
