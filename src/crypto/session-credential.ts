import { createHmac } from "node:crypto";
import { sha256 } from "../lib/sha256.js";
import type { Keyring } from "./keyring.js";

/** The opaque credential of a session without refresh tokens: `lkc_` and 43 characters of base64url, which are 256 bits. */
export interface SessionCredential {
  readonly credential: string;
  /** What is stored of it. */
  readonly hash: Buffer;
}

/**
 * Credentials are derived, like refresh tokens: the credential is a MAC over the session's secret random family, under a key
 * derived from the master key `keyId`. So a repeated call gets the same credential although only its hash is stored, and a copy
 * of the database holds no usable credential.
 */
export interface SessionCredentials {
  mint(session: { readonly keyId: string; readonly family: Uint8Array }): SessionCredential;
}

const shape = /^lkc_[A-Za-z0-9_-]{43}$/;

export function createSessionCredentials(master: Keyring): SessionCredentials {
  return {
    mint({ keyId, family }) {
      const mac = createHmac("sha256", master.derive(keyId, "session-credential")).update(family).digest();
      const credential = `lkc_${mac.toString("base64url")}`;
      return { credential, hash: sha256(credential) };
    },
  };
}

/** Returns what is stored of a credential, or null if the text does not have the form of one. */
export function sessionCredentialHash(text: string): Buffer | null {
  return shape.test(text) ? sha256(text) : null;
}
