import { groupBy, type History, type OkCall, okCallsOf, type Purpose } from "../history.js";
import { mayBeRedeemedFrom } from "./redemptions.js";

/** A challenge that callers were told of. */
export interface Issue {
  readonly challenge: string;
  readonly identifier: string;
  readonly requester: string;
  readonly purpose: Purpose;
  /** It was there at this place in the order. */
  readonly from: number;
  /** The first answer that told of it; repeats with its idempotency key are the same issue. */
  readonly call: OkCall<"send">;
}

/** One send that was charged. */
export interface Unit {
  readonly challenge: string;
  readonly identifier: string;
  readonly requester: string;
  /** Certainly charged from the one place in the order to the other, where it may have been given back. */
  readonly from: number;
  readonly until: number;
  /** By the machine's clock it was charged between these two. */
  readonly sinceMs: number;
  readonly byMs: number;
  readonly call: OkCall<"send"> | OkCall<"resend">;
}

export function issuesOf(history: History): Issue[] {
  const groups = groupBy(okCallsOf(history, "send"), ({ answer }) => answer.result.challenge);
  return [...groups].map(([challenge, told]) => {
    const call = firstAnswered(told);
    return { challenge, ...call.action, from: call.answered, call };
  });
}

/** The first sends of all challenges, and their resends. */
export function unitsOf(history: History, issues: readonly Issue[]): Unit[] {
  const until = (challenge: string): number => mayBeRedeemedFrom(history, [challenge]);
  const first = issues.map(({ call, ...issue }) => ({
    ...issue,
    ...timesOf(history, call),
    until: until(issue.challenge),
    call,
  }));
  let unkeyed = 0;
  const groups = groupBy(okCallsOf(history, "resend"), ({ action: { challenge, key } }) => {
    if (key !== null) return `${challenge} ${key}`;
    unkeyed += 1;
    return `without key ${unkeyed}`;
  });
  const again = [...groups.values()].map((told) => {
    const call = firstAnswered(told);
    return { ...call.action, ...timesOf(history, call), from: call.answered, until: until(call.action.challenge), call };
  });
  return [...first, ...again];
}

/** What was told may have been charged by any call with the same idempotency key, also by one whose answer was lost. */
function timesOf({ calls }: History, told: Unit["call"]): Pick<Unit, "sinceMs" | "byMs"> {
  const name = JSON.stringify(told.action);
  const twins = calls.filter(({ kind, action }) => kind === told.kind && JSON.stringify(action) === name);
  const since = told.action.key === null ? told.invokedMs : Math.min(...twins.map(({ invokedMs }) => invokedMs));
  return { sinceMs: since, byMs: told.answeredMs };
}

/** Repeats with one key may have been the very call that was charged; then that was before the first of the answers. */
function firstAnswered<T extends { readonly answered: number }>(told: readonly T[]): T {
  return told.reduce((first, call) => (call.answered < first.answered ? call : first));
}
