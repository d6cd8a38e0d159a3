import { decodeJwt, type JWTPayload, jwtVerify } from "jose";
import type { Scope } from "../model/scope.js";
import type { Session } from "../model/session.js";
import type { EpochMs } from "../model/time.js";
import { randomId } from "./random.js";
import { signCompact } from "./sign-jws.js";
import type { SigningKeys } from "./signing-keys.js";
import { type AccessClaims, accessClaimsOf, type ProofClaims, proofClaimsOf } from "./token-claims.js";

/** The lifetime of a token, starting at `now`. */
export interface TokenLife {
  readonly ttlMs: number;
  readonly now: EpochMs;
}

/** Claims about the user that tokens carry if the app's policy says so. Those of the profile are of OpenID Connect Core §5.1. */
export interface UserFieldClaims {
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly phone_number?: string;
  readonly phone_number_verified?: boolean;
  readonly preferred_username?: string;
  /** The roles in the app (RFC 9068 §2.2.3.1). */
  readonly roles?: readonly string[];
  /** App attributes by name. */
  readonly app?: Readonly<Record<string, unknown>>;
}

/** Signs and checks JWTs with the deployment's signing keys. */
export interface AccessTokens {
  /** Signs a user's access token (RFC 9068). */
  signAccess(
    session: Session,
    options: TokenLife & { readonly audience: string; readonly fields?: UserFieldClaims },
  ): Promise<string>;
  /** Signs the access token of a client that calls for itself (RFC 9068 §2.2: `sub` is the client). */
  signClient(
    client: { readonly clientId: string; readonly scopes: readonly Scope[] },
    options: TokenLife & { readonly audience: string },
  ): Promise<string>;
  /** Signs an OpenID Connect id token for the session's client. */
  signId(session: Session, options: TokenLife & { readonly fields?: UserFieldClaims }): Promise<string>;
  /** Signs a proof of a contact for the client that requested it. */
  signProof(
    proof: {
      readonly clientId: string;
      readonly challengeId: string;
      readonly contact: { readonly kind: string; readonly value: string };
    },
    life: TokenLife,
  ): Promise<string>;
  /** Returns null if the proof is not ours, expired, malformed or a token of another type. */
  verifyProof(token: string, now: EpochMs): Promise<ProofClaims | null>;
  /**
   * Returns null if the token is not ours, expired, malformed or of another type. Remembers valid tokens, so that each
   * signature is verified once.
   */
  verifyAccess(token: string, now: EpochMs): Promise<AccessClaims | null>;
  /** Returns the public keys as JSON text of a JWK set. */
  jwks(): string;
}

export interface AccessTokenOptions {
  readonly keys: SigningKeys;
  /** The exact `iss` claim. */
  readonly issuer: string;
}

/** Returns when a token signed now expires: in whole seconds, and never after its session. */
export function accessTokenExpiresAt(session: Session, { ttlMs, now }: TokenLife): EpochMs {
  const ownEnd = Math.floor(now / 1000) * 1000 + ttlMs;
  return Math.floor(Math.min(ownEnd, session.expiresAt) / 1000) * 1000;
}

const tokenLengthMax = 4096;
/** How many valid tokens are remembered. The oldest is dropped first. */
const rememberedMax = 20_000;
/** Tolerates tokens from machines whose clock is slightly ahead. */
const skewSeconds = 30;

