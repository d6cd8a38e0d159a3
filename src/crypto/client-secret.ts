import { randomBytes } from "node:crypto";
import { sha256 } from "../lib/sha256.js";

/** The secret of a confidential client: `lk_` and 43 characters of base64url, which are 256 random bits. */
export interface NewClientSecret {
  readonly secret: string;
  readonly hash: Buffer;
}

const shape = /^lk_[A-Za-z0-9_-]{43}$/;

export function newClientSecret(): NewClientSecret {
  const secret = `lk_${randomBytes(32).toString("base64url")}`;
  return { secret, hash: sha256(secret) };
}

/** Returns what is stored of a secret, or null if the text does not have the form of one. */
export function clientSecretHash(text: string): Buffer | null {
  return shape.test(text) ? sha256(text) : null;
}
