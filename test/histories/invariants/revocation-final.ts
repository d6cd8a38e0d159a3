import { type Call, type History, isBefore, isRefused, type OkCall, okCallsOf, type Violation } from "../history.js";
import { workingAfter } from "./working-sessions.js";

/**
 * A revocation is final once it was answered.
 *
 * Claimed: after RevokeToken, RevokeSession, RevokeOtherSessions or DeleteCurrentUser was answered, no call begun afterwards, at
 * whatever process, finds a session working that it ended: no token of it is good for anything, it is in no list, and no repeat of
 * the sign-in gives it again. RevokeOtherSessions ends the sessions whose sign-in had been answered before it began;
 * DeleteCurrentUser all of its user, whom nothing brings back, since another sign-in makes another user. A session of one's own
 * that is not found has ended as well.
 *
 * No false positives: only answers that were received end anything, a lost one does not, and calls that began before the answer may
 * find the session working or not. Whose a session is comes from the answer of its sign-in; without that nothing is claimed.
 */
export function revocationFinal(history: History): Violation[] {
  const signIns = okCallsOf(history, "verify");
  const sessions = new Map(signIns.map((call) => [call.answer.result.session, call]));
  return [...sessions].flatMap(([session, { answer }]) => {
    const known: Known = { session, user: answer.result.user, signIns };
    const ends = history.calls.filter((call) => endsSession(call, known));
    const first = ends.sort((a, b) => a.answered - b.answered)[0];
    const working = first === undefined ? [] : workingAfter(history, session, first.answered);
    if (first === undefined || working.length === 0) return [];
    const what = `${session} works after ${first.kind} was answered`;
    return [{ invariant: "revocation-final", what, calls: [first, ...working] }];
  });
}

interface Known {
  readonly session: string;
  readonly user: string;
  readonly signIns: readonly OkCall<"verify">[];
}

/** Whether a call's answer says that the session has ended. */
function endsSession(call: Call, { session, user, signIns }: Known): boolean {
  const isOk = call.answer.kind === "ok";
  const userOf = (other: string) => signIns.find(({ answer }) => answer.result.session === other)?.answer.result.user;
  switch (call.kind) {
    case "revokeToken":
      return isOk && call.action.session === session;
    case "revokeSession":
      if (call.action.target !== session) return false;
      return isOk || (isRefused(call, "SESSION_NOT_FOUND") && userOf(call.action.session) === user);
    case "revokeOthers": {
      if (!isOk || call.action.session === session || userOf(call.action.session) !== user) return false;
      return signIns.some((signIn) => signIn.answer.result.session === session && isBefore(signIn, call));
    }
    case "deleteUser":
      return isOk && userOf(call.action.session) === user;
    default:
      return false;
  }
}
