/** What callers were told, kept outside the server, to hold the server to it after every crash. */
export interface Ledger {
  readonly users: User[];
  readonly byEmail: Map<string, User>;
  readonly mails: { readonly to: string; readonly code: string }[];
  /** How often each message was being sent when a server died: so many copies more there may be, by challenge and message. */
  readonly brokenSends: Map<string, Map<string, number>>;
  /** What callers saw that must never be. */
  readonly violations: string[];
}

export interface User {
  readonly email: string;
  /** Known after the first sign-in. */
  userId: string | null;
  deleted: boolean;
  /** A send without idempotency key got no answer: nobody knows which challenges there are. */
  abandoned: boolean;
  /** A caller works with this user, or waits for an answer that was lost. */
  busy: boolean;
  readonly challenges: Challenge[];
  readonly sessions: Session[];
  /** Codes that were mailed, each once. */
  readonly codes: string[];
  /** Guesses that may be counted against the address. */
  wrongGuesses: number;
  /** Sessions that were bought by calls whose answer was lost for good. */
  lostSessions: number;
  /** When the cooldown between sends is certainly over. */
  nextSendAt: number;
}

/** Least and most that can have happened: they differ where answers were lost. */
export interface Range {
  min: number;
  max: number;
}

export interface Challenge {
  readonly challengeId: string;
  code: string | null;
  readonly attempts: Range;
  readonly sends: Range;
  /** All sessions that it was ever seen to buy. */
  readonly sessionIds: Set<string>;
  state: "open" | "redeemed" | "dead";
  readonly issuedAt: number;
  resendAt: number;
}

export interface Session {
  readonly sessionId: string;
  accessToken: string;
  refreshToken: string;
  readonly generation: Range;
  state: "live" | "ended" | "unknown";
  /** Used since it was last checked. */
  touched: boolean;
}

const minute = 60_000;
/** The longest that a setting allows, so that a slow run is no reason to find a code expired. */
export const codeTtlMs = 10 * minute;
export const attemptsMax = 5;
export const sendsMax = 5;

export function createLedger(): Ledger {
  return { users: [], byEmail: new Map(), mails: [], brokenSends: new Map(), violations: [] };
}

export function addUser(ledger: Ledger, email: string): User {
  const user: User = {
    email,
    userId: null,
    deleted: false,
    abandoned: false,
    busy: false,
    challenges: [],
    sessions: [],
    codes: [],
    wrongGuesses: 0,
    lostSessions: 0,
    nextSendAt: 0,
  };
  ledger.users.push(user);
  ledger.byEmail.set(email, user);
  return user;
}

/** The challenge that can still be redeemed: callers make no second one beside it, and leave alone one that expires soon. */
export function openChallenge(user: User): Challenge | undefined {
  const issuedAfter = Date.now() - (codeTtlMs - minute);
  return user.challenges.find(({ state, issuedAt }) => state === "open" && issuedAt > issuedAfter);
}

export function addChallenge(user: User, issued: { readonly challengeId: string; readonly resendAt: number }): Challenge {
  const known = user.challenges.find(({ challengeId }) => challengeId === issued.challengeId);
  if (known !== undefined) return known;
  const challenge: Challenge = {
    ...issued,
    code: null,
    attempts: { min: 0, max: 0 },
    sends: { min: 1, max: 1 },
    sessionIds: new Set(),
    state: "open",
    issuedAt: Date.now(),
  };
  user.challenges.push(challenge);
  assignCodes(user);
  return challenge;
}

/** Notes a mail. One to an address that nobody wrote from, or with a code that belongs to no challenge, shows in `checkMails`. */
export function receiveMail(ledger: Ledger, to: string, code: string): void {
  ledger.mails.push({ to, code });
  const user = ledger.byEmail.get(to);
  if (user === undefined || user.codes.includes(code)) return;
  user.codes.push(code);
  assignCodes(user);
}

/** A user has one challenge without a code at most, so a new code is that one's. */
function assignCodes(user: User): void {
  const free = user.codes.filter((code) => !user.challenges.some((challenge) => challenge.code === code));
  const waiting = user.challenges.filter((challenge) => challenge.code === null);
  if (free[0] !== undefined && waiting[0] !== undefined && !user.abandoned) waiting[0].code = free[0];
}

export function addSession(
  user: User,
  given: { readonly sessionId: string; readonly accessToken: string; readonly refreshToken: string },
): void {
  const known = user.sessions.find(({ sessionId }) => sessionId === given.sessionId);
  if (known !== undefined) return;
  user.sessions.push({ ...given, generation: { min: 0, max: 0 }, state: "live", touched: true });
}

/** At least `least` more and at most `most`, within what the server allows. */
export function widen(range: Range, least: number, most: number, limit = Number.POSITIVE_INFINITY): void {
  range.min = Math.min(range.min + least, limit);
  range.max = Math.min(range.max + most, limit);
}
