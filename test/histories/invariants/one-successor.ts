import { type Call, callsOf, groupBy, type History, isBefore, isRefused, type OkCall, type Violation } from "../history.js";
import { workingAfter } from "./working-sessions.js";

/**
 * A refresh token buys at most one successor that lives, and presenting an older one ends the family.
 *
 * Claimed, for every session: a token is only ever exchanged for the next generation, always as the same text; once the exchange of
 * a token was answered, no older one is exchanged in calls begun afterwards; without a grace a token whose exchange was answered is
 * exchanged again only with the idempotency key of a call that had begun by then; after a call was answered that a token was reused, nothing of the session
 * works in calls begun afterwards; and no token that was given to somebody is taken for one of the future.
 *
 * No false positives: the order of two calls counts only where one was answered before the other began, and then the generation that
 * the database holds can't have been smaller for the second. Lost answers are no exchanges, and the exchange of the newest
 * token's predecessor within the grace, or by its twin, is the same successor again.
 */
export function oneSuccessor(history: History): Violation[] {
  const bySession = groupBy(callsOf(history, "refresh"), ({ action }) => action.session);
  return [...bySession].flatMap(([session, calls]) => [
    ...checkSuccessors(session, calls, history),
    ...checkReuse(session, calls, history),
  ]);
}

function checkSuccessors(session: string, calls: readonly Call<"refresh">[], { limits }: History): Violation[] {
  const violations: Violation[] = [];
  const exchanges = calls.filter((call): call is OkCall<"refresh"> => call.answer.kind === "ok");
  for (const call of exchanges) {
    const { generation } = call.action;
    if (call.answer.result.generation !== generation + 1) {
      violations.push(violation(`${session}: generation ${generation} became ${call.answer.result.generation}`, [call]));
    }
  }
  for (const [generation, same] of groupBy(exchanges, ({ action }) => String(action.generation))) {
    const tokens = new Set(same.map(({ answer }) => answer.result.token));
    if (tokens.size > 1) violations.push(violation(`${session}: generation ${generation} has ${tokens.size} successors`, same));
  }
  for (const later of exchanges) {
    const earlier = exchanges.find((one) => {
      if (!isBefore(one, later)) return false;
      if (later.action.generation < one.action.generation) return true;
      const isSame = later.action.generation === one.action.generation;
      return isSame && limits.graceMs === 0 && !hadTwin(later, one, calls);
    });
    if (earlier !== undefined) {
      const [spent, newer] = [later.action.generation, earlier.action.generation];
      violations.push(violation(`${session}: generation ${spent} was exchanged after ${newer} was`, [earlier, later]));
    }
  }
  return violations;
}

/**
 * Whether a call with the same idempotency key began before an exchange was answered: then it may have made the successor. The
 * exchange itself may have another key all the same, by a clock that was a moment behind.
 */
function hadTwin({ action }: Call<"refresh">, exchange: Call<"refresh">, calls: readonly Call<"refresh">[]): boolean {
  if (action.key === null) return false;
  return calls.some(
    (call) =>
      call.action.key === action.key && call.action.generation === action.generation && call.invoked < exchange.answered,
  );
}

function checkReuse(session: string, calls: readonly Call<"refresh">[], history: History): Violation[] {
  return calls.flatMap((call) => {
    if (isRefused(call, "SESSION_LOST"))
      return [violation(`${session}: generation ${call.action.generation} is forgotten`, [call])];
    if (!isRefused(call, "REFRESH_TOKEN_REUSED")) return [];
    const working = workingAfter(history, session, call.answered);
    return working.length === 0 ? [] : [violation(`${session} works after its token was reused`, [call, ...working])];
  });
}

function violation(what: string, calls: Violation["calls"]): Violation {
  return { invariant: "one-successor", what, calls };
}
