import { type Call, type History, isRefused, type MemberName, type OkCall, type Violation } from "../history.js";
import * as model from "../model/contact.js";
import { canBeOrdered, type Step } from "../model/linearize.js";
import { isOk, ownersOf, targetsOf, viewIn } from "./people.js";
import { redemptionsOf } from "./redemptions.js";

type ContactStep = Step<model.Holder>;

/**
 * A contact has at most one holder in a pool: all answers about it fit one order of the calls in which it passes from hand to hand.
 *
 * Claimed, for every contact: there is a moment within the interval of each call such that the model of a contact (`model/contact.ts`)
 * that meets the calls in the order of these moments gives all their answers. A sign-in, a contact change, and an administrator
 * give it to a person who has it already, or if it is free; it is free again when it is removed, replaced, or its person erased; an
 * administrator sees it with its holder, and with no other person; and CONTACT_TAKEN and ALREADY_EXISTS say that another has it.
 *
 * No false positives: a lost call may be put anywhere after its beginning, or left out. The person of a lost sign-in is unknown and
 * fits any user. Where an answer does not say whether a person was erased, both is right. A search that is too hard is taken for
 * right, and `onGivenUp` is told.
 */
export function oneHolder(history: History, onGivenUp: () => void = () => {}): Violation[] {
  const owners = ownersOf(history);
  const targets = targetsOf(history);
  const signIns = [...redemptionsOf(history).values()].flat().map((one) => ({ ...one, ...targets.get(one.challenge) }));
  return [...contactsIn(history, targets)].flatMap((contact) => {
    const stepsBy = new Map(history.calls.map((call) => [call, stepsOf(call, { contact, owners, targets })]));
    const bought = signIns.filter((one) => one.contact === contact);
    const steps = [
      ...bought.map(({ told, notBefore, doneBy }): ContactStep => {
        return {
          from: notBefore,
          until: doneBy,
          optional: false,
          reads: false,
          apply: model.give(told[0]!.answer.result.user),
        };
      }),
      ...[...stepsBy.values()].flat(),
    ];
    if (canBeOrdered(steps, model.free, { stateName: model.nameOf, onGivenUp })) return [];
    const told = bought.flatMap((one) => one.told);
    const calls = history.calls.filter((call) => stepsBy.get(call)!.length > 0 || told.some((one) => one === call));
    return [{ invariant: "one-holder", what: `no order of its calls explains the answers about ${contact}`, calls }];
  });
}

function contactsIn({ calls }: History, targets: ReadonlyMap<string, { readonly contact: string }>): Set<string> {
  const named = calls.flatMap(({ action }) => ("contact" in action ? [action.contact] : []));
  return new Set([...named, ...[...targets.values()].map(({ contact }) => contact)]);
}

interface About {
  readonly contact: string;
  readonly owners: ReadonlyMap<string, MemberName>;
  readonly targets: ReadonlyMap<string, { readonly contact: string }>;
}

function stepsOf(call: Call, { contact, owners, targets }: About): ContactStep[] {
  const isLost = call.answer.kind === "unknown";
  const step = (apply: model.Operation, reads: boolean): ContactStep => {
    return { from: call.invoked, until: call.answered, optional: isLost, reads, apply };
  };
  const writing = (apply: model.Operation) => [step(apply, false)];
  const reading = (apply: model.Operation) => [step(apply, true)];
  const isAbout = "contact" in call.action && call.action.contact === contact;
  const view = viewIn(call);
  const seen =
    view === null ? [] : reading(view.verified.includes(contact) ? model.findWith(view.user) : model.findWithout(view.user));
  switch (call.kind) {
    case "verify":
      return isLost && call.action.right && targets.get(call.action.challenge)?.contact === contact
        ? writing(model.giveUnseen)
        : [];
    case "proveChange": {
      const user = isOk(call) ? (call as OkCall<"proveChange">).answer.result.user : owners.get(call.action.session)?.user;
      const happens = isLost || isOk(call);
      if (call.action.replaces === contact && happens) return writing(user === undefined ? model.takeUnseen : model.take(user));
      if (!isAbout || user === undefined) return isAbout && isLost ? writing(model.giveUnseen) : [];
      if (isRefused(call, "CONTACT_TAKEN")) return reading(model.findTaken(user));
      return happens ? writing(isLost ? loosely(model.give(user)) : model.give(user)) : [];
    }
    case "create":
      if (isAbout && isLost && call.action.verified) return writing(model.giveUnseen);
      if (isAbout && view?.verified.includes(contact)) return writing(model.give(view.user));
      return seen;
    case "addContact":
      if (isAbout && isRefused(call, "ALREADY_EXISTS")) return reading(model.findTaken(call.action.user));
      if (isAbout && isLost && call.action.verified) return writing(loosely(model.give(call.action.user)));
      return isAbout && view?.verified.includes(contact) ? writing(model.give(view.user)) : seen;
    case "removeContact":
      return isAbout && (isLost || isOk(call)) ? writing(model.take(call.action.user)) : seen;
    case "remove": {
      if (isLost) return writing(model.mayTake(call.action.user));
      const isErased = isOk(call) && (call as OkCall<"remove">).answer.result.erased;
      return isErased ? writing(model.take(call.action.user)) : [];
    }
    case "deleteUser": {
      const user = owners.get(call.action.session)?.user;
      if (!isLost && !isOk(call)) return [];
      return writing(user === undefined ? model.takeUnseen : model.mayTake(user));
    }
    default:
      return seen;
  }
}

/** A lost call need not have found what it needs. */
function loosely(operation: model.Operation): model.Operation {
  return (holder) => [holder, ...operation(holder)];
}
