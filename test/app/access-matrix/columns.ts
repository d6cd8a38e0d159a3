import type { Backend, Cast } from "./cast.js";
import type { Headers } from "./probes.js";

/** Fields of requests that can name what belongs to another user or app. */
export type ForeignField = "session_id" | "challenge_id" | "refresh_token" | "token" | "user_id";

/** By what a call of the matrix is recognised. */
export interface Identity {
  /** Named in `x-latchkey-client`, as public clients and the pages of users do. */
  readonly clientId?: string;
  /** Of a user. */
  readonly accessToken?: string;
  readonly backend?: Backend;
}

/** A column of the matrix: one kind of caller. */
export interface Column {
  readonly name: string;
  /** `scope` is what the method needs; empty: none. */
  identity(cast: Cast, scope: string): Identity;
  /** Fields in which this caller names what is the user's. */
  readonly foreign?: readonly ForeignField[];
}

export const columns: readonly Column[] = [
  { name: "anonymous", identity: () => ({}) },
  { name: "public client", identity: ({ webClientId }) => ({ clientId: webClientId }) },
  { name: "user", identity: ({ user, webClientId }) => ({ accessToken: user.accessToken, clientId: webClientId }) },
  {
    name: "other user",
    identity: ({ otherUser, webClientId }) => ({ accessToken: otherUser.accessToken, clientId: webClientId }),
    foreign: ["session_id"],
  },
  {
    name: "user of a backend",
    identity: ({ userOfBackend, everything }) => ({ accessToken: userOfBackend.accessToken, clientId: everything.clientId }),
  },
  { name: "backend without the scope", identity: (cast, scope) => ({ backend: cast.without(scope) }) },
  { name: "backend with it", identity: (cast, scope) => ({ backend: cast.withOnly(scope) }) },
  {
    name: "backend of another app",
    identity: ({ ofOther }) => ({ backend: ofOther }),
    foreign: ["challenge_id", "refresh_token", "token", "user_id"],
  },
  { name: "operator", identity: ({ operator }) => ({ backend: operator }) },
];

/** The headers of a call. Backends authenticate by their client token or by their secret. */
export function headersOf({ clientId, accessToken, backend }: Identity, by: "token" | "secret"): Headers {
  const authorization =
    backend === undefined ? accessToken && `Bearer ${accessToken}` : by === "token" ? backend.bearer : backend.basic;
  return {
    ...(clientId === undefined ? {} : { "x-latchkey-client": clientId }),
    ...(authorization === undefined ? {} : { authorization }),
  };
}
