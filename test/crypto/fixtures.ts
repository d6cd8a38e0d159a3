import { createHash } from "node:crypto";
import { createKeyring, type Keyring } from "../../src/crypto/keyring.js";
import { createSealer } from "../../src/crypto/sealing.js";
import { loadSigningKeys, type SigningKeyOptions } from "../../src/crypto/signing-keys.js";
import type { EpochMs } from "../../src/model/time.js";
import { openStore } from "../../src/store/open.js";
import type { Store } from "../../src/store/port/store.js";

export const t0: EpochMs = Date.UTC(2026, 0, 15, 12);
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** A key that is always the same for a name. */
export function keyOf(name: string): Buffer {
  return createHash("sha256").update(name).digest();
}

/** A keyring of keys named by their ids, the first one current. */
export function ringOf(...ids: string[]): Keyring {
  return createKeyring(ids.map((id) => ({ id, key: keyOf(id) })));
}

export async function openMemory(): Promise<Store> {
  return await openStore({ kind: "sqlite", path: ":memory:" }, { inFlight: () => 0 });
}

export function signingOptions(store: Store, changes: Partial<SigningKeyOptions> = {}): SigningKeyOptions {
  return { store, sealer: createSealer(ringOf("m1")), alg: "ES256", leadMs: day, tokenLifeMs: 11 * minute, ...changes };
}

export async function signingKeys(changes: Partial<SigningKeyOptions> = {}) {
  const store = changes.store ?? (await openMemory());
  const options = signingOptions(store, changes);
  return { store, options, keys: await loadSigningKeys(options, t0) };
}

/** The value with one bit of it flipped. */
export function flipped(value: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(value);
  copy[bit >> 3] = copy[bit >> 3]! ^ (1 << (bit & 7));
  return copy;
}

/** The text with one bit of its character at the position flipped. */
export function flippedAt(text: string, position: number, bit: number): string {
  return flipped(Buffer.from(text, "latin1"), position * 8 + bit).toString("latin1");
}
