import { type App, type Call, type History, isRefused, type MemberName, type OkCall, type Violation } from "../history.js";
import { canBeOrdered, type Step } from "../model/linearize.js";
import * as model from "../model/person.js";
import { isOk, leaverIn, ownersOf, viewIn } from "./people.js";
import { type Redemption, redemptionsOf } from "./redemptions.js";

type PersonStep = Step<model.PersonState>;

/**
 * A person is erased with the last membership, and only then.
 *
 * Claimed, for every person that an answer names: there is a moment within the interval of each call such that the model of a person
 * (`model/person.ts`) that meets the calls in the order of these moments gives all their answers. A person is created once and joins
 * each app once until leaving it; the answer says that the person was erased if and only if it was the last app; after that no
 * answer names the person, and until then every app of the person's finds it. A session works for members alone.
 *
 * No false positives: a lost call may be put anywhere after its beginning, or left out, and a lost call that may have made anybody a
 * member may have done so with every person. A search that is too hard is taken for right, and `onGivenUp` is told.
 */
export function erasedLast(history: History, onGivenUp: () => void = () => {}): Violation[] {
  const owners = ownersOf(history);
  const bought = [...redemptionsOf(history).values()].flat();
  return [...peopleIn(history)].flatMap((user) => {
    const signIns = bought.filter(({ told }) => told[0]!.answer.result.user === user);
    const stepsBy = new Map(history.calls.map((call) => [call, stepsOf(call, { user, owners })]));
    const steps = [...signIns.map(signInStep), ...[...stepsBy.values()].flat()];
    if (canBeOrdered(steps, model.absent, { stateName: model.nameOf, onGivenUp })) return [];
    const told = signIns.flatMap((one) => one.told);
    const calls = history.calls.filter((call) => stepsBy.get(call)!.length > 0 || told.some((one) => one === call));
    return [{ invariant: "erased-last", what: `no order of its calls explains the answers about ${user}`, calls }];
  });
}

function peopleIn(history: History): Set<string> {
  const viewed = history.calls.flatMap((call) => viewIn(call)?.user ?? []);
  return new Set([...viewed, ...[...ownersOf(history).values()].map(({ user }) => user)]);
}

function signInStep({ told, notBefore, doneBy }: Redemption): PersonStep {
  const { app, isNewUser } = told[0]!.answer.result;
  const comes: model.Operation = (state) => [...model.create(app)(state), ...model.join(app)(state)];
  const apply = isNewUser ? comes : model.findMember(app);
  return { from: notBefore, until: doneBy, optional: false, reads: !isNewUser, apply };
}

interface About {
  readonly user: string;
  readonly owners: ReadonlyMap<string, MemberName>;
}

function stepsOf(call: Call, { user, owners }: About): PersonStep[] {
  const isLost = call.answer.kind === "unknown";
  const step = (apply: model.Operation, reads: boolean): PersonStep => {
    return { from: call.invoked, until: call.answered, optional: isLost, reads, apply };
  };
  const writing = (apply: model.Operation) => [step(apply, false)];
  const reading = (apply: model.Operation) => [step(apply, true)];
  const leaver = leaverIn(call, owners);
  switch (call.kind) {
    case "verify":
      return isLost && call.action.right ? both.flatMap((app) => writing(model.mayCome(app))) : [];
    case "create":
    case "invite": {
      if (isLost || isRefused(call, "TOO_MANY_REQUESTS")) return writing(model.mayCome(call.action.app));
      const made = isOk(call) ? (call as OkCall<"create">).answer.result : null;
      if (made?.user !== user) return [];
      return writing(joined(call, made.created));
    }
    case "remove":
    case "deleteUser": {
      if (leaver !== null && leaver.user !== user) return [];
      if (isLost) return (leaver === null ? both : [leaver.app]).flatMap((app) => writing(model.mayLeave(app)));
      if (leaver === null) return isOk(call) ? both.flatMap((app) => writing(model.mayLeave(app))) : [];
      if (isRefused(call, "USER_NOT_FOUND")) return reading(model.findStranger(leaver.app));
      if (!isOk(call)) return [];
      if (call.kind === "deleteUser") return writing(model.leaveOwn(leaver.app));
      return writing(model.leave(leaver.app, (call as OkCall<"remove">).answer.result.erased));
    }
    default:
      return membersAt(call, { user, owners }).map((apply) => step(apply, true));
  }
}

const both: readonly App[] = ["default", "other"];

/** An invitation of somebody who is still invited adds nothing. */
function joined(call: Call<"create"> | Call<"invite">, created: boolean): model.Operation {
  const { app } = call.action;
  if (created) return model.create(app);
  if (call.kind === "create") return model.join(app);
  return (state) => [...model.join(app)(state), ...model.findMember(app)(state)];
}

/** What a call that changes no membership says of one. */
function membersAt(call: Call, { user, owners }: About): model.Operation[] {
  const view = viewIn(call);
  if (view !== null) return view.user === user ? [model.findMember(view.app)] : [];
  if (!("user" in call.action) || call.action.user !== user) return sessionAt(call, { user, owners });
  return isRefused(call, "USER_NOT_FOUND") ? [model.findStranger(call.action.app)] : [];
}

const withSession: readonly Call["kind"][] = ["use", "list", "refresh", "startChange", "revokeOthers"];

function sessionAt(call: Call, { user, owners }: About): model.Operation[] {
  if (!withSession.includes(call.kind) || !isOk(call)) return [];
  const owner = owners.get((call as OkCall<"use">).action.session);
  return owner?.user === user ? [model.findMember(owner.app)] : [];
}
