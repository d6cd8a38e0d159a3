import type { EpochMs } from "../../model/time.js";

/** A secret of the deployment, sealed under a master key. */
export interface StoredKey {
  readonly keyId: string;
  readonly use: "lookup" | "signing";
  /** JWS algorithm of a signing key, else empty. */
  readonly alg: string;
  /** Public JWK as JSON text of a signing key, else empty. */
  readonly publicJwk: string;
  readonly sealed: Uint8Array;
  readonly createdAt: EpochMs;
  /** From when on a signing key signs; it is published before. */
  readonly activeAt: EpochMs;
}

/** Proves that a configured key is the one that the data was made with, without telling anything about it. */
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
   * Adds a key. Returns false if `ifNewest` is given and is not the id of the newest key of that use; null stands for no key at all.
   * Of racers with the same `ifNewest` exactly one adds.
   */
  add(change: { readonly key: StoredKey; readonly ifNewest?: string | null }): Promise<boolean>;

  /** Replaces the sealed form of a key, as `was`, by `sealed`. False: it was not `was` any more. */
  reseal(change: { readonly keyId: string; readonly was: Uint8Array; readonly sealed: Uint8Array }): Promise<boolean>;

  delete(keyId: string): Promise<void>;

  listChecks(): Promise<readonly KeyCheck[]>;

  /** Adds a check value where there is none for its use and id. */
  addCheck(check: KeyCheck): Promise<void>;

  deleteCheck(check: { readonly use: KeyCheck["use"]; readonly keyId: string }): Promise<void>;

  /** How many live sessions hold tokens made with a master key, and how many live challenges a code hashed with a pepper. */
  countUses(query: { readonly use: KeyCheck["use"]; readonly keyId: string; readonly now: EpochMs }): Promise<number>;

  /** Revokes up to `limit` live sessions whose tokens were made with a master key; gives how many: 0 when there are none left. */
  revokeSessions(change: { readonly keyId: string; readonly now: EpochMs; readonly limit: number }): Promise<number>;
}
