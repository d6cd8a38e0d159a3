import { createHmac } from "node:crypto";
import { equalBytes, type Keyring } from "./keyring.js";

/** The content of a valid refresh token. */
export interface RefreshClaims {
  readonly keyId: string;
  readonly family: Buffer;
  readonly generation: number;
}

/**
 * Refresh tokens are derived, not stored: `lk1.key.family.generation.mac`. The MAC uses a key derived from the master key
 * `key`. So a token can be given again although it was never stored, and a copy of the database holds no usable token.
 */
export interface RefreshTokens {
  /** The master key for new families. */
  readonly currentKeyId: string;
  mint(claims: { readonly keyId: string; readonly family: Uint8Array; readonly generation: number }): string;
  /**
   * Returns null for garbage, a forged token, or a token of a key that is not configured. Costs one HMAC and no database
   * access.
   */
  parse(token: string): RefreshClaims | null;
  /**
   * Returns the master key that a token names, configured or not. Returns null if the token does not have the form of a refresh
   * token.
   */
  keyIdOf(token: string): string | null;
}

const shape = /^lk1\.([A-Za-z0-9_-]{1,16})\.([A-Za-z0-9_-]{22})\.(0|[1-9][0-9]{0,9})\.([A-Za-z0-9_-]{43})$/;

export function createRefreshTokens(master: Keyring): RefreshTokens {
  const mac = (keyId: string, body: string): Buffer =>
    createHmac("sha256", master.derive(keyId, "refresh-token")).update(body).digest();
  return {
    get currentKeyId() {
      return master.currentId;
    },
    mint({ keyId, family, generation }) {
      const body = `lk1.${keyId}.${Buffer.from(family).toString("base64url")}.${generation}`;
      return `${body}.${mac(keyId, body).toString("base64url")}`;
    },
    parse(token) {
      const match = shape.exec(token);
      if (match === null) return null;
      const [, keyId, family, generation, given] = match as unknown as [string, string, string, string, string];
      if (!master.has(keyId)) return null;
      const expected = mac(keyId, token.slice(0, token.lastIndexOf(".")));
      // Compared as text too: the last character of base64url has unused bits, and a token has only one valid spelling.
      if (!equalBytes(expected, Buffer.from(given, "base64url")) || expected.toString("base64url") !== given) return null;
      const bytes = Buffer.from(family, "base64url");
      return bytes.toString("base64url") === family ? { keyId, family: bytes, generation: Number(generation) } : null;
    },
    keyIdOf: (token) => shape.exec(token)?.[1] ?? null,
  };
}
