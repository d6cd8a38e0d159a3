import type { KeyName } from "../../model/key.js";
import type { EpochMs } from "../../model/time.js";
import type { CurrentKeys, SeenProcess } from "./processes.js";

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

/**
 * What became of a promotion. `wrong`: the database knows another key by this id. `lacking` lists the live processes that do not have the
 * key. In both cases nothing was changed.
 */
export type Promotion =
  | { readonly kind: "promoted" | "current" | "wrong" }
  | { readonly kind: "lacking"; readonly processes: readonly SeenProcess[] };

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

  /** Deletes a check value. Returns false, and deletes nothing, if its key is the current one. */
  deleteCheck(check: KeyName): Promise<boolean>;

  /** Returns the keys for new data. */
  findCurrent(): Promise<CurrentKeys>;

  /**
   * Makes a key that has a check value the current one of its use, unless the use has a current key. Of concurrent calls one decides.
   * Returns the id of the current key.
   */
  chooseCurrent(key: KeyName): Promise<string | null>;

  /**
   * Makes a key the current one of its use, and adds its check value if there is none. Each process that was seen after `seenAfter` must
   * have the key. Returns `current` if it already is the current one.
   */
  promote(change: KeyCheck & { readonly seenAfter: EpochMs }): Promise<Promotion>;

  /** Counts the live sessions that need a master key, or the live challenges that need a pepper. */
  countUses(query: { readonly use: KeyCheck["use"]; readonly keyId: string; readonly now: EpochMs }): Promise<number>;

  /**
   * Revokes up to `limit` live sessions whose tokens were made with a master key. Returns how many; 0 means that none are left.
   */
  revokeSessions(change: { readonly keyId: string; readonly now: EpochMs; readonly limit: number }): Promise<number>;
}
