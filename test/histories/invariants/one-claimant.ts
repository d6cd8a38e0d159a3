import { type Call, type History, type MemberName, okCallsOf, type SignedIn, type Violation } from "../history.js";
import { isOk, leaverIn, mayHaveHappened, ownersOf, targetsOf, viewIn } from "./people.js";
import { redemptionsOf } from "./redemptions.js";
import { beganAt } from "./working-sessions.js";

/**
 * A claim verifies at most one person.
 *
 * Claimed, for every contact that an app claimed and a sign-in to that app has proven: no call that begins after the sign-in was
 * answered signs another person in by it, or sees another member of the app claim it or have it, unless the first person may have
 * lost it since.
 *
 * No false positives: any call that could have taken the contact from the person counts, answered or lost, from when it began. While
 * the person has the contact, others' claims to it are refused, and those that were there ended with the proof. A sign-in of a person
 * who may have had the contact before, proven to another app or by an administrator, ends no claim and is left out.
 */
export function oneClaimant(history: History): Violation[] {
  const owners = ownersOf(history);
  const targets = targetsOf(history);
  const proofs = [...redemptionsOf(history).values()].flat().flatMap(({ challenge, told, notBefore, doneBy }) => {
    const target = targets.get(challenge);
    return target === undefined ? [] : [{ ...target, user: told[0]!.answer.result.user, told, notBefore, doneBy }];
  });
  return proofs.flatMap((proof) => {
    if (!wasClaimed(history, proof) || mayHaveHad(history, proof, targets)) return [];
    const losses = history.calls.filter((call) => call.answered > proof.notBefore && mayLose(call, proof, owners));
    const others = history.calls.filter((call) => {
      if (beganAt(call, history.calls) <= proof.doneBy || !seesAnother(call, proof, targets)) return false;
      return !losses.some(({ invoked }) => invoked < call.answered);
    });
    if (others.length === 0) return [];
    const what = `the claim to ${proof.contact} verified ${proof.user}, and another person has it or claims it`;
    return [{ invariant: "one-claimant", what, calls: [...proof.told, ...others] }];
  });
}

type Proof = MemberName & { readonly contact: string };
type Targets = ReturnType<typeof targetsOf>;

function wasClaimed(history: History, { contact, app }: Proof): boolean {
  const claims = [...okCallsOf(history, "create"), ...okCallsOf(history, "invite"), ...okCallsOf(history, "addContact")];
  return claims.some(
    ({ action, answer }) => action.app === app && action.contact === contact && answer.result.claimed.includes(contact),
  );
}

/** Whether the person may have had the contact before the proof. */
function mayHaveHad(history: History, proof: Proof & { readonly doneBy: number }, targets: Targets): boolean {
  const { contact, user } = proof;
  return history.calls.some((call) => {
    if (call.invoked >= proof.doneBy) return false;
    const target = call.kind === "verify" ? targets.get(call.action.challenge) : undefined;
    const isAbout = target?.contact === contact || ("contact" in call.action && call.action.contact === contact);
    if (call.answer.kind === "unknown") return isAbout;
    if (call.kind === "verify") {
      return isOk(call) && isAbout && target!.app !== proof.app && (call.answer.result as SignedIn).user === user;
    }
    const view = viewIn(call);
    return view?.user === user && view.verified.includes(contact);
  });
}

/** Whether a call may have taken the contact from the person. */
function mayLose(call: Call, { user, contact }: Proof, owners: ReadonlyMap<string, MemberName>): boolean {
  if (!mayHaveHappened(call)) return false;
  switch (call.kind) {
    case "removeContact":
      return call.action.contact === contact && call.action.user === user;
    case "proveChange":
      return call.action.replaces === contact && (owners.get(call.action.session)?.user ?? user) === user;
    case "remove":
    case "deleteUser":
      return (leaverIn(call, owners)?.user ?? user) === user;
    default:
      return false;
  }
}

function seesAnother(call: Call, { user, contact, app }: Proof, targets: Targets): boolean {
  if (call.kind === "verify") {
    const target = targets.get(call.action.challenge);
    return isOk(call) && target?.contact === contact && (call.answer.result as SignedIn).user !== user;
  }
  const view = viewIn(call);
  if (view === null || view.user === user) return false;
  return view.verified.includes(contact) || (view.app === app && view.claimed.includes(contact));
}
