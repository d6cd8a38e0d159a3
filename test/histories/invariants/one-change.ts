import { callsOf, groupBy, type History, isRefused, okCallsOf, type Violation } from "../history.js";
import { isOk, mayHaveHappened, ownersOf } from "./people.js";

/**
 * A contact change is consumed once, by the user that asked for it, and gives the contact to that user alone.
 *
 * Claimed, for every change: of all calls with its code at most one is answered with a changed user or with CONTACT_TAKEN; the changed
 * user is the one whose session asked for it, and has the new contact and not the replaced one.
 *
 * No false positives: the calls carry no idempotency key, so none is told what another did. Lost answers consume nothing here. Whose a
 * session is comes from the answer of its sign-in; without that only the count is claimed. A contact that another call may have removed
 * since the start of the change is not replaced any more, so the user may have proven it again and keep it.
 */
export function oneChange(history: History): Violation[] {
  const owners = ownersOf(history);
  const started = new Map(okCallsOf(history, "startChange").map((call) => [call.answer.result.challenge, call]));
  const byChange = groupBy(callsOf(history, "proveChange"), ({ action }) => action.challenge);
  return [...byChange].flatMap(([challenge, calls]) => {
    const consumed = calls.filter((call) => isOk(call) || isRefused(call, "CONTACT_TAKEN"));
    const owner = owners.get(started.get(challenge)?.action.session ?? "")?.user;
    const violations: Violation[] = [];
    if (consumed.length > 1) violations.push({ ...base, what: `${challenge} was consumed ${consumed.length} times`, calls });
    for (const call of consumed.filter(isOk)) {
      const { user, verified } = call.answer.result;
      const { contact, replaces } = call.action;
      if (owner !== undefined && user !== owner)
        violations.push({ ...base, what: `${challenge} changed ${user} and not ${owner}`, calls: [call] });
      const isKept = replaces !== null && verified.includes(replaces) && !mayBeRemoved(history, challenge, replaces);
      if (!verified.includes(contact) || isKept)
        violations.push({ ...base, what: `${challenge} left ${user} with ${verified.join(" and ")}`, calls: [call] });
    }
    return violations;
  });
}

/** Whether a call other than those with this change's code may have removed the contact. */
function mayBeRemoved({ calls }: History, challenge: string, contact: string): boolean {
  return calls.some((call) => {
    if (!mayHaveHappened(call)) return false;
    if (call.kind === "removeContact") return call.action.contact === contact;
    return call.kind === "proveChange" && call.action.challenge !== challenge && call.action.replaces === contact;
  });
}

const base = { invariant: "one-change" };
