import { type App, type Call, type History, type MemberName, type OkCall, okCallsOf, type View } from "../history.js";

/** A member whom a call is about. */
export function sameMember(a: MemberName, b: MemberName): boolean {
  return a.app === b.app && a.user === b.user;
}

/** Whose each session is, by the answers of sign-ins. A session whose answer was lost is missing. */
export function ownersOf(history: History): ReadonlyMap<string, MemberName> {
  return new Map(okCallsOf(history, "verify").map(({ answer: { result } }) => [result.session, result]));
}

/** The contact and the app of each challenge that could sign in. */
export function targetsOf(history: History): ReadonlyMap<string, { readonly contact: string; readonly app: App }> {
  return new Map([
    ...okCallsOf(history, "send").map(
      ({ action, answer }) => [answer.result.challenge, { contact: action.identifier, app: action.app }] as const,
    ),
    ...okCallsOf(history, "invite").map(
      ({ action, answer }) => [answer.result.challenge, { contact: action.contact, app: action.app }] as const,
    ),
  ]);
}

/** What an administrator's call saw of a member. Null: it is no such call, or it had no such answer. */
export function viewIn(call: Call): (View & { readonly app: App }) | null {
  switch (call.kind) {
    case "create":
    case "invite":
    case "get":
    case "find":
    case "lock":
    case "unlock":
    case "addContact":
    case "removeContact":
      return isOk(call) ? { ...(call.answer.result as View), app: call.action.app } : null;
    default:
      return null;
  }
}

export function isOk<C extends Call>(call: C): call is C & OkCall<C["kind"]> {
  return call.answer.kind === "ok";
}

/** Whether a call had its effect, or may have had it. */
export function mayHaveHappened({ answer }: Call): boolean {
  return answer.kind !== "refused";
}

/** The member whose membership a call ends, or null. */
export function leaverIn(call: Call, owners: ReadonlyMap<string, MemberName>): MemberName | null {
  if (call.kind === "remove") return call.action;
  return call.kind === "deleteUser" ? (owners.get(call.action.session) ?? null) : null;
}

/** A session of a user whom an ended session's answer does not name may be anybody's. */
export function mayBe(name: MemberName | null, member: MemberName): boolean {
  return name === null || sameMember(name, member);
}
