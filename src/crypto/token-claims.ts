import type { JWTPayload } from "jose";
import type { Contact } from "../model/contact.js";
import { isScope, type Scope } from "../model/scope.js";
import type { EpochMs } from "../model/time.js";

interface CommonClaims {
  readonly clientId: string;
  /** The audience of the app that the token was signed for. The caller compares it with that of the client's app. */
  readonly audience: string;
  readonly tokenId: string;
  readonly issuedAt: EpochMs;
  readonly expiresAt: EpochMs;
}

/** The claims of a user's access token. */
export interface UserClaims extends CommonClaims {
  readonly kind: "user";
  readonly userId: string;
  readonly sessionId: string;
}

/** The claims of a confidential client's own access token. */
export interface ClientClaims extends CommonClaims {
  readonly kind: "client";
  readonly scopes: readonly Scope[];
}

/** The claims of a valid access token. */
export type AccessClaims = UserClaims | ClientClaims;

/** The claims of a valid contact proof. */
export interface ProofClaims {
  /** The client that the proof was made for. */
  readonly clientId: string;
  readonly challengeId: string;
  readonly contact: Contact;
  readonly issuedAt: EpochMs;
}

/** Returns null if a claim is missing or has the wrong type. A token without `sid` is a client's own. */
export function accessClaimsOf({ sub, sid, aud, client_id: clientId, jti, exp, iat, scope }: JWTPayload): AccessClaims | null {
  if (typeof sub !== "string" || typeof clientId !== "string" || typeof aud !== "string" || typeof jti !== "string")
    return null;
  if (iat === undefined || exp === undefined) return null;
  const common = { clientId, audience: aud, tokenId: jti, issuedAt: iat * 1000, expiresAt: exp * 1000 };
  if (typeof sid === "string") return { kind: "user", userId: sub, sessionId: sid, ...common };
  if (sid !== undefined || sub !== clientId || typeof scope !== "string") return null;
  return { kind: "client", scopes: scope.split(" ").filter(isScope), ...common };
}

/** Returns null if a claim is missing or has the wrong type. */
export function proofClaimsOf({ aud, jti, iat, contact }: JWTPayload): ProofClaims | null {
  const { kind, value } = (contact ?? {}) as Partial<Contact>;
  if (typeof aud !== "string" || typeof jti !== "string" || iat === undefined) return null;
  if ((kind !== "email" && kind !== "phone") || typeof value !== "string") return null;
  return { clientId: aud, challengeId: jti, contact: { kind, value }, issuedAt: iat * 1000 };
}
