import type { EpochMs } from "../../model/time.js";

/** A secret of the deployment, sealed under a master key. */
export interface StoredKey {
  readonly keyId: string;
  readonly use: "lookup" | "signing" | "hook" | "carrier";
  /** JWS algorithm of a signing key. Empty for other keys. */
  readonly alg: string;
  /** Public JWK of a signing key as JSON text. Empty for other keys. */
  readonly publicJwk: string;
  readonly sealed: Uint8Array;
  readonly createdAt: EpochMs;
  /** The time from which a signing key signs. It is published earlier. */
  readonly activeAt: EpochMs;
}

/** Proves that a configured key is the one that the data was written with. It reveals nothing about the key. */
export interface KeyCheck {
  readonly use: "master" | "pepper";
  readonly keyId: string;
  readonly check: Uint8Array;
}

/** The deployment's own keys, and check values of the keys in its configuration. */
export interface Keys {
  /** Returns all keys, or those of one use, oldest first. */
  list(query?: { readonly use: StoredKey["use"] }): Promise<readonly StoredKey[]>;

  find(keyId: string): Promise<StoredKey | null>;

  /**
   * Adds a key and returns true. With `ifNewest` it adds the key only if `ifNewest` is the id of the newest key of the same
   * use, or null if there is none; otherwise it returns false. Of concurrent calls with the same `ifNewest` exactly one adds
   * its key.
   */
  add(change: { readonly key: StoredKey; readonly ifNewest?: string | null }): Promise<boolean>;

  /** Replaces the sealed form `was` of a key with `sealed`. Returns false if the sealed form is no longer `was`. */
  reseal(change: { readonly keyId: string; readonly was: Uint8Array; readonly sealed: Uint8Array }): Promise<boolean>;

  delete(keyId: string): Promise<void>;

  listChecks(): Promise<readonly KeyCheck[]>;

  /** Adds a check value unless there is one for this use and id. */
  addCheck(check: KeyCheck): Promise<void>;

  deleteCheck(check: { readonly use: KeyCheck["use"]; readonly keyId: string }): Promise<void>;

  /** Counts the live sessions that need a master key, or the live challenges that need a pepper. */
  countUses(query: { readonly use: KeyCheck["use"]; readonly keyId: string; readonly now: EpochMs }): Promise<number>;

  /**
   * Revokes up to `limit` live sessions whose tokens were made with a master key. Returns how many; 0 means that none are left.
   */
  revokeSessions(change: { readonly keyId: string; readonly now: EpochMs; readonly limit: number }): Promise<number>;
}
