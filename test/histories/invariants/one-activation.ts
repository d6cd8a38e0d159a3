import { type Call, type History, isRefused, type MemberName, type OkCall, type Violation } from "../history.js";
import { canBeOrdered, type Step } from "../model/linearize.js";
import * as model from "../model/membership.js";
import { isOk, leaverIn, ownersOf, sameMember, viewIn } from "./people.js";
import { type Redemption, redemptionsOf } from "./redemptions.js";

type MembershipStep = Step<model.State>;

/**
 * An invited member becomes active by exactly one redemption, and a membership is made once.
 *
 * Claimed, for every membership that an answer names: there is a moment within the interval of each call such that the model of a
 * membership (`model/membership.ts`) that meets the calls in the order of these moments gives all their answers. Only a sign-in, or
 * the end of a lock, makes an invited member active; from then on no administrator sees the member invited, and no invitation is
 * sent, unless the membership ended in between; a locked member signs in no more.
 *
 * No false positives: a lost call may be put anywhere after its beginning, or left out, and a lost call that may have let anybody in
 * may have done so with every person. A search that is too hard is taken for right, and `onGivenUp` is told.
 */
export function oneActivation(history: History, onGivenUp: () => void = () => {}): Violation[] {
  const owners = ownersOf(history);
  const bought = [...redemptionsOf(history).values()].flat();
  return membershipsIn(history).flatMap((member) => {
    const signIns = bought.filter(({ told }) => sameMember(told[0]!.answer.result, member));
    const stepsBy = new Map(history.calls.map((call) => [call, stepsOf(call, { member, owners })]));
    const steps = [...signIns.map(signInStep), ...[...stepsBy.values()].flat()];
    if (canBeOrdered<model.State>(steps, "none", { stateName: String, onGivenUp })) return [];
    const told = signIns.flatMap((one) => one.told);
    const calls = history.calls.filter((call) => stepsBy.get(call)!.length > 0 || told.some((one) => one === call));
    const what = `no order of its calls explains the answers about ${member.user} in ${member.app}`;
    return [{ invariant: "one-activation", what, calls }];
  });
}

function membershipsIn(history: History): MemberName[] {
  const members: MemberName[] = [];
  for (const one of [...history.calls.flatMap((call) => viewIn(call) ?? []), ...ownersOf(history).values()]) {
    if (!members.some((known) => sameMember(known, one))) members.push({ app: one.app, user: one.user });
  }
  return members;
}

function signInStep({ told, notBefore, doneBy }: Redemption): MembershipStep {
  const { isNewUser } = told[0]!.answer.result;
  return { from: notBefore, until: doneBy, optional: false, reads: false, apply: model.signIn(isNewUser) };
}

interface About {
  readonly member: MemberName;
  readonly owners: ReadonlyMap<string, MemberName>;
}

function stepsOf(call: Call, { member, owners }: About): MembershipStep[] {
  const isLost = call.answer.kind === "unknown";
  const step = (apply: model.Operation, reads: boolean): MembershipStep => {
    return { from: call.invoked, until: call.answered, optional: isLost, reads, apply };
  };
  const writing = (apply: model.Operation) => [step(apply, false)];
  const view = viewIn(call);
  const isSeen = view !== null && sameMember(view, member);
  const isNamed = "user" in call.action && sameMember(call.action, member);
  if (isNamed && isRefused(call, "USER_NOT_FOUND")) return [step(model.find("none"), true)];
  switch (call.kind) {
    case "verify":
      return isLost && call.action.right ? writing(model.perhaps(model.signIn(true), model.signIn(false))) : [];
    case "create":
      if (isLost && call.action.app === member.app) return writing(model.perhaps(model.make("active")));
      return isSeen ? writing(model.make("active")) : [];
    case "invite":
      // A send that is refused comes after the membership.
      if (call.action.app === member.app && (isLost || isRefused(call, "TOO_MANY_REQUESTS")))
        return writing(model.perhaps(model.make("invited")));
      return isSeen ? writing((state) => [...model.make("invited")(state), ...model.inviteAgain(state)]) : [];
    case "lock":
      if (!isNamed) return [];
      return isLost ? writing(model.perhaps(model.lock)) : isOk(call) ? writing(model.lock) : [];
    case "unlock":
      if (!isNamed) return [];
      if (isLost) return writing(model.perhaps((state) => (state === "locked" ? ["active"] : [state])));
      return isSeen ? writing(model.unlock((call as OkCall<"unlock">).answer.result.state)) : [];
    case "remove":
    case "deleteUser": {
      const leaver = leaverIn(call, owners);
      if (leaver !== null && !sameMember(leaver, member)) return [];
      const isSure = leaver !== null && isOk(call);
      if (isSure) return writing(call.kind === "remove" ? model.leave : model.leaveOwn);
      return isLost || isOk(call) ? writing(model.perhaps(model.leave)) : [];
    }
    default:
      return isSeen ? [step(model.find(view.state), true)] : [];
  }
}
