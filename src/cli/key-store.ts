import type { Settings } from "../config/settings.js";
import type { Keyrings } from "../crypto/key-checks.js";
import { createSealer, type Sealer } from "../crypto/sealing.js";
import { keyringsOf } from "../server/core.js";
import type { Store } from "../store/port/store.js";
import { withStore } from "./with-store.js";

/** The parts that key commands use. */
export interface KeyStore {
  readonly store: Store;
  readonly rings: Keyrings;
  readonly sealer: Sealer;
}

/** Runs `work` as `withStore` does, with the configured keys. */
export function withKeyStore<T>(settings: Settings, work: (keys: KeyStore) => Promise<T>): Promise<T> {
  return withStore(settings, async (store) => {
    const rings = keyringsOf(settings);
    return await work({ store, rings, sealer: createSealer(rings.master) });
  });
}
