import {
  type Call,
  type History,
  isBefore,
  isRefused,
  type MemberName,
  type OkCall,
  okCallsOf,
  type Violation,
} from "../history.js";
import { sameMember } from "./people.js";
import { workingAfter } from "./working-sessions.js";

/**
 * A revocation is final once it was answered.
 *
 * Claimed: after RevokeToken, RevokeSession, RevokeOtherSessions or DeleteCurrentUser was answered, no call begun afterwards, at
 * whatever process, finds a session working that it ended: no token of it is good for anything, it is in no list, and no repeat of
 * the sign-in gives it again. RevokeOtherSessions and DeleteCurrentUser end the user's sessions in the app
 * whose sign-in had been answered before they began; `locked-out` is about those that were made meanwhile. A session of one's own
 * that is not found has ended as well.
 *
 * No false positives: only answers that were received end anything, a lost one does not, and calls that began before the answer may
 * find the session working or not. Whose a session is comes from the answer of its sign-in; without that nothing is claimed.
 */
export function revocationFinal(history: History): Violation[] {
  const signIns = okCallsOf(history, "verify");
  const sessions = new Map(signIns.map((call) => [call.answer.result.session, call]));
  return [...sessions].flatMap(([session, { answer }]) => {
    const known: Known = { session, member: answer.result, signIns };
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
  readonly member: MemberName;
  readonly signIns: readonly OkCall<"verify">[];
}

/** Whether a call's answer says that the session has ended. */
function endsSession(call: Call, { session, member, signIns }: Known): boolean {
  const isOk = call.answer.kind === "ok";
  const isOfSame = (other: string) =>
    signIns.some(({ answer: { result } }) => result.session === other && sameMember(result, member));
  const wasThere = () => signIns.some((signIn) => signIn.answer.result.session === session && isBefore(signIn, call));
  switch (call.kind) {
    case "revokeToken":
      return isOk && call.action.session === session;
    case "revokeSession":
      if (call.action.target !== session) return false;
      return isOk || (isRefused(call, "SESSION_NOT_FOUND") && isOfSame(call.action.session));
    case "revokeOthers":
      return isOk && call.action.session !== session && isOfSame(call.action.session) && wasThere();
    case "deleteUser":
      return isOk && isOfSame(call.action.session) && wasThere();
    default:
      return false;
  }
}
