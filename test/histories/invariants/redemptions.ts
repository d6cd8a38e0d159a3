import { type Call, callsOf, groupBy, type History, type OkCall } from "../history.js";

/** One purchase that calls were told of. Calls with one idempotency key are one purchase, calls without are one each. */
export interface Redemption {
  readonly challenge: string;
  /** Those that were told of it, first answer first. */
  readonly told: readonly OkCall<"verify">[];
  /** It did not happen before this place: the first of the calls that may have made it, told of it or not, began here. */
  readonly notBefore: number;
  /** It had happened at this place. */
  readonly doneBy: number;
}

/** All purchases of each challenge. More than one is what must not be. */
export function redemptionsOf(history: History): Map<string, Redemption[]> {
  const byChallenge = groupBy(callsOf(history, "verify"), ({ action }) => action.challenge);
  return new Map([...byChallenge].map(([challenge, calls]) => [challenge, redemptions(challenge, calls)]));
}

function redemptions(challenge: string, calls: readonly Call<"verify">[]): Redemption[] {
  let unkeyed = 0;
  const groups = groupBy(calls, ({ action: { key, right } }) => {
    if (key !== null) return `${right} ${key}`;
    unkeyed += 1;
    return `without key ${unkeyed}`;
  });
  return [...groups.values()].flatMap((group) => {
    const told = group.filter((call): call is OkCall<"verify"> => call.answer.kind === "ok");
    told.sort((a, b) => a.answered - b.answered);
    if (told.length === 0) return [];
    const notBefore = Math.min(...group.map(({ invoked }) => invoked));
    return [{ challenge, told, notBefore, doneBy: told[0]!.answered }];
  });
}

/**
 * When a challenge may have been bought at the earliest; Infinity: certainly never. A lost answer may have been a purchase, a
 * refusal was none.
 */
export function mayBeRedeemedFrom(history: History, challenges: readonly string[]): number {
  const buying = callsOf(history, "verify").filter(
    ({ action, answer }) => challenges.includes(action.challenge) && action.right && answer.kind !== "refused",
  );
  return Math.min(Infinity, ...buying.map(({ invoked }) => invoked));
}

/**
 * From which place on the work may have been done that a right guess was told the result of: a process lets calls with one
 * idempotency key share it, so that of a twin that was under way when the call began may be it.
 */
export function workBeganAt(call: Call<"verify">, calls: readonly Call[]): number {
  const { challenge, right, key } = call.action;
  if (key === null) return call.invoked;
  const shared = calls.filter(
    (other) =>
      other.kind === "verify" &&
      other.action.challenge === challenge &&
      other.action.right === right &&
      other.action.key === key &&
      other.invoked < call.invoked &&
      other.answered > call.invoked,
  );
  return Math.min(call.invoked, ...shared.map(({ invoked }) => invoked));
}
