import type { Actions, App, Call, History, Kind, Limits, Results } from "../history.js";

/** When a call began and was answered: places in the order, and with them milliseconds. */
type Interval = readonly [invoked: number, answered: number];

const limits: Limits = {
  attemptsMax: 5,
  sendsMax: 5,
  guessesPerRequester: 10,
  guessesPerIdentifier: 20,
  sendsPerRequester: 5,
  sendsPerIdentifier: 15,
  livePerRequester: 3,
  livePerIdentifier: 10,
  cooldownMsMin: 0,
  graceMs: 10_000,
};

/** A history as a test writes it. */
export function history(
  calls: readonly Call[],
  given: { readonly mismatches?: Readonly<Record<string, number>>; readonly limits?: Partial<Limits> } = {},
): History {
  return { calls, mismatches: new Map(Object.entries(given.mismatches ?? {})), limits: { ...limits, ...given.limits } };
}

export function ok<K extends Kind>(kind: K, at: Interval, action: Actions[K], result: Results[K]): Call {
  return call(kind, at, action, { kind: "ok", result });
}

export function refused<K extends Kind>(kind: K, at: Interval, action: Actions[K], reason: string): Call {
  return call(kind, at, action, { kind: "refused", reason });
}

/** A call whose answer was lost. */
export function lost<K extends Kind>(kind: K, invoked: number, action: Actions[K]): Call {
  return call(kind, [invoked, Number.POSITIVE_INFINITY], action, { kind: "unknown" });
}

function call(kind: Kind, [invoked, answered]: Interval, action: unknown, answer: unknown): Call {
  const times = {
    invoked,
    answered,
    invokedMs: invoked,
    answeredMs: answered === Number.POSITIVE_INFINITY ? invoked : answered,
  };
  return { kind, action, answer, worker: 0, process: 0, ...times } as Call;
}

/** A right guess at challenge `c` that signs in. */
export function signIn(
  at: Interval,
  session: string,
  given: { challenge?: string; key?: string; user?: string; app?: App; isNewUser?: boolean } = {},
): Call {
  const action = {
    challenge: given.challenge ?? `challenge of ${session}`,
    right: true,
    requester: "r",
    key: given.key ?? null,
  };
  const { user = "u", app = "default", isNewUser = false } = given;
  return ok("verify", at, action, { session, user, app, isNewUser });
}

/** A wrong guess that is refused as one. */
export function wrong(at: Interval, challenge: string, requester = "r"): Call {
  return refused("verify", at, { challenge, right: false, requester, key: null }, "CODE_INVALID");
}

export function sent(
  at: Interval,
  challenge: string,
  given: { app?: App; identifier?: string; requester?: string; purpose?: "login" | "registration"; key?: string } = {},
): Call {
  const { app = "default", identifier = "a@example.com", requester = "r", purpose = "login", key = null } = given;
  return ok("send", at, { app, identifier, requester, purpose, key }, { challenge });
}

export function resent(at: Interval, challenge: string, given: { requester?: string; key?: string } = {}): Call {
  const { requester = "r", key = null } = given;
  return ok("resend", at, { challenge, identifier: "a@example.com", requester, key }, {});
}

/** The exchange of a token of a generation; `gives` is that of the token given. */
export function refreshed(
  at: Interval,
  session: string,
  generation: number,
  given: { gives?: number; token?: string; key?: string } = {},
): Call {
  const { gives = generation + 1, token = `token ${gives}`, key = null } = given;
  return ok("refresh", at, { session, generation, key }, { generation: gives, token });
}

export function notRefreshed(at: Interval, session: string, generation: number, reason: string): Call {
  return refused("refresh", at, { session, generation, key: null }, reason);
}

export const used = (at: Interval, session: string): Call => ok("use", at, { session }, {});
export const notUsed = (at: Interval, session: string): Call => refused("use", at, { session }, "TOKEN_INVALID");
export const revoked = (at: Interval, session: string): Call => ok("revokeToken", at, { session }, {});
