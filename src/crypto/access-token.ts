import type { EpochMs, Session } from "../store/store.js";

/** The claims of an access token that was found good. */
export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
  readonly clientId: string;
  readonly expiresAt: EpochMs;
}

/** Signs and checks JWTs with the deployment's signing keys. */
export interface AccessTokens {
  /** Access token per RFC 9068. */
  signAccess(session: Session, now: EpochMs): Promise<string>;
  /** OpenID Connect id token for the session's client. */
  signId(session: Session, now: EpochMs): Promise<string>;
  /** Says which contact was proven, to the client that asked. */
  signProof(
    proof: { readonly clientId: string; readonly challengeId: string; readonly contact: { readonly kind: string; readonly value: string } },
    now: EpochMs,
  ): Promise<string>;
  /** Null: not ours, expired, of another type, malformed. Remembers what it found good, so that the signature is paid once. */
  verifyAccess(token: string, now: EpochMs): Promise<AccessClaims | null>;
  /** The public keys, as JSON text of a JWK set. */
  jwks(): string;
}
