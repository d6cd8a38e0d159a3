import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from "jose";
import type { EpochMs } from "../model/time.js";

const lengthMax = 4096;
/** The vendor's libraries make tokens for 15 minutes, and its service takes those of a day. */
const lifeMaxMs = 24 * 60 * 60_000;
/** Tolerates clients whose clock differs slightly. */
const skewMs = 30_000;

/** Returns the application that a token names in `application_id`, without checking anything. Null if it names none. */
export function applicationOf(token: string): string | null {
  if (token.length > lengthMax) return null;
  try {
    const { application_id: id } = decodeJwt(token);
    return typeof id === "string" ? id : null;
  } catch {
    return null;
  }
}

/**
 * Returns whether one of the keys signed the token and it is valid now. It has no audience and may be used until it expires, so its key
 * must sign for no other server. `jwks` is the JSON text of the client's own keys.
 */
export async function verifyApplicationToken(
  token: string,
  expected: { readonly jwks: string; readonly now: EpochMs },
): Promise<boolean> {
  const { jwks, now } = expected;
  if (token.length > lengthMax || jwks === "") return false;
  try {
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(JSON.parse(jwks) as JSONWebKeySet), {
      algorithms: ["RS256"],
      requiredClaims: ["application_id", "iat", "exp", "jti"],
      currentDate: new Date(now),
      clockTolerance: skewMs / 1000,
    });
    const { aud, sub, exp, iat, jti, acl } = payload;
    // A token with an audience or a subject, or for other paths, was made for another purpose: those of end users have a subject.
    if (aud !== undefined || sub !== undefined || !coversVerify(acl)) return false;
    if (typeof jti !== "string" || (protectedHeader.typ ?? "JWT").toUpperCase() !== "JWT") return false;
    return exp! * 1000 <= now + lifeMaxMs + skewMs && iat! * 1000 <= now + skewMs;
  } catch {
    return false;
  }
}

/** The vendor's tokens may list the paths that they are for. Without a list they are for all. */
function coversVerify(acl: unknown): boolean {
  if (acl === undefined) return true;
  const paths = (acl as { readonly paths?: unknown } | null)?.paths;
  if (typeof paths !== "object" || paths === null) return false;
  return ["/**", "/*/verify/**", "/v2/verify/**"].some((path) => Object.hasOwn(paths, path));
}
