import { callsOf, type History, isRefused, type Violation } from "../history.js";
import { redemptionsOf } from "./redemptions.js";

/**
 * No challenge is guessed at more often than its cap, and a right code after as many wrong ones never works.
 *
 * Claimed, for every challenge: the wrong guesses that all processes logged as compared, and the right one if a purchase was
 * answered, are not more than the cap; and of the wrong guesses that were answered before the first call that can have made a
 * purchase began, fewer than the cap were refused as wrong.
 *
 * No false positives: a process logs a guess as compared after it took one attempt for it, and once; lines that died with a process
 * only make the count smaller. A guess that is refused as wrong without an attempt found the challenge unusable, and what is
 * unusable stays so: no purchase can come after it. Guesses whose answers were lost or which were refused for another reason
 * (budgets, overload) count for nothing.
 */
export function attemptCap(history: History): Violation[] {
  const { attemptsMax } = history.limits;
  const redemptions = redemptionsOf(history);
  const wrong = callsOf(history, "verify").filter(({ action }) => !action.right);
  const challenges = new Set([...history.mismatches.keys(), ...redemptions.keys()]);
  return [...challenges].flatMap((challenge) => {
    const bought = redemptions.get(challenge) ?? [];
    const guesses = wrong.filter(({ action }) => action.challenge === challenge);
    const calls = [...guesses, ...bought.flatMap(({ told }) => told)];
    const compared = (history.mismatches.get(challenge) ?? 0) + Math.min(bought.length, 1);
    const violations: Violation[] = [];
    if (compared > attemptsMax) violations.push(violation(`${challenge}: ${compared} guesses were compared`, calls));
    for (const { notBefore } of bought) {
      const spent = guesses.filter((call) => isRefused(call, "CODE_INVALID") && call.answered < notBefore).length;
      if (spent >= attemptsMax) violations.push(violation(`${challenge} was bought after ${spent} wrong guesses`, calls));
    }
    return violations;
  });
}

function violation(what: string, calls: Violation["calls"]): Violation {
  return { invariant: "attempt-cap", what, calls };
}
