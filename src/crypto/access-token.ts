import { CompactSign, type JWTPayload, jwtVerify } from "jose";
import type { Session } from "../model/session.js";
import type { EpochMs } from "../model/time.js";
import { randomId } from "./random.js";
import type { SigningKeys } from "./signing-keys.js";

/** The claims of a valid access token. */
export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
  readonly clientId: string;
  readonly expiresAt: EpochMs;
}

/** The lifetime of a token, starting at `now`. */
export interface TokenLife {
  readonly ttlMs: number;
  readonly now: EpochMs;
}

/** Signs and checks JWTs with the deployment's signing keys. */
export interface AccessTokens {
  /** Signs an access token (RFC 9068). */
  signAccess(session: Session, life: TokenLife): Promise<string>;
  /** Signs an OpenID Connect id token for the session's client. */
  signId(session: Session, life: TokenLife): Promise<string>;
  /** Signs a proof of a contact for the client that requested it. */
  signProof(
    proof: {
      readonly clientId: string;
      readonly challengeId: string;
      readonly contact: { readonly kind: string; readonly value: string };
    },
    life: TokenLife,
  ): Promise<string>;
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
  /** The `aud` claim of access tokens. */
  readonly audience: string;
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
  const { keys, issuer, audience } = options;
  const remembered = new Map<string, { readonly keyId: string; readonly claims: AccessClaims }>();

  function sign(typ: string, payload: JWTPayload, { now, expiresAt }: { now: EpochMs; expiresAt: EpochMs }): Promise<string> {
    const key = keys.current(now);
    const claims = { iss: issuer, ...payload, iat: Math.floor(now / 1000), exp: Math.floor(expiresAt / 1000) };
    // `SignJWT` would clone and check our own claims, which is a tenth of the cost of signing.
    return new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: key.alg, kid: key.keyId, typ })
      .sign(key.privateKey);
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
    signAccess(session, life) {
      return sign(
        "at+jwt",
        {
          aud: audience,
          sub: session.userId,
          client_id: session.clientId,
          jti: randomId(),
          sid: session.sessionId,
          auth_time: Math.floor(session.createdAt / 1000),
          amr: session.amr,
        },
        { now: life.now, expiresAt: accessTokenExpiresAt(session, life) },
      );
    },
    signId(session, life) {
      return sign(
        "JWT",
        {
          aud: session.clientId,
          sub: session.userId,
          sid: session.sessionId,
          auth_time: Math.floor(session.createdAt / 1000),
          amr: session.amr,
        },
        { now: life.now, expiresAt: accessTokenExpiresAt(session, life) },
      );
    },
    signProof({ clientId, challengeId, contact }, { ttlMs, now }) {
      return sign("latchkey-proof+jwt", { aud: clientId, jti: challengeId, contact }, { now, expiresAt: now + ttlMs });
    },
    async verifyAccess(token, now) {
      if (token.length > tokenLengthMax) return null;
      const known = recall(token, now);
      if (known !== null) return known;
      const verified = await verifySignature(token, keys, { issuer, audience, now });
      if (verified !== null) remember(token, verified.keyId, verified.claims);
      return verified?.claims ?? null;
    },
    jwks: keys.jwks,
  };
}

/** RFC 9068 §4, with only this deployment's algorithms and keys. An unknown `kid` is rejected. */
async function verifySignature(
  token: string,
  keys: SigningKeys,
  expected: { readonly issuer: string; readonly audience: string; readonly now: EpochMs },
): Promise<{ keyId: string; claims: AccessClaims } | null> {
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
        audience: expected.audience,
        typ: "at+jwt",
        algorithms: ["ES256", "EdDSA", "RS256"],
        requiredClaims: ["sub", "sid", "client_id", "jti", "iat", "exp"],
        currentDate: new Date(expected.now),
      },
    );
    const { sub, sid, client_id: clientId, exp, iat } = payload;
    if (typeof sub !== "string" || typeof sid !== "string" || typeof clientId !== "string") return null;
    if (iat === undefined || exp === undefined || iat > expected.now / 1000 + skewSeconds) return null;
    return { keyId: protectedHeader.kid!, claims: { userId: sub, sessionId: sid, clientId, expiresAt: exp * 1000 } };
  } catch {
    return null;
  }
}
