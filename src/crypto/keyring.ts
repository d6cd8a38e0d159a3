import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** Configured keys of one use. One of them is for new data. The others still open what was made with them. */
export interface Keyring {
  /** The key for new data: the first one, until `makeCurrent` chooses another. */
  readonly currentId: string;
  /** Makes a key the one for new data. Throws for an unknown key. */
  makeCurrent(keyId: string): void;
  has(keyId: string): boolean;
  ids(): readonly string[];
  /** Returns 32 bytes for one use, derived from the key by HKDF-SHA256 (RFC 5869). Throws for an unknown key. */
  derive(keyId: string, use: string): Buffer;
  /** Returns a value that identifies the key at a later start and reveals nothing about it. */
  checkValue(keyId: string): Buffer;
}

export function createKeyring(keys: readonly { readonly id: string; readonly key: Buffer }[]): Keyring {
  const byId = new Map(keys.map(({ id, key }) => [id, key]));
  const derived = new Map<string, Buffer>();
  const [first] = keys;
  if (first === undefined) throw new Error("a keyring must have at least one key");
  let currentId = first.id;

  function keyOf(keyId: string): Buffer {
    const key = byId.get(keyId);
    if (key === undefined) throw new UnknownKeyError(`no key with id ${keyId} is configured`);
    return key;
  }

  function derive(keyId: string, use: string): Buffer {
    const name = `${keyId}/${use}`;
    let found = derived.get(name);
    if (found === undefined) {
      found = Buffer.from(hkdfSync("sha256", keyOf(keyId), "latchkey", use, 32));
      derived.set(name, found);
    }
    return found;
  }

  return {
    get currentId() {
      return currentId;
    },
    makeCurrent(keyId) {
      keyOf(keyId);
      currentId = keyId;
    },
    has: (keyId) => byId.has(keyId),
    ids: () => [...byId.keys()],
    derive,
    checkValue: (keyId) => createHmac("sha256", derive(keyId, "check")).update("latchkey").digest(),
  };
}

export class UnknownKeyError extends Error {
  override readonly name = "UnknownKeyError";
}

/** Compares two values in constant time. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
