import { type History, okCallsOf, type Send, type Violation } from "../history.js";
import { type Redemption, redemptionsOf } from "./redemptions.js";

/**
 * A code buys at most once.
 *
 * Claimed, for every challenge: a wrong code buys nothing; of all callers with the right code only those that share one idempotency
 * key are told of a purchase, and all of them of the same session; no session is bought by two challenges; and a challenge that
 * was certainly issued before a sibling (same identifier and app, either purpose) was bought is not bought after that.
 *
 * No false positives: it looks at answers that were received and at nothing else. Lost answers buy nothing here, whatever
 * they did. For siblings the issue must have been answered before the first call that can have bought the sibling began, and all
 * calls that can have bought the later one must have begun after the sibling's purchase was answered.
 */
export function singleUse(history: History): Violation[] {
  const redemptions = redemptionsOf(history);
  const violations: Violation[] = [];
  for (const [challenge, bought] of redemptions) {
    const calls = bought.flatMap(({ told }) => told);
    if (calls.some(({ action }) => !action.right)) violations.push(violation(`a wrong code bought ${challenge}`, bought));
    else if (bought.length > 1) violations.push(violation(`${challenge} bought ${bought.length} times`, bought));
    const sessions = new Set(calls.map(({ answer }) => answer.result.session));
    if (bought.length === 1 && sessions.size > 1)
      violations.push(violation(`${challenge} bought ${sessions.size} sessions`, bought));
  }
  const all = [...redemptions.values()].flat();
  return [...violations, ...sharedSessions(all), ...revivedSiblings(history, all)];
}

function sharedSessions(all: readonly Redemption[]): Violation[] {
  const buyers = new Map<string, Redemption>();
  return all.flatMap((one) => {
    const { session } = one.told[0]!.answer.result;
    const other = buyers.get(session);
    buyers.set(session, one);
    if (other === undefined || other.challenge === one.challenge) return [];
    return [violation(`${other.challenge} and ${one.challenge} bought the same session`, [other, one])];
  });
}

function revivedSiblings(history: History, all: readonly Redemption[]): Violation[] {
  const issues = okCallsOf(history, "send");
  const issueOf = (challenge: string) => issues.find(({ answer }) => answer.result.challenge === challenge);
  const isSibling = (a: Send, b: Send) => a.identifier === b.identifier && a.app === b.app;
  return all.flatMap((first) => {
    const own = issueOf(first.challenge);
    const revived = all.find((later) => {
      const issue = issueOf(later.challenge);
      if (own === undefined || issue === undefined || later.challenge === first.challenge) return false;
      return isSibling(own.action, issue.action) && issue.answered < first.notBefore && first.doneBy < later.notBefore;
    });
    if (revived === undefined) return [];
    return [violation(`${revived.challenge} was bought after its sibling ${first.challenge}`, [first, revived])];
  });
}

function violation(what: string, redemptions: readonly Redemption[]): Violation {
  return { invariant: "single-use", what, calls: redemptions.flatMap(({ told }) => told) };
}