export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const { keys, issuer } = options;
  const remembered = new Map<string, { readonly keyId: string; readonly claims: AccessClaims }>();

  function sign(typ: string, payload: JWTPayload, { now, expiresAt }: { now: EpochMs; expiresAt: EpochMs }): Promise<string> {
    const key = keys.current(now);
    const claims = { iss: issuer, ...payload, iat: Math.floor(now / 1000), exp: Math.floor(expiresAt / 1000) };
    return signCompact({ alg: key.alg, kid: key.keyId, typ }, claims, key.privateKey);
  }

  /** The whole token is the key, so a token that differs in one bit is verified again. */
  function recall(token: string, now: EpochMs): AccessClaims | null {
    const hit = remembered.get(token);
    if (hit === undefined) return null;
    if (hit.claims.expiresAt > now && keys.find(hit.keyId) !== undefined) return hit.claims;
    remembered.delete(token);
    return null;
  }

  function remember(token: string, keyId: string, claims: AccessClaims): void {
    if (remembered.size >= rememberedMax) remembered.delete(remembered.keys().next().value!);
    remembered.set(token, { keyId, claims });
  }

  return {
    signAccess(session, options) {
      return sign(
        "at+jwt",
        {
          aud: options.audience,
          sub: session.userId,
          client_id: session.clientId,
          jti: randomId(),
          sid: session.sessionId,
          auth_time: Math.floor(session.createdAt / 1000),
          amr: session.amr,
          ...options.fields,
        },
        { now: options.now, expiresAt: accessTokenExpiresAt(session, options) },
      );
    },
    signClient({ clientId, scopes }, { audience, ttlMs, now }) {
      return sign(
        "at+jwt",
        { aud: audience, sub: clientId, client_id: clientId, jti: randomId(), scope: scopes.join(" ") },
        { now, expiresAt: now + ttlMs },
      );
    },
    signId(session, options) {
      return sign(
        "JWT",
        {
          aud: session.clientId,
          sub: session.userId,
          sid: session.sessionId,
          auth_time: Math.floor(session.createdAt / 1000),
          amr: session.amr,
          ...options.fields,
        },
        { now: options.now, expiresAt: accessTokenExpiresAt(session, options) },
      );
    },
    signProof({ clientId, challengeId, contact }, { ttlMs, now }) {
      return sign("latchkey-proof+jwt", { aud: clientId, jti: challengeId, contact }, { now, expiresAt: now + ttlMs });
    },
    async verifyProof(token, now) {
      if (token.length > tokenLengthMax) return null;
      const required = ["aud", "jti", "iat", "exp", "contact"];
      const verified = await verifySignature(token, keys, { issuer, now, typ: "latchkey-proof+jwt", required });
      return verified === null ? null : proofClaimsOf(verified.payload);
    },
    async verifyAccess(token, now) {
      if (token.length > tokenLengthMax) return null;
      const known = recall(token, now);
      if (known !== null) return known;
      const required = ["aud", "sub", "client_id", "jti", "iat", "exp"];
      const verified = await verifySignature(token, keys, { issuer, now, typ: "at+jwt", required });
      const claims = verified === null ? null : accessClaimsOf(verified.payload);
      if (verified !== null && claims !== null) remember(token, verified.keyId, claims);
      return claims;
    },
    jwks: keys.jwks,
  };
}

/** RFC 9068 §4, with only this deployment's algorithms and keys. An unknown `kid` is rejected. */
async function verifySignature(
  token: string,
  keys: SigningKeys,
  expected: { readonly issuer: string; readonly now: EpochMs; readonly typ: string; readonly required: string[] },
): Promise<{ keyId: string; payload: JWTPayload } | null> {
  try {
    const { payload, protectedHeader } = await jwtVerify(
      token,
      ({ kid, alg }) => {
        const key = typeof kid === "string" ? keys.find(kid) : undefined;
        if (key === undefined || key.alg !== alg) throw new Error("unknown key");
        return key.publicKey;
      },
      {
        issuer: expected.issuer,
        typ: expected.typ,
        algorithms: ["ES256", "EdDSA", "RS256"],
        requiredClaims: expected.required,
        currentDate: new Date(expected.now),
      },
    );
    if (payload.iat === undefined || payload.iat * 1000 > expected.now + skewSeconds * 1000) return null;
    return { keyId: protectedHeader.kid!, payload };
  } catch {
    return null;
  }
}

/** Returns whether a token claims to be a client's own. Checks nothing. */
export function looksLikeClientToken(token: string): boolean {
  if (token.length > tokenLengthMax) return false;
  try {
    const { sub, sid, client_id: clientId } = decodeJwt(token);
    return sub !== undefined && sub === clientId && sid === undefined;
  } catch {
    return false;
  }
}
