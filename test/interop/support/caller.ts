import type { Latchkey } from "./latchkey.js";
import { until } from "./until.js";

/** The tokens of a sign-in or a refresh, as JSON over Connect has them. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** At sign-in only. */
  readonly idToken?: string;
  readonly sessionId: string;
}

export interface SignIn {
  readonly tokens: Tokens;
  readonly user: { readonly userId: string; readonly displayName?: string };
  readonly isNewUser?: boolean;
}

export interface ListedSession {
  readonly sessionId: string;
  readonly current?: boolean;
}

/** A refusal by the service. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    readonly reason: string | undefined,
  ) {
    super(`${code} ${reason}`);
  }
}

export interface Caller {
  readonly accessToken?: string;
  /** Another network address than this machine's, where the server trusts this machine as a proxy. */
  readonly address?: string;
}

/** Calls a method as Connect's JSON, which any HTTP client can. */
export async function call<T>(latchkey: Latchkey, method: string, request: object, caller: Caller = {}): Promise<T> {
  const { accessToken, address } = caller;
  const response = await fetch(`${latchkey.issuer}/latchkey.v1.AuthService/${method}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "connect-protocol-version": "1",
      ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
      ...(address === undefined ? {} : { "x-forwarded-for": address }),
    },
    body: JSON.stringify(request),
  });
  const body = await response.json();
  if (response.ok) return body as T;
  const { code, details = [] } = body as { code: string; details?: { type: string; debug?: { reason?: string } }[] };
  throw new Refused(code, details.find(({ type }) => type === "google.rpc.ErrorInfo")?.debug?.reason);
}

/** The reason of the refusal; undefined when the call is not refused. */
export async function refusal(answer: Promise<unknown>): Promise<string | undefined> {
  return await answer.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Refused) return error.reason;
      throw error;
    },
  );
}

export async function codeTo(latchkey: Latchkey, challengeId: string): Promise<string> {
  return await until(`a code for ${challengeId}`, async () => {
    const messages = await inboxMessages(latchkey);
    return messages.find((message) => message.challengeId === challengeId)?.code;
  });
}

export async function inboxMessages(latchkey: Latchkey): Promise<{ to: string; code: string; challengeId: string }[]> {
  return (await (await fetch(`${latchkey.inboxUrl}/messages`)).json()) as { to: string; code: string; challengeId: string }[];
}

/** Signs in by e-mail. `registeredOnly`: refused for who has no user. */
export async function signIn(
  latchkey: Latchkey,
  email: string,
  { registeredOnly = false, address }: { registeredOnly?: boolean; address?: string } = {},
): Promise<SignIn> {
  const caller = address === undefined ? {} : { address };
  const request = { email, createUserIfMissing: !registeredOnly };
  const { challenge } = await call<{ challenge: { challengeId: string } }>(latchkey, "SendOtp", request, caller);
  const { challengeId } = challenge;
  return await call<SignIn>(latchkey, "VerifyOtp", { challengeId, code: await codeTo(latchkey, challengeId) }, caller);
}

export async function refresh(latchkey: Latchkey, refreshToken: string): Promise<Tokens> {
  return (await call<{ tokens: Tokens }>(latchkey, "RefreshToken", { refreshToken })).tokens;
}

export async function listSessions(latchkey: Latchkey, accessToken: string): Promise<readonly ListedSession[]> {
  return (await call<{ sessions?: ListedSession[] }>(latchkey, "ListSessions", {}, { accessToken })).sessions ?? [];
}
