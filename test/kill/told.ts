import { type Call, callsOf, groupBy, isBefore, isRefused, type OkCall } from "../histories/history.js";

// What one person's calls were told of a thing, as far as it binds the database.

/** Least and most that can have happened: they differ where answers were lost. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

export interface ToldChallenge {
  readonly attempts: Range;
  readonly sends: Range;
  readonly state: "open" | "redeemed" | "maybe redeemed" | "exhausted";
  /** All sessions that it was ever seen to buy. */
  readonly sessions: ReadonlySet<string>;
  /** It was not issued before. */
  readonly sinceMs: number;
  /** When its code was last asked for, at the latest. */
  readonly sentByMs: number;
}

export interface ToldSession {
  readonly state: "live" | "ended" | "unknown";
  readonly generation: Range;
}

export const attemptsMax = 5;
export const sendsMax = 5;

export function toldOfChallenge(calls: readonly Call[], challenge: string): ToldChallenge {
  const guesses = only(calls, "verify").filter(({ action }) => action.challenge === challenge);
  const rights = guesses.filter(({ action }) => action.right);
  const told = rights.filter((call): call is OkCall<"verify"> => call.answer.kind === "ok");
  const firstRight = Math.min(...rights.map(({ invoked }) => invoked));
  const doneBy = Math.min(...told.map(({ answered }) => answered));
  const wrong = guesses.filter((call) => !call.action.right && isRefused(call, "CODE_INVALID") && call.answered < firstRight);
  // Once it was redeemed no guess takes an attempt.
  const mayHaveTaken = guesses.filter(({ invoked }) => invoked < doneBy).length;
  const attempts = range(wrong.length + Math.min(told.length, 1), mayHaveTaken, attemptsMax);
  const issues = only(calls, "send").filter(({ answer }) => answer.kind === "ok" && answer.result.challenge === challenge);
  const sendKeys = issues.map(({ action }) => action.key).filter((key) => key !== null);
  const tries = only(calls, "send").filter((call) => issues.includes(call) || sendKeys.includes(call.action.key ?? ""));
  const resends = only(calls, "resend").filter(({ action }) => action.challenge === challenge);
  return {
    attempts,
    sends: sendsOf(resends),
    state: stateOf(told.length > 0, rights, attempts),
    sessions: new Set(told.map(({ answer }) => answer.result.session)),
    sinceMs: Math.min(...tries.map(({ invokedMs }) => invokedMs)),
    sentByMs: Math.max(...[...tries, ...resends].map(({ answeredMs }) => answeredMs)),
  };
}

function stateOf(isTold: boolean, rights: readonly Call<"verify">[], attempts: Range): ToldChallenge["state"] {
  if (isTold) return "redeemed";
  if (rights.some(({ answer }) => answer.kind === "unknown")) return "maybe redeemed";
  return attempts.max >= attemptsMax ? "exhausted" : "open";
}

function sendsOf(resends: readonly Call<"resend">[]): Range {
  // Calls with one idempotency key are one send.
  const keyed = groupBy(
    resends.filter(({ action }) => action.key !== null),
    ({ action }) => action.key!,
  );
  const groups = [...keyed.values(), ...resends.filter(({ action }) => action.key === null).map((call) => [call])];
  const certain = groups.filter((group) => group.some(({ answer }) => answer.kind === "ok")).length;
  const possible = groups.filter((group) => group.some(({ answer }) => answer.kind !== "refused")).length;
  return range(1 + certain, 1 + possible, sendsMax);
}

export function toldOfSession(calls: readonly Call[], session: string): ToldSession {
  const signIn = only(calls, "verify").find(({ answer }) => answer.kind === "ok" && answer.result.session === session);
  const refreshes = only(calls, "refresh").filter(({ action }) => action.session === session);
  const told = refreshes.flatMap(({ answer }) => (answer.kind === "ok" ? [answer.result.generation] : []));
  const newest = Math.max(0, ...told);
  const lost = refreshes.filter(({ action, answer }) => answer.kind === "unknown" && action.generation >= newest);
  const ends = calls.filter((call) => signIn !== undefined && isBefore(signIn, call) && aimsAt(call, session));
  const isEnded = ends.some((call) => call.answer.kind === "ok" || isRefused(call, "SESSION_NOT_FOUND")) || isDeleted(calls);
  const isUnsure = lost.length > 0 || ends.some(({ answer }) => answer.kind === "unknown");
  const generation = { min: newest, max: newest + Math.min(lost.length, 1) };
  return { state: isEnded ? "ended" : isUnsure ? "unknown" : "live", generation };
}

/** Whether a call asks for the end of a session. */
function aimsAt(call: Call, session: string): boolean {
  switch (call.kind) {
    case "revokeToken":
      return call.action.session === session;
    case "revokeSession":
      return call.action.target === session;
    case "revokeOthers":
      return call.action.session !== session;
    default:
      return call.kind === "deleteUser";
  }
}

/** Whether the account is certainly gone: a repeat that finds no session any more says so too. */
export function isDeleted(calls: readonly Call[]): boolean {
  const deletions = only(calls, "deleteUser");
  if (deletions.some(({ answer }) => answer.kind === "ok")) return true;
  const lost = deletions.find(({ answer }) => answer.kind === "unknown");
  return lost !== undefined && deletions.some((call) => isRefused(call, "TOKEN_INVALID"));
}

export function mayBeDeleted(calls: readonly Call[]): boolean {
  return only(calls, "deleteUser").some(({ answer }) => answer.kind !== "refused");
}

/** The person's user; null: no sign-in was answered. */
export function toldUser(calls: readonly Call[]): string | null {
  for (const { answer } of only(calls, "verify")) if (answer.kind === "ok") return answer.result.user;
  return null;
}

/** How many sessions may have been bought that were never answered with. */
export function lostSessions(calls: readonly Call[]): number {
  const lost = only(calls, "verify").filter(({ action, answer }) => action.right && answer.kind === "unknown");
  const unknown = new Set(lost.map(({ action }) => action.challenge));
  return [...unknown].filter((challenge) => toldOfChallenge(calls, challenge).state !== "redeemed").length;
}

function only<K extends Call["kind"]>(calls: readonly Call[], kind: K): Call<K>[] {
  return callsOf({ calls, mismatches: new Map(), limits: undefined as never }, kind);
}

function range(min: number, max: number, limit: number): Range {
  return { min: Math.min(min, limit), max: Math.min(Math.max(min, max), limit) };
}
