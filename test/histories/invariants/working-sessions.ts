import type { Call, History } from "../history.js";

/** The sessions that a call found working: it used their tokens with success, got their tokens, or saw them listed. */
export function foundWorking(call: Call): readonly string[] {
  if (call.answer.kind !== "ok") return [];
  switch (call.kind) {
    case "verify":
      return [(call as Extract<Call, { kind: "verify" }> & { answer: { result: { session: string } } }).answer.result.session];
    case "list":
      return [call.action.session, ...(call.answer.result as { readonly sessions: readonly string[] }).sessions];
    case "revokeSession":
      return [call.action.session, call.action.target];
    case "refresh":
    case "use":
    case "revokeOthers":
    case "deleteUser":
      return [call.action.session];
    // A send names no session, and RevokeToken succeeds whatever the token.
    case "send":
    case "resend":
    case "revokeToken":
      return [];
  }
}

/** The calls that began after a place in the order and found a session working all the same. */
export function workingAfter({ calls }: History, session: string, place: number): Call[] {
  return calls.filter(
    (call) => call.invoked > place && foundWorking(call).includes(session) && !(call.kind === "verify" && hadTwin(call, calls)),
  );
}

/** Whether the same sign-in was still under way when this call began: then its answer may be that of the earlier one. */
function hadTwin(call: Call<"verify">, calls: readonly Call[]): boolean {
  const { challenge, key } = call.action;
  return calls.some(
    (other) =>
      other !== call &&
      other.kind === "verify" &&
      other.action.challenge === challenge &&
      other.action.key === key &&
      other.invoked < call.invoked &&
      other.answered > call.invoked,
  );
}
