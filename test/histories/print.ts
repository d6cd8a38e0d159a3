import type { Call } from "./history.js";
import type { Finding } from "./search.js";

/** A finding for people: what is wrong, how to repeat it, and the whole history in the order in which calls began. */
export function describeFinding(finding: Finding, given: { readonly seed: number; readonly repeat: string }): string {
  const { plan, history, violations } = finding;
  const shown = new Set(violations.flatMap(({ calls }) => calls));
  const calls = [...history.calls].sort((a, b) => a.invoked - b.invoked);
  const first = calls[0]?.invokedMs ?? 0;
  return [
    ...new Set(violations.map(({ invariant, what }) => `VIOLATION of ${invariant}: ${what}`)),
    `seed ${given.seed}; ${given.repeat}`,
    `the smallest plan that still failed: ${JSON.stringify(plan)}`,
    "its history (> marks the calls that show it; place invoked..answered, milliseconds, worker, process):",
    ...calls.map((call) => `${shown.has(call) ? ">" : " "} ${describeCall(call, first)}`),
    ...[...history.mismatches].map(([challenge, count]) => `  ${count} wrong guesses at ${challenge} were compared`),
  ].join("\n");
}

function describeCall(call: Call, first: number): string {
  const places = `${call.invoked}..${call.answered === Number.POSITIVE_INFINITY ? "?" : call.answered}`.padEnd(9);
  const times = `${call.invokedMs - first}-${call.answeredMs - first} ms`.padEnd(12);
  return `${places} ${times} w${call.worker} p${call.process} ${call.kind} ${JSON.stringify(call.action)} -> ${describeAnswer(call)}`;
}

function describeAnswer({ answer }: Call): string {
  if (answer.kind === "ok") return `ok ${JSON.stringify(answer.result)}`;
  return answer.kind === "refused" ? answer.reason : (answer.reason ?? "no answer");
}
