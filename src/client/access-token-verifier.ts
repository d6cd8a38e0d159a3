import { errors, type JWTPayload, jwtVerify } from "jose";
import { AccessTokenError } from "./access-token-error.js";
import { createKeySource } from "./key-source.js";

/** The claims of an access token that was found good. Times are milliseconds since 1970. */
export interface AccessTokenClaims {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly userId: string;
  readonly sessionId: string;
  readonly clientId: string;
  readonly tokenId: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** When the user signed in. Null: the token does not say. */
  readonly signedInAt: number | null;
  /** How the user signed in (RFC 8176). */
  readonly amr: readonly string[];
  /** Everything that the token says. */
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface AccessTokenVerifierOptions {
  /** `iss`, exactly: the deployment's LATCHKEY_ISSUER. */
  readonly issuer: string;
  /** One of the token's `aud` must be this. Default: the issuer. */
  readonly audience?: string;
  /** Where the keys are. Default: what the issuer's `/.well-known/openid-configuration` says. */
  readonly jwksUri?: string;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since 1970. Default: this machine's clock. */
  readonly clock?: () => number;
}

/** How far this machine's clock and the issuer's may be apart. */
const clockToleranceSeconds = 5;
const algorithms = ["ES256", "EdDSA", "RS256"];
const requiredClaims = ["sub", "client_id", "jti", "sid", "iat", "exp"];
const tokenLengthMax = 4096;

/**
 * Makes what a resource server checks access tokens with: RFC 9068 §4 by the issuer's published keys. They are fetched at the first
 * token, every 10 minutes, and for a key that is not among them, at most every 30 s. While the issuer can't be reached, known keys
 * are kept for a day. Says nothing about whether the session was ended since the token was issued. Throws `AccessTokenError` only. One
 * verifier serves any number of concurrent calls; make it once.
 */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): (token: string) => Promise<AccessTokenClaims> {
  const { issuer, audience = issuer, clock = Date.now } = options;
  const keySource = createKeySource({ ...options, clock });

  return async (token) => {
    if (token.length > tokenLengthMax) throw new AccessTokenError("TOKEN_INVALID", "too long");
    const now = clock();
    const { payload } = await jwtVerify(token, keySource, {
      issuer,
      audience,
      typ: "at+jwt",
      algorithms,
      requiredClaims,
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now),
    }).catch((error: unknown) => {
      throw toAccessTokenError(error);
    });
    return toClaims(payload, now);
  };
}

function toAccessTokenError(error: unknown): AccessTokenError {
  if (error instanceof AccessTokenError) return error;
  if (error instanceof errors.JOSEError) return new AccessTokenError("TOKEN_INVALID", error.message, error);
  return new AccessTokenError("TOKEN_INVALID", "malformed", error);
}

function toClaims(payload: JWTPayload, now: number): AccessTokenClaims {
  const { iss, aud, sub, sid, client_id: clientId, jti, iat, exp, auth_time: authTime, amr } = payload;
  const isWhole = typeof sub === "string" && typeof sid === "string" && typeof clientId === "string" && typeof jti === "string";
  if (!isWhole || typeof iat !== "number" || typeof exp !== "number")
    throw new AccessTokenError("TOKEN_INVALID", "claims of wrong types");
  if (iat > now / 1000 + clockToleranceSeconds) throw new AccessTokenError("TOKEN_INVALID", "issued in the future");
  return {
    issuer: iss ?? "",
    audience: typeof aud === "string" ? [aud] : (aud ?? []),
    userId: sub,
    sessionId: sid,
    clientId,
    tokenId: jti,
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
    signedInAt: typeof authTime === "number" ? authTime * 1000 : null,
    amr: Array.isArray(amr) ? amr.filter((method) => typeof method === "string") : [],
    payload,
  };
}
