import { callsOf, groupBy, type History, type Violation } from "../history.js";
import { mayBeRedeemedFrom } from "./redemptions.js";
import { type Issue, issuesOf, type Unit, unitsOf } from "./sends.js";

/**
 * Allowances hold over all processes, in any window.
 *
 * Claimed: at every moment the sends that are certainly charged are within the allowance of their identifier and of their requester,
 * and those of a challenge within its cap; the challenges that are certainly live are within the limits of an identifier and of a
 * requester; no two sends of a requester to an identifier are certainly closer than the cooldown; no more wrong guesses of an
 * identifier were compared than its own allowance and those of all requesters who guessed at it together; and sends with one idempotency key make one challenge. A history is much shorter
 * than the windows of an hour, so each window holds all of it.
 *
 * No false positives: a send is charged at the latest when its answer came, calls with one idempotency key once; it is no longer
 * counted from the moment at which the first call began that may have redeemed its challenge, which gives it back. A challenge keeps
 * its place among all of an identifier. Its requester's own place is free from when it or a sibling may have been redeemed. A wrong
 * guess is never given back. An account has one identifier in a history, so its own budgets are never spent first. Two sends are as far
 * apart as the far ends of their intervals: the servers read the clock of this machine within them.
 */
export function budgets(history: History): Violation[] {
  const issues = issuesOf(history);
  const units = unitsOf(history, issues);
  return [
    ...checkSends(units, history),
    ...checkLive(issues, history),
    ...checkCooldown(units, history),
    ...checkGuesses(issues, history),
    ...checkKeys(issues),
  ];
}

/** Something that counts against a limit from one place in the order to another. */
interface Held {
  readonly from: number;
  readonly until: number;
  readonly call: Unit["call"];
}

/** What is certainly held at once when there is most of it. */
function mostAtOnce<T extends Held>(items: readonly T[]): T[] {
  let most: T[] = [];
  for (const { from: place } of items) {
    const held = items.filter(({ from, until }) => from <= place && place < until);
    if (held.length > most.length) most = held;
  }
  return most;
}

function checkLimit<T extends Held>(items: readonly T[], what: string, by: (item: T) => string, max: number): Violation[] {
  return [...groupBy(items, by)].flatMap(([name, group]) => {
    const most = mostAtOnce(group);
    return most.length <= max ? [] : [violation(`${name}: ${most.length} ${what} at once, at most ${max}`, most)];
  });
}

function checkSends(units: readonly Unit[], { limits }: History): Violation[] {
  const ofRequester = ({ identifier, requester }: Unit) => `${identifier} from ${requester}`;
  return [
    ...checkLimit(units, "sends", ({ identifier }) => identifier, limits.sendsPerIdentifier),
    ...checkLimit(units, "sends", ofRequester, limits.sendsPerRequester),
    ...checkLimit(
      // The cap of a challenge is for its life: nothing gives its sends back.
      units.map((unit) => ({ ...unit, until: Infinity })),
      "sends",
      ({ challenge }) => challenge,
      limits.sendsMax,
    ),
  ];
}

function checkLive(issues: readonly Issue[], history: History): Violation[] {
  const { limits } = history;
  const held = issues.map((issue) => {
    const siblings = issues.filter((one) => one.identifier === issue.identifier);
    const until = mayBeRedeemedFrom(
      history,
      siblings.map(({ challenge }) => challenge),
    );
    return { ...issue, until };
  });
  const ofIdentifier = ({ identifier, purpose }: Issue) => `${identifier} for ${purpose}`;
  return [
    ...checkLimit(
      held.map((one) => ({ ...one, until: Infinity })),
      "challenges",
      ofIdentifier,
      limits.livePerIdentifier,
    ),
    ...checkLimit(held, "live challenges", (one) => `${ofIdentifier(one)} from ${one.requester}`, limits.livePerRequester),
  ];
}

function checkCooldown(units: readonly Unit[], { limits }: History): Violation[] {
  const groups = groupBy(units, ({ identifier, requester }) => `${identifier} from ${requester}`);
  return [...groups].flatMap(([name, group]) => {
    const close = group.flatMap((a, index) => group.slice(index + 1).map((b) => [a, b] as const));
    const pair = close.find(([a, b]) => farthestMs(a, b) < limits.cooldownMsMin);
    return pair === undefined ? [] : [violation(`${name}: two sends within ${farthestMs(...pair)} ms`, pair)];
  });
}

function farthestMs(a: Unit, b: Unit): number {
  return Math.max(a.byMs - b.sinceMs, b.byMs - a.sinceMs);
}

function checkGuesses(issues: readonly Issue[], history: History): Violation[] {
  // A right code of an erased person is compared as a wrong one.
  const guesses = callsOf(history, "verify");
  return [...groupBy(issues, ({ identifier }) => identifier)].flatMap(([identifier, group]) => {
    const challenges = group.map(({ challenge }) => challenge);
    const compared = challenges.reduce((sum, challenge) => sum + (history.mismatches.get(challenge) ?? 0), 0);
    const calls = guesses.filter(({ action }) => challenges.includes(action.challenge));
    const requesters = new Set(calls.map(({ action }) => action.requester)).size;
    const { guessesPerIdentifier, guessesPerRequester } = history.limits;
    if (compared <= Math.min(guessesPerIdentifier, requesters * guessesPerRequester)) return [];
    return [{ invariant: "budgets", what: `${identifier}: ${compared} wrong guesses were compared`, calls }];
  });
}

function checkKeys(issues: readonly Issue[]): Violation[] {
  const keyed = issues.filter(({ call }) => call.action.key !== null);
  return [...groupBy(keyed, ({ call }) => JSON.stringify(call.action))].flatMap(([, same]) =>
    same.length === 1 ? [] : [violation(`${same[0]!.identifier}: ${same.length} challenges for one idempotency key`, same)],
  );
}

function violation(what: string, held: readonly { readonly call: Unit["call"] }[]): Violation {
  return { invariant: "budgets", what, calls: held.map(({ call }) => call) };
}
