import { errors, type JWTPayload, jwtVerify } from "jose";
import { AccessTokenError } from "./access-token-error.js";
import { createKeySource } from "./key-source.js";

/** The claims of a verified access token. Times are milliseconds since 1970. */
export interface AccessTokenClaims {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly userId: string;
  readonly sessionId: string;
  readonly clientId: string;
  readonly tokenId: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** When the user signed in. Null if the token has no `auth_time`. */
  readonly signedInAt: number | null;
  /** How the user signed in, as RFC 8176 method names and Latchkey's own. */
  readonly amr: readonly string[];
  /** All claims as they stand in the token. */
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface AccessTokenVerifierOptions {
  /** The expected `iss`, compared exactly: the deployment's LATCHKEY_ISSUER. */
  readonly issuer: string;
  /** A value that the token's `aud` must contain. Default: the issuer. */
  readonly audience?: string;
  /** URL of the issuer's keys. Default: the `jwks_uri` of `/.well-known/openid-configuration`. */
  readonly jwksUri?: string;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since 1970. Default: this machine's clock. */
  readonly clock?: () => number;
}

/** The largest difference allowed between this machine's clock and the issuer's. */
const clockToleranceSeconds = 5;
const algorithms = ["ES256", "EdDSA", "RS256"];
const requiredClaims = ["sub", "client_id", "jti", "sid", "iat", "exp"];
const tokenLengthMax = 4096;

/**
 * Returns a function that verifies access tokens in a resource server (RFC 9068 §4), with the keys that the issuer publishes.
 *
 * It fetches the keys for the first token, then every 10 minutes. A token signed by an unknown key causes a fetch too, at most every
 * 30 s. While the issuer can't be reached, it uses the keys that it has for up to 24 hours.
 *
 * A token stays valid until it expires, even if its session has ended. The function throws `AccessTokenError` and no other error. Make
 * one verifier and share it: it serves any number of concurrent calls.
 */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): (token: string) => Promise<AccessTokenClaims> {
  const { issuer, audience = issuer, clock = Date.now } = options;
  const keySource = createKeySource({ ...options, clock });

  return async (token) => {
    if (token.length > tokenLengthMax)
      throw new AccessTokenError("TOKEN_INVALID", `the token has more than ${tokenLengthMax} characters`);
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
  return new AccessTokenError("TOKEN_INVALID", "the token is malformed", error);
}

function toClaims(payload: JWTPayload, now: number): AccessTokenClaims {
  const { iss, aud, sub, sid, client_id: clientId, jti, iat, exp, auth_time: authTime, amr } = payload;
  const isWhole = typeof sub === "string" && typeof sid === "string" && typeof clientId === "string" && typeof jti === "string";
  if (!isWhole || typeof iat !== "number" || typeof exp !== "number")
    throw new AccessTokenError("TOKEN_INVALID", "a claim has the wrong type");
  if (iat > now / 1000 + clockToleranceSeconds)
    throw new AccessTokenError("TOKEN_INVALID", "the token was issued in the future; compare the clocks of both machines");
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
