import type { Settings } from "../config/settings.js";
import { followCurrentKeys } from "../crypto/current-keys.js";
import type { Keyrings } from "../crypto/key-checks.js";
import { createSealer, type Sealer } from "../crypto/sealing.js";
import type { KeyName } from "../model/key.js";
import { keyringsOf } from "../server/core.js";
import type { CurrentKeys } from "../store/port/processes.js";
import type { Store } from "../store/port/store.js";
import { withStore } from "./with-store.js";

/** The parts that key commands use. */
export interface KeyStore {
  readonly store: Store;
  /** The configured keys. Those for new data are the current ones of the database. */
  readonly rings: Keyrings;
  readonly current: CurrentKeys;
  readonly sealer: Sealer;
}

/** Runs `work` as `withStore` does, with the configured keys. */
export function withKeyStore<T>(settings: Settings, work: (keys: KeyStore) => Promise<T>): Promise<T> {
  return withStore(settings, async (store) => {
    const rings = keyringsOf(settings);
    const current = await store.keys.findCurrent();
    followCurrentKeys(rings, current);
    return await work({ store, rings, current, sealer: createSealer(rings.master) });
  });
}

export function nameOf({ use, keyId }: KeyName): string {
  return `${use === "master" ? "master key" : "pepper"} ${keyId}`;
}
