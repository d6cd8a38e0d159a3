import type { App } from "./app.js";
import type { Client } from "./client.js";
import type { Policy } from "./policy.js";
import type { Scope } from "./scope.js";
import type { Session } from "./session.js";
import type { User } from "./user.js";

/** Where a call comes from. */
export interface CallSource {
  /**
   * In canonical form: IPv4 dotted; IPv6 lower-case and compressed, never an IPv4-mapped address. For a confidential client that
   * names its end user's address, that one.
   */
  readonly address: string;
  /** The device's own description, at most 256 characters without control characters. */
  readonly userAgent: string;
  readonly correlationId: string;
  /** Aborted when the caller disconnects or the deadline passes. */
  readonly signal: AbortSignal;
}

/** The cookie that carries a session credential. Only calls that ask for it have one. */
export interface SessionCookie {
  /** The credential that the caller sent. Undefined: none. Null: several, which is ambiguous. */
  readonly credential: string | null | undefined;
  /** Sets the cookie in the answer. */
  set(credential: string, life: { readonly maxAgeSeconds: number }): void;
  /** Removes the cookie in the answer. */
  clear(): void;
}

/** A client that calls for its app, with everything that applies to its calls. */
export interface Caller extends CallSource {
  /** Whether `address` is the one that uses the app: false for a confidential client that names no end user. */
  readonly hasOwnAddress: boolean;
  readonly client: Client;
  readonly app: App;
  /** The app's policy at the start of the call. Use cases read only this one. */
  readonly policy: Policy;
  /** Whether the call is authenticated as a confidential client. A user's token never does that. */
  readonly confidential: boolean;
  /** Whether the call came over a vendor's path. Left out: no. */
  readonly throughDialect?: boolean;
  /** Empty unless `confidential`. */
  readonly scopes: ReadonlySet<Scope>;
  /** Null unless the call asked for the cookie. */
  readonly cookie: SessionCookie | null;
}

/** A signed-in user calling through a client. */
export interface UserCaller extends Caller {
  readonly session: Session;
  readonly user: User;
}

/** Returns whether the headers of a call prove a user. Calls of methods for clients may have one too. */
export function isSignedIn(caller: Caller): caller is UserCaller {
  return "user" in caller && "session" in caller;
}
