import { createHash, randomBytes } from "node:crypto";

/** The opaque credential of a session without refresh tokens: `lkc_` and 43 characters of base64url, which are 256 random bits. */
export interface NewSessionCredential {
  readonly credential: string;
  readonly hash: Buffer;
}

const shape = /^lkc_[A-Za-z0-9_-]{43}$/;

export function newSessionCredential(): NewSessionCredential {
  const credential = `lkc_${randomBytes(32).toString("base64url")}`;
  return { credential, hash: sha256(credential) };
}

/** Returns what is stored of a credential, or null if the text does not have the form of one. */
export function sessionCredentialHash(text: string): Buffer | null {
  return shape.test(text) ? sha256(text) : null;
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
