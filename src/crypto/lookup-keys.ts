import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { networkOf, wideNetworkOf } from "../lib/network.js";
import { mainPoolId } from "../model/app.js";
import { foldedIdentifier } from "../model/folded-identifier.js";
import type { Identifier } from "../model/identifier.js";
import type { EpochMs } from "../model/time.js";
import type { StoredKey } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import { masterOfOwnKeys } from "./own-keys.js";
import type { Sealer } from "./sealing.js";

/** What a link of a message is for. */
export type LinkUse = "not me" | "contact change";

/** Keyed hashes that find budgets, siblings and decoys, so that the tables hold no identifiers. */
export interface LookupKeys {
  /** Two pools share no key, so neither learns anything about the other's people. */
  identifier(poolId: string, identifier: Identifier): Buffer;
  /** The key of the identifier's budgets: that of its folded form. */
  budget(poolId: string, identifier: Identifier): Buffer;
  /**
   * Stands for a requester. All public clients of a pool are one at an address, because their ids are no secret: otherwise each
   * would give a stranger a share of its own. A confidential client is named by `backendId`, which is null for all other callers.
   */
  requester(from: { readonly poolId: string; readonly backendId: string | null; readonly address: string }): Buffer;
  /** Stands for the network of the address, whichever client calls. */
  network(address: string): Buffer;
  /** Stands for the wide network around the address. */
  wideNetwork(address: string): Buffer;
  /** Stands for the numbers with this prefix. */
  phonePrefix(prefix: string): Buffer;
  /** Stands for the account that an app locks: `subject` is a user's id, or the key of an identifier without a user. */
  lockout(appId: string, subject: Uint8Array): Buffer;
  /** Makes a link of a message unguessable: that to disown the challenge `id`, or that to take back the contact of the change `id`. */
  link(use: LinkUse, id: string): Buffer;
  /** The HMAC key for the names of calls with an idempotency key. */
  readonly requestKey: Buffer;
}

/**
 * Loads the key behind the hashes. It is created once and never changes, because a new key would reset every limit and forget
 * every remembered call. Only its seal is renewed. If several processes start at once, one creates it.
 */
export async function loadLookupKeys(deps: { store: Store; sealer: Sealer; now: EpochMs }): Promise<LookupKeys> {
  const { store, sealer, now } = deps;
  const keyId = "lookup";
  const find = (keys: readonly StoredKey[]) => keys.find((key) => key.use === "lookup");
  const before = await store.keys.list();
  if (find(before) === undefined) {
    const fresh = sealer.seal("lookup-key", randomBytes(32), keyId, masterOfOwnKeys(before, sealer));
    await store.keys.add({
      key: { keyId, use: "lookup", alg: "", publicJwk: "", sealed: fresh, createdAt: now, activeAt: now },
      ifNewest: null,
    });
  }
  const stored = find(await store.keys.list());
  const key = stored === undefined ? null : sealer.open("lookup-key", stored.sealed, stored.keyId);
  if (key === null) throw new Error("the lookup key in the database does not open with the configured master keys");
  // The pool `main` is not named, because there were no pools at first. No part contains a NUL, so no two texts are equal.
  const mac = (text: string): Buffer => createHmac("sha256", key).update(text).digest().subarray(0, 16);
  const identifierKey = (poolId: string, { kind, value }: Identifier): Buffer =>
    mac(`identifier\0${poolId === mainPoolId ? "" : `${poolId}\0`}${kind}\0${value}`);
  return {
    identifier: identifierKey,
    budget: (poolId, identifier) => identifierKey(poolId, foldedIdentifier(identifier)),
    requester: ({ poolId, backendId, address }) =>
      mac(`requester\0${backendId === null ? `\0${poolId}` : backendId}\0${networkOf(address)}`),
    network: (address) => mac(`network\0${networkOf(address)}`),
    wideNetwork: (address) => mac(`wide network\0${wideNetworkOf(address)}`),
    phonePrefix: (prefix) => mac(`phone prefix\0${prefix}`),
    lockout: (appId, subject) => mac(`lockout\0${appId}\0${Buffer.from(subject).toString("base64url")}`),
    link: (use, id) => mac(`link\0${use}\0${id}`),
    requestKey: Buffer.from(hkdfSync("sha256", key, "latchkey", "idempotency", 32)),
  };
}
