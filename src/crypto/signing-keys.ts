import { createPrivateKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import type { EpochMs } from "../model/time.js";
import { StoreMovedError } from "../store/port/errors.js";
import type { StoredKey } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import { masterOfOwnKeys } from "./own-keys.js";
import type { Sealer } from "./sealing.js";

export type SigningAlg = "ES256" | "EdDSA" | "RS256";

interface SigningKey {
  readonly keyId: string;
  readonly alg: string;
  readonly publicJwk: JWK;
  readonly publicKey: CryptoKey;
  readonly privateKey: KeyObject;
  readonly createdAt: EpochMs;
  readonly activeAt: EpochMs;
}

/** The deployment's signing keys in this process. They are never older than the interval at which `reload` is called. */
export interface SigningKeys {
  /** Returns the key that signs now: the active key that was activated last. */
  current(now: EpochMs): SigningKey;
  find(keyId: string): SigningKey | undefined;
  /** Returns the public keys (RFC 7517), including those that do not sign yet or any more. */
  jwks(): string;
  /** Reads the keys again and so picks up rotations by other processes. */
  reload(): Promise<void>;
  /**
   * Creates a key if the newest is older than 90 days; of all processes one creates it. Deletes keys that are no longer needed.
   */
  maintain(now: EpochMs): Promise<void>;
  /** Returns the algorithm of the newest key, which signs now or will sign next. */
  newestAlg(): string;
}

export interface SigningKeyOptions {
  readonly store: Store;
  readonly sealer: Sealer;
  /**
   * The algorithm of the next key. A different setting alone never replaces the newest key. Otherwise processes with different
   * settings would keep replacing each other's keys.
   */
  readonly alg: SigningAlg;
  /** How long a key is published before it signs. */
  readonly leadMs: number;
  /** How long a token can live after it was signed, including the tolerated clock skew. */
  readonly tokenLifeMs: number;
}

const rotationMs = 90 * 24 * 60 * 60_000;

/** Loads the signing keys. At the first start it creates one; if several processes start at once, one creates it. */
export async function loadSigningKeys(options: SigningKeyOptions, now: EpochMs): Promise<SigningKeys> {
  const { store, sealer } = options;
  let keys: readonly SigningKey[] = [];
  let jwks = "";

  async function reload(): Promise<void> {
    const stored = await store.keys.list({ use: "signing" });
    const known = new Map(keys.map((key) => [key.keyId, key]));
    keys = await Promise.all(stored.map((key) => known.get(key.keyId) ?? openKey(sealer, key)));
    jwks = JSON.stringify({ keys: keys.map((key) => key.publicJwk) });
  }

  async function makeIfDue(at: EpochMs): Promise<void> {
    const newest = keys.at(-1);
    if (newest !== undefined && newest.createdAt + rotationMs > at) return;
    const activeAt = newest === undefined ? at : at + options.leadMs;
    await store.keys.add({ key: await makeKey(options, { now: at, activeAt }), ifNewest: newest?.keyId ?? null });
  }

  async function maintain(at: EpochMs): Promise<void> {
    await makeIfDue(at);
    for (const key of expendable(keys, options.tokenLifeMs, at)) await store.keys.delete(key.keyId);
    await reload();
  }

  await reload();
  // A database that is being moved takes no new key. The existing keys still work for a while.
  await maintain(now).catch((error: unknown) => {
    if (!(error instanceof StoreMovedError) || keys.length === 0) throw error;
  });

  return {
    current(at) {
      let latest: SigningKey | undefined;
      for (const key of keys) if (key.activeAt <= at && (latest === undefined || key.activeAt >= latest.activeAt)) latest = key;
      latest ??= keys[0];
      if (latest === undefined) throw new Error("there is no signing key");
      return latest;
    },
    find: (keyId) => keys.find((key) => key.keyId === keyId),
    jwks: () => jwks,
    reload,
    maintain,
    newestAlg: () => keys.at(-1)?.alg ?? "",
  };
}

/**
 * Adds a signing key. It is published at once and signs after the lead time. Until then the previous key signs; afterwards that
 * key stays published for as long as its tokens live. With `compromised` the new key signs at once and all others are deleted,
 * so that tokens signed with them are rejected.
 */
export async function rotateSigningKey(
  options: SigningKeyOptions,
  change: { readonly now: EpochMs; readonly compromised: boolean },
): Promise<string> {
  const { store, leadMs } = options;
  const before = (await store.keys.list()).filter((key) => key.use === "signing");
  const leads = before.length > 0 && !change.compromised;
  const key = await makeKey(options, { now: change.now, activeAt: leads ? change.now + leadMs : change.now });
  await store.keys.add({ key });
  if (change.compromised) for (const old of before) await store.keys.delete(old.keyId);
  return key.keyId;
}

/** Returns keys whose tokens have all expired: a later key has been signing for longer than a token lives. */
function expendable(keys: readonly SigningKey[], tokenLifeMs: number, now: EpochMs): SigningKey[] {
  return keys.filter((key) => keys.some((later) => later.activeAt > key.activeAt && later.activeAt + tokenLifeMs < now));
}

async function makeKey(options: SigningKeyOptions, times: { now: EpochMs; activeAt: EpochMs }): Promise<StoredKey> {
  const { alg, sealer, store } = options;
  const pair = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
  const publicJwk = await exportJWK(pair.publicKey);
  const keyId = await calculateJwkThumbprint(publicJwk);
  const privateJwk = JSON.stringify(await exportJWK(pair.privateKey));
  const master = masterOfOwnKeys(await store.keys.list(), sealer);
  return {
    keyId,
    use: "signing",
    alg,
    publicJwk: JSON.stringify({ ...publicJwk, kid: keyId, alg, use: "sig" }),
    sealed: sealer.seal("signing-key", Buffer.from(privateJwk), keyId, master),
    createdAt: times.now,
    activeAt: times.activeAt,
  };
}

async function openKey(sealer: Sealer, stored: StoredKey): Promise<SigningKey> {
  const opened = sealer.open("signing-key", stored.sealed, stored.keyId);
  if (opened === null) throw new Error(`the signing key ${stored.keyId} does not open with the configured master keys`);
  const publicJwk = JSON.parse(stored.publicJwk) as JWK;
  // The private half is sealed with the thumbprint of the public half, so neither can be replaced alone.
  if ((await calculateJwkThumbprint(publicJwk)) !== stored.keyId) {
    throw new Error(`the public half of the signing key ${stored.keyId} does not belong to it`);
  }
  return {
    keyId: stored.keyId,
    alg: stored.alg,
    publicJwk,
    publicKey: (await importJWK(publicJwk, stored.alg)) as CryptoKey,
    privateKey: createPrivateKey({ key: JSON.parse(opened.toString()) as JsonWebKey, format: "jwk" }),
    createdAt: stored.createdAt,
    activeAt: stored.activeAt,
  };
}
