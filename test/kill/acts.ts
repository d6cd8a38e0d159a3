import type { Actions, Answer, Kind } from "../histories/history.js";
import { anyRequester, type Ready } from "../histories/ready.js";
import { wrongCode } from "../support/calls.js";
import type { Person } from "./people.js";
import { attemptsMax, toldOfChallenge } from "./told.js";

/** Calls that a caller makes at once for one person. */
export interface Act {
  readonly calls: readonly Ready[];
  /** Refusals that are no reason to complain. */
  readonly allowed: readonly string[];
  /** At least one of the calls must succeed. */
  readonly mustWin: boolean;
  /** What is asked when an answer was lost, once the server is back. Null: nothing. */
  again(): Act | null;
}

let keys = 0;

/** An idempotency key that no other call has. */
export function newKey(): string {
  keys += 1;
  return `kill-${process.pid}-${String(keys).padStart(10, "0")}`;
}

export const keyIf = (keyed: boolean): string | null => (keyed ? newKey() : null);

export function send({ email }: Person, purpose: Actions["send"]["purpose"], key: string | null): Act {
  const ready = call("send", { app: "default", identifier: email, requester: anyRequester, purpose, key });
  return repeatable([ready], { if: key !== null });
}

export function resend({ email }: Person, challenge: string, key: string | null): Act {
  const ready = call("resend", { challenge, identifier: email, requester: anyRequester, key });
  return repeatable([ready], { if: key !== null });
}

/** Right guesses at once, one for each key. */
export function redeem(person: Person, challenge: string, given: readonly (string | null)[]): Act {
  const { calls } = person.recorder;
  const { attempts } = toldOfChallenge(calls, challenge);
  // A guess whose answer was lost may have won, and only its own key can find that out.
  const isOurs = calls.every((one) => {
    const mayHaveWon = one.kind === "verify" && one.action.challenge === challenge && one.action.right;
    return !mayHaveWon || one.answer.kind !== "unknown" || given.includes(one.action.key ?? "");
  });
  const mustWin = attempts.max + given.length <= attemptsMax && isOurs;
  const code = person.codes.get(challenge)!;
  return {
    calls: given.map((key) => call("verify", { challenge, right: true, requester: anyRequester, key }, { secrets: { code } })),
    allowed: mustWin && given.length === 1 ? [] : ["CODE_INVALID"],
    mustWin,
    // A purchase without a key can't be asked for again: another guess shows that it is spent.
    again: () =>
      redeem(
        person,
        challenge,
        given.map((key) => key ?? newKey()),
      ),
  };
}

/** Wrong guesses, `count` at once. */
export function guessWrong(person: Person, challenge: string, count: number): Act {
  const code = person.codes.get(challenge)!;
  const guess = (n: number) =>
    call("verify", { challenge, right: false, requester: anyRequester, key: null }, { secrets: { code: wrongCode(code, n) } });
  return {
    calls: Array.from({ length: count }, (_, n) => guess(n)),
    allowed: ["CODE_INVALID"],
    mustWin: false,
    again: () => null,
  };
}

/** Without a key a call is sure of its successor within the grace only; later it is taken for a thief's. */
const sureMs = 9_000;

/** Exchanges the newest refresh token, `times` at once, which must all get the same successor. */
export function refresh(person: Person, session: string, how: { readonly key: string | null; readonly times: number }): Act {
  const tokens = tokensOf(person, session);
  const generation = Math.max(...tokens.refresh.keys());
  const token = tokens.refresh.get(generation)!;
  const ready = call("refresh", { session, generation, key: how.key }, { secrets: { token } });
  const startedAt = Date.now();
  return {
    ...certain(Array.from({ length: how.times }, () => ready)),
    again: () => (how.key === null && Date.now() - startedAt > sureMs ? null : certain([ready, ready])),
  };
}

export function use(person: Person, session: string): Act {
  return certain([call("use", { session }, asUser(person, session))]);
}

/** Ends a session by one of its tokens. */
export function revokeToken(person: Person, session: string, kind: "access" | "refresh"): Act {
  const { access, refresh: tokens } = tokensOf(person, session);
  const token = kind === "access" ? access.at(-1)! : tokens.get(Math.max(...tokens.keys()))!;
  return repeatable([call("revokeToken", { session }, { secrets: { token } })], { if: true });
}

/** Ends a session from another one of the same user. */
export function revokeSession(person: Person, { session, target }: Actions["revokeSession"]): Act {
  const ready = call("revokeSession", { session, target }, asUser(person, session));
  return repeatable([ready], { if: true, allowed: ["SESSION_NOT_FOUND"] });
}

export function revokeOthers(person: Person, session: string): Act {
  return repeatable([call("revokeOthers", { session }, asUser(person, session))], { if: true });
}

export function deleteUser(person: Person, session: string): Act {
  const ready = call("deleteUser", { session }, asUser(person, session));
  return repeatable([ready], { if: true, allowed: ["TOKEN_INVALID"] });
}

/** Calls that must all succeed and are not repeated. */
function certain(calls: readonly Ready[]): Act {
  return { calls, allowed: [], mustWin: false, again: () => null };
}

/** Calls that must all succeed; repeated, they may be refused because they had succeeded. */
function repeatable(calls: readonly Ready[], how: { readonly if: boolean; readonly allowed?: readonly string[] }): Act {
  return { ...certain(calls), again: () => (how.if ? { ...certain(calls), allowed: how.allowed ?? [] } : null) };
}

function asUser(person: Person, session: string) {
  return { accessToken: tokensOf(person, session).access.at(-1)! };
}

function tokensOf({ world }: Person, session: string) {
  return world.sessions.find((one) => one.session === session)!;
}

function call<K extends Kind>(
  kind: K,
  action: Actions[K],
  given: { readonly secrets?: Ready["secrets"]; readonly accessToken?: string } = {},
): Ready {
  return { kind, action, secrets: {}, requester: anyRequester, ...given } as Ready;
}

/** What is wrong with the answers to an act, given in the order of its calls; lost ones are not judged. */
export function complaints(act: Act, answers: readonly Answer[]): string[] {
  const refused = answers.flatMap((answer, n) => {
    if (answer.kind === "ok" || answer.reason === undefined) return [];
    const { kind } = act.calls[n]!;
    return answer.kind === "refused" && act.allowed.includes(answer.reason) ? [] : [`${kind} failed: ${answer.reason}`];
  });
  const won = answers.some(({ kind }) => kind === "ok" || kind === "unknown");
  return act.mustWin && !won && refused.length === 0 ? [`none of ${answers.length} right codes won`] : refused;
}
