import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { Keyring } from "./keyring.js";

/** The use of a sealed value. A value sealed for one use does not open for another. */
export type SealUse = "code" | "profile" | "signing-key" | "lookup-key" | "hook-secret" | "carrier" | "page-token";

/**
 * Encrypts small secrets with AES-256-GCM under a key derived from the master key. `binding` is authenticated with the value: a
 * value opens only in the row where it was sealed, so swapping two rows makes both useless.
 */
export interface Sealer {
  /** Seals with the current master key, or with the configured key `keyId`. */
  seal(use: SealUse, plaintext: Uint8Array, binding: string, keyId?: string): Buffer;
  /** Returns null if the value was altered, has another use, binding or key, or its key is not configured. */
  open(use: SealUse, sealed: Uint8Array, binding: string): Buffer | null;
  /** Returns the master key that a value was sealed with. */
  keyIdOf(sealed: Uint8Array): string;
}

const nonceBytes = 12;
const macBytes = 16;

/** A sealed value consists of the length of the key's id, the id, nonce, ciphertext and tag. */
export function createSealer(master: Keyring): Sealer {
  function keyIdOf(sealed: Uint8Array): string {
    return Buffer.from(sealed.subarray(1, 1 + (sealed[0] ?? 0))).toString("latin1");
  }
  return {
    seal(use, plaintext, binding, keyId = master.currentId) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", master.derive(keyId, `seal:${use}`), nonce);
      cipher.setAAD(Buffer.from(binding));
      const id = Buffer.from(keyId, "latin1");
      return Buffer.concat([Buffer.of(id.length), id, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    },
    open(use, sealed, binding) {
      const keyId = keyIdOf(sealed);
      const bodyAt = 1 + keyId.length + nonceBytes;
      if (!master.has(keyId) || sealed.length < bodyAt + macBytes) return null;
      const nonce = sealed.subarray(1 + keyId.length, bodyAt);
      const decipher = createDecipheriv("aes-256-gcm", master.derive(keyId, `seal:${use}`), nonce);
      decipher.setAAD(Buffer.from(binding));
      decipher.setAuthTag(sealed.subarray(sealed.length - macBytes));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(bodyAt, sealed.length - macBytes)), decipher.final()]);
      } catch {
        return null;
      }
    },
    keyIdOf,
  };
}
