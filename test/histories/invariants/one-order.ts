import { type Call, callsOf, type History, type MemberName, type Results, type Violation } from "../history.js";
import { canBeOrdered, type Step } from "../model/linearize.js";
import * as model from "../model/session.js";
import { ownersOf, sameMember, targetsOf } from "./people.js";
import { redemptionsOf, workBeganAt } from "./redemptions.js";

type SessionStep = Step<model.SessionState>;

/**
 * All answers about a session fit one order of its calls, as if a single process had served them one after the other.
 *
 * Claimed, for every session that a sign-in was answered with: there is a moment within the interval of each call, from its
 * beginning to its answer, such that a small model of a session (`model/session.ts`) that meets the calls in the order of these
 * moments gives all their answers. It is what the other invariants don't say: nothing that was answered is lost again, no session
 * ends without a cause, and every process sees the same.
 *
 * No false positives: a call whose answer was lost may be put anywhere after its beginning, or left out. A call that does two things
 * (looks at its own token, then ends another session) may do them at two moments. Where the clock decides, both is right. A repeat
 * of a sign-in may share the work of a twin that began before it. A session whose calls are too hard to order is taken for right, and
 * `onGivenUp` is told.
 */
export function oneOrder(history: History, onGivenUp: () => void = () => {}): Violation[] {
  const owners = ownersOf(history);
  const claimed = claimedIn(history);
  return [...redemptionsOf(history).values()].flat().flatMap(({ told, notBefore, doneBy }) => {
    const { session, user, app } = told[0]!.answer.result;
    const member = { user, app };
    const isOfSameUser = (other: string) => owners.has(other) && sameMember(owners.get(other)!, member);
    const about: About = { session, member, isOfSameUser, claimed, grace: graceOf(history) };
    const steps: SessionStep[] = [
      { from: notBefore, until: doneBy, optional: false, reads: false, apply: model.create },
      ...told.map((call) => read(workBeganAt(call, history.calls), call.answered, model.findFresh)),
      ...history.calls.flatMap((call) => stepsOf(call, about)),
    ];
    if (canBeOrdered(steps, model.absent, { stateName: model.nameOf, onGivenUp })) return [];
    const calls = history.calls.filter((call) => told.some((one) => one === call) || stepsOf(call, about).length > 0);
    return [{ invariant: "one-order", what: `no order of its calls explains the answers about ${session}`, calls }];
  });
}

/** The challenges to contacts that an app claims. */
function claimedIn(history: History): ReadonlySet<string> {
  const claims = [...callsOf(history, "create"), ...callsOf(history, "invite"), ...callsOf(history, "addContact")];
  const contacts = new Set(claims.map(({ action }) => `${action.app} ${action.contact}`));
  const targets = [...targetsOf(history)].filter(([, { app, contact }]) => contacts.has(`${app} ${contact}`));
  return new Set(targets.map(([challenge]) => challenge));
}

interface About {
  readonly session: string;
  readonly member: MemberName;
  /** Challenges whose redemption ends the other sessions of its user in the app, if it proves a claim. */
  readonly claimed: ReadonlySet<string>;
  readonly isOfSameUser: (session: string) => boolean;
  readonly grace: model.Grace;
}

/** Without a grace clocks that differ by a moment may grant one; with one the history may have lasted longer. */
function graceOf({ calls, limits }: History): model.Grace {
  const lastedMs = Math.max(...calls.map((call) => call.answeredMs)) - Math.min(...calls.map((call) => call.invokedMs));
  return lastedMs < limits.graceMs ? "holds" : "may hold";
}

/** What a call has to do with a session. */
function stepsOf(call: Call, about: About): SessionStep[] {
  const { session, member, isOfSameUser } = about;
  const isLost = call.answer.kind === "unknown";
  const isOk = call.answer.kind === "ok";
  const reading = (operation: model.Operation) => read(call.invoked, call.answered, operation);
  const writing = (operation: model.Operation): SessionStep => {
    return { from: call.invoked, until: call.answered, optional: isLost, reads: false, apply: operation };
  };
  const own = call.kind !== "send" && "session" in call.action && call.action.session === session;
  const gate = own ? gateOf(call).map(reading) : [];
  switch (call.kind) {
    case "refresh":
      return own ? refreshOf(call, about).map(writing) : [];
    case "revokeToken":
      return own && (isOk || isLost) ? [writing(model.endAny)] : [];
    case "revokeSession": {
      const ends = call.action.target === session && isOfSameUser(call.action.session);
      if (ends && isOk) return [...gate, writing(model.endLive)];
      if (ends && isLost) return [...gate, writing(model.endAny)];
      return ends && isNotFound(call) ? [...gate, reading(model.findGone)] : gate;
    }
    case "revokeOthers":
    case "deleteUser": {
      const ends = call.kind === "deleteUser" ? isOfSameUser(call.action.session) : !own && isOfSameUser(call.action.session);
      return ends && (isOk || isLost) ? [...gate, writing(model.endAny)] : gate;
    }
    case "list": {
      const listed =
        call.answer.kind === "ok" ? (call.answer.result as { readonly sessions: readonly string[] }).sessions : null;
      if (listed === null || !isOfSameUser(call.action.session)) return gate;
      return [...gate, reading(listed.includes(session) ? model.findLive : model.findGone)];
    }
    case "use":
    case "startChange":
    case "proveChange":
      return gate;
    case "lock":
    case "remove":
      return sameMember(call.action, member) && (isOk || isLost) ? [writing(model.endAny)] : [];
    case "verify":
      return provesClaim(call, about) ? [{ ...writing(model.endAny), optional: true }] : [];
    default:
      return [];
  }
}

/** Whether a sign-in may have ended the other sessions of its user, because the contact was only claimed. */
function provesClaim({ action, answer }: Call<"verify">, { session, member, claimed }: About): boolean {
  if (!action.right || !claimed.has(action.challenge) || answer.kind === "refused") return false;
  if (answer.kind === "unknown") return true;
  const { result } = answer as { readonly result: Results["verify"] };
  return result.session !== session && sameMember(result, member);
}

/** What a call says of the session whose access token it carries. */
function gateOf(call: Call): model.Operation[] {
  if (call.kind === "refresh" || call.kind === "revokeToken") return [];
  if (call.answer.kind === "ok" || isNotFound(call)) return [model.findLive];
  return call.answer.kind === "refused" && call.answer.reason === "TOKEN_INVALID" ? [model.findGone] : [];
}

function isNotFound({ answer }: Call): boolean {
  return answer.kind === "refused" && answer.reason === "SESSION_NOT_FOUND";
}

function refreshOf({ action, answer }: Call<"refresh">, { grace }: About): model.Operation[] {
  if (answer.kind === "ok") return [model.exchange(action)];
  if (answer.kind === "unknown") return [model.refreshUnseen(action, grace)];
  if (answer.reason === "REFRESH_TOKEN_REUSED") return [model.findReused(action, grace)];
  // A session that this token belongs to was there once.
  return answer.reason === "SESSION_ENDED" ? [model.findGone] : [];
}

function read(from: number, until: number, operation: model.Operation): SessionStep {
  return { from, until, optional: false, reads: true, apply: operation };
}
