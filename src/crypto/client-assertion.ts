import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from "jose";
import { assertionAlgs } from "../model/oauth.js";
import type { EpochMs } from "../model/time.js";

/** A valid assertion. Its id may be used once until it expires. */
export interface AssertionClaims {
  readonly jti: string;
  /** With the tolerated clock skew. */
  readonly expiresAt: EpochMs;
}

const lengthMax = 4096;
const jtiLengthMax = 128;
/** Libraries such as Authlib make assertions for an hour. Each is accepted once, so a longer life adds little risk. */
const lifeMaxMs = 60 * 60_000;
/** Tolerates clients whose clock differs slightly. */
const skewMs = 30_000;

/** Returns the client that an assertion names, without checking anything. Null if the text is no JWT or names none. */
export function clientOfAssertion(assertion: string): string | null {
  if (assertion.length > lengthMax) return null;
  try {
    return decodeJwt(assertion).sub ?? null;
  } catch {
    return null;
  }
}

/**
 * Checks the assertion by which a client authenticates (RFC 7523 §3). `jwks` is the JSON text of the client's own keys; keys that
 * the assertion names or carries are ignored. Returns null if the assertion is not valid for one of the audiences.
 */
export async function verifyClientAssertion(
  assertion: string,
  expected: { readonly clientId: string; readonly jwks: string; readonly audiences: readonly string[]; readonly now: EpochMs },
): Promise<AssertionClaims | null> {
  const { clientId, jwks, audiences, now } = expected;
  if (assertion.length > lengthMax || jwks === "") return null;
  try {
    const { payload, protectedHeader } = await jwtVerify(assertion, createLocalJWKSet(JSON.parse(jwks) as JSONWebKeySet), {
      issuer: clientId,
      subject: clientId,
      audience: [...audiences],
      algorithms: [...assertionAlgs],
      requiredClaims: ["iss", "sub", "aud", "exp", "jti"],
      currentDate: new Date(now),
      clockTolerance: skewMs / 1000,
    });
    const { aud, exp, iat, jti } = payload;
    // A token made for another purpose is no assertion, even if one of the client's keys signed it.
    if (!isAssertionType(protectedHeader.typ)) return null;
    // An assertion that also addresses another server could be replayed from there.
    if (Array.isArray(aud) && !aud.every((one) => audiences.includes(one))) return null;
    if (exp === undefined || exp * 1000 > now + lifeMaxMs + skewMs) return null;
    if (iat !== undefined && iat * 1000 > now + skewMs) return null;
    if (typeof jti !== "string" || jti === "" || jti.length > jtiLengthMax) return null;
    return { jti, expiresAt: exp * 1000 + skewMs };
  } catch {
    return null;
  }
}

function isAssertionType(typ: string | undefined): boolean {
  return typ === undefined || ["jwt", "client-authentication+jwt"].includes(typ.toLowerCase());
}
