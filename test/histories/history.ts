/**
 * What clients did and saw in one history, as the checker reads it.
 *
 * Words: a *call* is one request of one worker, with the interval between its *invoked* and its *answered*; an answer that was lost
 * is *unknown*: the call took effect once, at any time after it was invoked and perhaps after everything else, or never.
 */
export type Purpose = "login" | "registration";

/** The two apps of a history, which share a pool. */
export type App = "default" | "other";

/** What each kind of call asks for, by the names of what it is about. `key` is an idempotency key. */
export interface Actions {
  readonly send: Send;
  readonly resend: { readonly challenge: string; readonly identifier: string; readonly requester: string; readonly key: Key };
  readonly verify: { readonly challenge: string; readonly right: boolean; readonly requester: string; readonly key: Key };
  /** `generation` is that of the token presented. */
  readonly refresh: { readonly session: string; readonly generation: number; readonly key: Key };
  readonly use: { readonly session: string };
  readonly list: { readonly session: string };
  readonly revokeToken: { readonly session: string };
  readonly revokeSession: { readonly session: string; readonly target: string };
  readonly revokeOthers: { readonly session: string };
  readonly deleteUser: { readonly session: string };
  /** Asks for a code to a contact that the session's user wants to have. */
  readonly startChange: { readonly session: string; readonly contact: string; readonly replaces: string | null };
  /** Gives that code back, with the token of a session. */
  readonly proveChange: Change & { readonly challenge: string; readonly session: string };
  readonly create: { readonly app: App; readonly contact: string; readonly verified: boolean };
  readonly invite: { readonly app: App; readonly contact: string };
  readonly get: MemberName;
  /** By contact. */
  readonly find: { readonly app: App; readonly contact: string };
  readonly lock: MemberName;
  readonly unlock: MemberName;
  /** Ends a membership as an administrator. */
  readonly remove: MemberName;
  readonly addContact: MemberName & { readonly contact: string; readonly verified: boolean };
  readonly removeContact: MemberName & { readonly contact: string };
}

/** A person as a member of one app. */
export interface MemberName {
  readonly app: App;
  readonly user: string;
}

/** A contact that is to become that of a user, in place of another one or beside it. */
export interface Change {
  readonly contact: string;
  readonly replaces: string | null;
}

export interface Send {
  readonly app: App;
  readonly identifier: string;
  readonly requester: string;
  readonly purpose: Purpose;
  readonly key: Key;
}

export type Key = string | null;

/** What a call that succeeded was told. */
export interface Results {
  readonly send: { readonly challenge: string };
  readonly resend: object;
  readonly verify: SignedIn;
  /** `generation` is that of the token given. */
  readonly refresh: { readonly generation: number; readonly token: string };
  readonly use: object;
  readonly list: { readonly sessions: readonly string[] };
  readonly revokeToken: object;
  readonly revokeSession: object;
  readonly revokeOthers: object;
  readonly deleteUser: object;
  readonly startChange: { readonly challenge: string };
  readonly proveChange: { readonly user: string; readonly verified: readonly string[] };
  /** `created` false: the pool had the person. */
  readonly create: View & { readonly created: boolean };
  readonly invite: View & { readonly created: boolean; readonly challenge: string };
  readonly get: View;
  readonly find: View;
  readonly lock: View;
  readonly unlock: View;
  readonly remove: { readonly erased: boolean };
  readonly addContact: View;
  readonly removeContact: View;
}

export interface SignedIn {
  readonly session: string;
  readonly user: string;
  readonly app: App;
  /** The sign-in created the person or joined it to the app. */
  readonly isNewUser: boolean;
}

/** A member as an administrator sees it, with the contacts that are verified and those that the app claims. */
export interface View {
  readonly user: string;
  readonly state: MemberState;
  readonly verified: readonly string[];
  readonly claimed: readonly string[];
}

export type MemberState = "invited" | "active" | "locked";

export type Kind = keyof Actions;

export type Answer<K extends Kind = Kind> =
  | { readonly kind: "ok"; readonly result: Results[K] }
  | { readonly kind: "refused"; readonly reason: string }
  /** With a reason: the service answered, but not whether the call took effect. */
  | { readonly kind: "unknown"; readonly reason?: string };

/** One call. Distributes over kinds, so that `call.kind` tells the type of the rest. */
export type Call<K extends Kind = Kind> = K extends Kind
  ? {
      readonly kind: K;
      readonly action: Actions[K];
      readonly answer: Answer<K>;
      readonly worker: number;
      readonly process: number;
      /** Places in the one order in which the recording process saw all beginnings and ends; `answered` is Infinity if unknown. */
      readonly invoked: number;
      readonly answered: number;
      /** The machine's clock at both, which is the servers' clock too. */
      readonly invokedMs: number;
      readonly answeredMs: number;
    }
  : never;

export type OkCall<K extends Kind> = Call<K> & { readonly answer: { readonly kind: "ok"; readonly result: Results[K] } };

/** The settings that the servers ran with, as far as invariants depend on them. */
export interface Limits {
  readonly attemptsMax: number;
  readonly sendsMax: number;
  readonly guessesPerRequester: number;
  readonly guessesPerIdentifier: number;
  readonly sendsPerRequester: number;
  readonly sendsPerIdentifier: number;
  readonly livePerRequester: number;
  readonly livePerIdentifier: number;
  /** No two sends of a requester to an identifier are closer than this. */
  readonly cooldownMsMin: number;
  readonly graceMs: number;
}

export interface History {
  readonly calls: readonly Call[];
  /** How many wrong guesses the servers say they compared, by challenge. Lines that died with a server are missing. */
  readonly mismatches: ReadonlyMap<string, number>;
  readonly limits: Limits;
}

/** What contradicts an invariant, with the calls that show it. */
export interface Violation {
  readonly invariant: string;
  readonly what: string;
  readonly calls: readonly Call[];
}

export function callsOf<K extends Kind>({ calls }: History, kind: K): Call<K>[] {
  return calls.filter((call): call is Call<K> => call.kind === kind);
}

export function okCallsOf<K extends Kind>(history: History, kind: K): OkCall<K>[] {
  return callsOf(history, kind).filter((call): call is OkCall<K> => call.answer.kind === "ok");
}

/** Whether `a` had certainly happened when `b` began. Of any other two calls either may have come first. */
export function isBefore(a: Call, b: Call): boolean {
  return a.answered < b.invoked;
}

export function isRefused(call: Call, reason: string): boolean {
  return call.answer.kind === "refused" && call.answer.reason === reason;
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
