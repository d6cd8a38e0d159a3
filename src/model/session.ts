import type { EpochMs } from "./time.js";

export interface NewSession {
  readonly sessionId: string;
  /** 16 random bytes that appear nowhere but in the refresh tokens. */
  readonly family: Uint8Array;
  /** The master key that makes the family's tokens, for the session's whole life. */
  readonly keyId: string;
  readonly appId: string;
  readonly clientId: string;
  readonly ip: string;
  readonly userAgent: string;
  readonly amr: readonly string[];
  /** SHA-256 of the session's credential. Null: the session has refresh tokens instead. */
  readonly credentialHash: Uint8Array | null;
  readonly expiresAt: EpochMs;
  readonly idleExpiresAt: EpochMs;
}

export interface Session extends NewSession {
  readonly userId: string;
  /** The generation of the newest refresh token; the first is 0. */
  readonly generation: number;
  readonly createdAt: EpochMs;
  readonly lastUsedAt: EpochMs;
}
