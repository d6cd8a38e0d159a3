import type { Call, History, MemberName, OkCall, SignedIn, Violation } from "../history.js";
import { isOk, leaverIn, mayBe, mayHaveHappened, ownersOf, sameMember } from "./people.js";
import { redemptionsOf } from "./redemptions.js";
import { workingAfter } from "./working-sessions.js";

/**
 * A locked member and a person who is no member have no live session.
 *
 * Claimed, for every lock and every end of a membership that was answered: a session of that member in that app which a sign-in
 * had given before the call began works in no call begun after its answer; and a session that was given later works only if the
 * member may have been let in again: after a lock by UnlockUser or by leaving, after leaving by joining anew.
 *
 * No false positives: a call lets the member in again from when it began, answered or lost. A join is an answer that names the member
 * as new, or a lost call that could have joined anybody. Whose a session is comes from the answer of its sign-in.
 */
export function lockedOut(history: History): Violation[] {
  const owners = ownersOf(history);
  const sessions = [...redemptionsOf(history).values()]
    .flat()
    .map(({ told, doneBy }) => ({ ...told[0]!.answer.result, doneBy }));
  return history.calls.filter(isOk).flatMap((end) => {
    const member = end.kind === "lock" ? end.action : leaverIn(end, owners);
    if (member === null) return [];
    const returns = history.calls.filter((call) => call.answered > end.invoked && mayLetIn(call, { end, member, owners }));
    return sessions
      .filter((session) => sameMember(session, member))
      .flatMap((session) => {
        const wasThere = session.doneBy < end.invoked;
        const working = workingAfter(history, session.session, end.answered).filter(
          (call) => wasThere || !returns.some(({ invoked }) => invoked < call.answered),
        );
        return working.length === 0 ? [] : [violation(session, end, working)];
      });
  });
}

interface About {
  readonly end: Call;
  readonly member: MemberName;
  readonly owners: ReadonlyMap<string, MemberName>;
}

/** Whether the member may sign in again because of a call. */
function mayLetIn(call: Call, { end, member, owners }: About): boolean {
  if (!mayHaveHappened(call)) return false;
  if (end.kind === "lock") {
    const ends = call.kind === "remove" || call.kind === "deleteUser";
    return call.kind === "unlock" ? sameMember(call.action, member) : ends && mayBe(leaverIn(call, owners), member);
  }
  switch (call.kind) {
    case "create":
    case "invite":
      return !isOk(call) || sameMember({ app: call.action.app, user: (call as OkCall<"create">).answer.result.user }, member);
    case "verify": {
      const result = isOk(call) ? (call.answer.result as SignedIn) : null;
      return result === null ? call.action.right : sameMember(result, member) && result.isNewUser;
    }
    default:
      return false;
  }
}

function violation({ session }: SignedIn, end: Call, working: readonly Call[]): Violation {
  const what = `${session} works after ${end.kind} was answered`;
  return { invariant: "locked-out", what, calls: [end, ...working] };
}
