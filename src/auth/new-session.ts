import { randomBytes } from "node:crypto";
import { randomUuid } from "../crypto/random.js";
import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import type { NewSession, Session } from "../model/session.js";
import { testIdentifierOf } from "../model/test-identifier.js";
import type { EpochMs } from "../model/time.js";
import type { Deps } from "./deps.js";
import { invalidField } from "./errors.js";
import type { TokenSubject } from "./field-claims.js";
import type { TokenSet } from "./tokens.js";
import { issueTokens } from "./tokens.js";

/** What a sign-in gives the caller. */
export type SessionKind = "tokens" | "credential" | "none";

/** A new session as its caller gets it. */
export type GivenSession =
  | { readonly kind: "tokens"; readonly tokens: TokenSet }
  | {
      readonly kind: "credential";
      readonly sessionId: string;
      /** Null if the credential is in the cookie. */
      readonly credential: string | null;
      /** When it expires unless it is used. */
      readonly expiresAt: EpochMs;
      /** When it expires although it is used. */
      readonly endsAt: EpochMs;
    };

/**
 * Returns what a sign-in of this caller gives. Throws REQUEST_INVALID if the caller can't get what it asked for: a public client
 * gets a credential only as a cookie, which no script can read.
 */
export function sessionKindOf(caller: Caller, asked: SessionKind | undefined): SessionKind {
  const withCookie = caller.cookie !== null;
  if (asked === undefined) return withCookie ? "credential" : "tokens";
  if (asked === "tokens" && withCookie) {
    throw invalidField(
      "session",
      "tokens are not given with the header x-latchkey-session: leave out the header or this field",
    );
  }
  if (asked === "credential" && !withCookie && !caller.confidential) {
    throw invalidField(
      "session",
      "public clients get a credential only as a cookie: send the header x-latchkey-session: cookie",
    );
  }
  return asked;
}

/** The `amr` value of a code for each channel. `sms` and `tel` are registered (RFC 8176 §2); for the others nothing is. */
const amrOf = {
  email: "latchkey:email",
  sms: "sms",
  whatsapp: "latchkey:whatsapp",
  voice: "tel",
  ussd: "latchkey:ussd",
} as const;

/** The `amr` value of the code of a test identifier, which no channel carried. */
export const testAmr = "test";

/** Returns the session that a redemption starts, or null if it starts none. */
export function newSessionOf(
  deps: Deps,
  caller: Caller,
  { challenge, kind }: { readonly challenge: Challenge; readonly kind: SessionKind },
): NewSession | null {
  const { codeSignIn, refreshAbsoluteMs, refreshIdleMs } = caller.policy;
  if (kind === "none" || !codeSignIn) return null;
  const now = deps.clock();
  // The session of a test account ends with the test identifier.
  const test = challenge.isTest ? testIdentifierOf(caller.app.testIdentifiers, challenge.contact, now) : null;
  const endsAt = challenge.isTest ? (test?.endsAt ?? now) : Number.POSITIVE_INFINITY;
  const secrets = { keyId: deps.refreshTokens.currentKeyId, family: randomBytes(16) };
  return {
    sessionId: randomUuid(),
    ...secrets,
    appId: caller.app.appId,
    clientId: caller.client.clientId,
    ip: caller.address,
    userAgent: caller.userAgent,
    amr: [challenge.isTest ? testAmr : amrOf[challenge.channel]],
    credentialHash: kind === "credential" ? deps.sessionCredentials.mint(secrets).hash : null,
    expiresAt: Math.min(now + refreshAbsoluteMs, endsAt),
    idleExpiresAt: Math.min(now + refreshIdleMs, now + refreshAbsoluteMs, endsAt),
  };
}

/** Returns the tokens or the credential of a new session. */
export async function giveSession(
  deps: Deps,
  caller: Caller,
  { session, subject, now }: { readonly session: Session; readonly subject: TokenSubject; readonly now: EpochMs },
): Promise<GivenSession> {
  if (session.credentialHash === null) {
    return { kind: "tokens", tokens: await issueTokens(deps, session, { caller, subject, withIdToken: true, now }) };
  }
  const { sessionId, idleExpiresAt, expiresAt } = session;
  const { credential } = deps.sessionCredentials.mint(session);
  return { kind: "credential", sessionId, credential, expiresAt: idleExpiresAt, endsAt: expiresAt };
}

/** Moves a credential into the cookie of the caller's answer, if the caller asked for the cookie. It is then nowhere else. */
export function intoCookie({ cookie }: Caller, given: GivenSession | null, now: EpochMs): GivenSession | null {
  if (cookie === null || given?.kind !== "credential" || given.credential === null) return given;
  cookie.set(given.credential, { maxAgeSeconds: Math.max(Math.floor((given.endsAt - now) / 1000), 0) });
  return { ...given, credential: null };
}
