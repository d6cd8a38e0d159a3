import type { Call, History } from "../history.js";
import { workBeganAt } from "./redemptions.js";

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
    case "startChange":
    case "proveChange":
      return [call.action.session];
    // A send names no session, and RevokeToken succeeds whatever the token.
    case "send":
    case "resend":
    case "revokeToken":
    // Administrators have no session.
    case "create":
    case "invite":
    case "get":
    case "find":
    case "lock":
    case "unlock":
    case "remove":
    case "addContact":
    case "removeContact":
      return [];
  }
}

/** The calls whose work began after a place in the order and that found a session working all the same. */
export function workingAfter({ calls }: History, session: string, place: number): Call[] {
  return calls.filter((call) => foundWorking(call).includes(session) && beganAt(call, calls) > place);
}

/** From which place on the work of a call may have been done. */
export function beganAt(call: Call, calls: readonly Call[]): number {
  return call.kind === "verify" ? workBeganAt(call, calls) : call.invoked;
}
