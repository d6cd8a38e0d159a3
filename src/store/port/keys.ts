import type { EpochMs } from "../../model/time.js";

/** A secret of the deployment, sealed under a master key. */
export interface StoredKey {
  readonly keyId: string;
  readonly use: "lookup" | "signing";
  /** JWS algorithm of a signing key. Empty for other keys. */
  readonly alg: string;
  /** Public JWK of a signing key as JSON text. Empty for other keys. */
  readonly publicJwk: string;
  readonly sealed: Uint8Array;
  readonly createdAt: EpochMs;
  /** A signing key signs from then on. It is published before. */
  readonly activeAt: EpochMs;
}

/** Proves that a configured key is the one that the data was made with. It reveals nothing about the key. */
export interface KeyCheck {
  readonly use: "master" | "pepper";
  readonly keyId: string;
  readonly check: Uint8Array;
}

/** The deployment's own keys, and checks of those that it was configured with. */
export interface Keys {
  /** All keys, oldest first. */
  list(): Promise<readonly StoredKey[]>;

  /**
   * Adds a key. With `ifNewest` it adds only if that is the id of the newest key of the same use, or null if there is none, and
   * returns false otherwise. Of racers with the same `ifNewest` exactly one adds.
   */
  add(change: { readonly key: StoredKey; readonly ifNewest?: string | null }): Promise<boolean>;

  /** Replaces the sealed form `was` of a key by `sealed`. Returns false if it is no longer `was`. */
  reseal(change: { readonly keyId: string; readonly was: Uint8Array; readonly sealed: Uint8Array }): Promise<boolean>;

  delete(keyId: string): Promise<void>;

  listChecks(): Promise<readonly KeyCheck[]>;

  /** Adds a check value unless its use and id have one. */
  addCheck(check: KeyCheck): Promise<void>;

  deleteCheck(check: { readonly use: KeyCheck["use"]; readonly keyId: string }): Promise<void>;

  /** Counts what needs a key: live sessions of a master key, live challenges of a pepper. */
  countUses(query: { readonly use: KeyCheck["use"]; readonly keyId: string; readonly now: EpochMs }): Promise<number>;

  /** Revokes up to `limit` live sessions whose tokens a master key made. Returns how many: 0 when none are left. */
  revokeSessions(change: { readonly keyId: string; readonly now: EpochMs; readonly limit: number }): Promise<number>;
}
