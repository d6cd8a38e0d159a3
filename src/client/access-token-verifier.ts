import { errors, type JWTPayload, jwtVerify } from "jose";
import { AccessTokenError } from "./access-token-error.js";
import { createKeySource } from "./key-source.js";

/** The claims that every access token has. Times are milliseconds since 1970. */
interface CommonClaims {
  readonly issuer: string;
  readonly audience: readonly string[];
  /** The client that the token was issued to. */
  readonly clientId: string;
  readonly tokenId: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** All claims as they stand in the token. */
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The claims of a verified access token of a signed-in user. */
export interface UserTokenClaims extends CommonClaims {
  readonly kind: "user";
  readonly userId: string;
  readonly sessionId: string;
  /** When the user signed in. Null if the token has no `auth_time`. */
  readonly signedInAt: number | null;
  /** How the user signed in, as RFC 8176 method names and Latchkey's own. */
  readonly amr: readonly string[];
}

/** The claims of a verified access token that a confidential client got for itself. No user stands behind it. */
export interface ClientTokenClaims extends CommonClaims {
  readonly kind: "client";
  readonly scopes: readonly string[];
}

export type AccessTokenClaims = UserTokenClaims | ClientTokenClaims;

export interface AccessTokenVerifierOptions {
  /** The expected `iss`, compared exactly: the deployment's LATCHKEY_ISSUER. */
  readonly issuer: string;
  /**
   * The token's `aud` must contain this value, or one of these values: the audience of your app. Default: the issuer, which is the
   * audience of the app `default`.
   */
  readonly audience?: string | readonly string[];
  /** URL of the issuer's keys. Default: the `jwks_uri` of `/.well-known/openid-configuration`. */
  readonly jwksUri?: string;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since 1970. Default: this machine's clock. */
  readonly clock?: () => number;
}

/** Verifies one access token. Throws `AccessTokenError` and no other error. */
export interface AccessTokenVerifier {
  /** Accepts tokens of users only. */
  (token: string): Promise<UserTokenClaims>;
  /** Accepts tokens of users, and of clients that have all of these scopes. Check `kind` in the result. */
  (token: string, accept: { readonly clientScopes: readonly string[] }): Promise<AccessTokenClaims>;
}

/** The largest difference allowed between this machine's clock and the issuer's. */
const clockToleranceSeconds = 5;
const algorithms = ["ES256", "EdDSA", "RS256"];
const requiredClaims = ["sub", "client_id", "jti", "iat", "exp"];
const tokenLengthMax = 4096;

/**
 * Returns a function that verifies access tokens in a resource server (RFC 9068 §4), with the keys that the issuer publishes.
 *
 * It fetches the keys for the first token, then every 10 minutes. A token signed by an unknown key causes a fetch too, at most every
 * 30 s. While the issuer can't be reached, it uses the keys that it has for up to 24 hours.
 *
 * A token stays valid until it expires, even if its session or client has ended. Make one verifier and share it: it serves any number
 * of concurrent calls.
 */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): AccessTokenVerifier {
  const { issuer, clock = Date.now } = options;
  const audience = [options.audience ?? issuer].flat();
  const keySource = createKeySource({ ...options, clock });

  async function verify(token: string, accept?: { readonly clientScopes: readonly string[] }): Promise<AccessTokenClaims> {
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
    const claims = toClaims(payload, now);
    if (claims.kind === "client") checkScopes(claims, accept?.clientScopes);
    return claims;
  }
  return verify as AccessTokenVerifier;
}

function checkScopes({ scopes }: ClientTokenClaims, required: readonly string[] | undefined): void {
  if (required === undefined) throw new AccessTokenError("TOKEN_INVALID", "the token is a client's, but only users may call");
  const missing = required.filter((scope) => !scopes.includes(scope));
  if (missing.length > 0) throw new AccessTokenError("SCOPE_MISSING", `the client lacks ${missing.join(" ")}`);
}

function toAccessTokenError(error: unknown): AccessTokenError {
  if (error instanceof AccessTokenError) return error;
  if (error instanceof errors.JOSEError) return new AccessTokenError("TOKEN_INVALID", error.message, error);
  return new AccessTokenError("TOKEN_INVALID", "the token is malformed", error);
}

function toClaims(payload: JWTPayload, now: number): AccessTokenClaims {
  const { iss, aud, sub, sid, client_id: clientId, jti, iat, exp, auth_time: authTime, amr, scope } = payload;
  const isWhole = typeof sub === "string" && typeof clientId === "string" && typeof jti === "string";
  if (!isWhole || typeof iat !== "number" || typeof exp !== "number")
    throw new AccessTokenError("TOKEN_INVALID", "a claim has the wrong type");
  if (iat > now / 1000 + clockToleranceSeconds)
    throw new AccessTokenError("TOKEN_INVALID", "the token was issued in the future; compare the clocks of both machines");
  const common = {
    issuer: iss ?? "",
    audience: typeof aud === "string" ? [aud] : (aud ?? []),
    clientId,
    tokenId: jti,
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
    payload,
  };
  // RFC 9068 §2.2: a client that got the token for itself is also its subject.
  if (sid === undefined && sub === clientId) {
    return { ...common, kind: "client", scopes: typeof scope === "string" ? scope.split(" ").filter(Boolean) : [] };
  }
  if (typeof sid !== "string") throw new AccessTokenError("TOKEN_INVALID", "a claim has the wrong type");
  return {
    ...common,
    kind: "user",
    userId: sub,
    sessionId: sid,
    signedInAt: typeof authTime === "number" ? authTime * 1000 : null,
    amr: Array.isArray(amr) ? amr.filter((method) => typeof method === "string") : [],
  };
}
