import type { AppCarrierSettings } from "../model/carrier.js";
import type { EpochMs } from "../model/time.js";
import type { StoredKey } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import { masterOfOwnKeys } from "./own-keys.js";
import { randomUuid } from "./random.js";
import type { Sealer } from "./sealing.js";

/** The settings of apps' carriers, with their credentials. They never change: a carrier that changes gets a new key. */
export interface CarrierSecrets {
  /** Returns a key that holds the settings sealed. The caller stores it. */
  make(settings: AppCarrierSettings, now: EpochMs): Promise<StoredKey>;
  /** Returns the settings that any process has sealed. Null if they were deleted, or if their master key is not configured. */
  find(keyId: string): Promise<AppCarrierSettings | null>;
}

export function createCarrierSecrets({
  store,
  sealer,
}: {
  readonly store: Pick<Store, "keys">;
  readonly sealer: Sealer;
}): CarrierSecrets {
  return {
    async make({ url, gateway }, now) {
      const keyId = randomUuid();
      const text = Buffer.from(JSON.stringify({ url, gateway }));
      const sealed = sealer.seal("carrier", text, keyId, masterOfOwnKeys(await store.keys.list(), sealer));
      return { keyId, use: "carrier", alg: "", publicJwk: "", sealed, createdAt: now, activeAt: now };
    },

    async find(keyId) {
      const stored = await store.keys.find(keyId);
      const opened = stored?.use !== "carrier" ? null : sealer.open("carrier", stored.sealed, keyId);
      return opened === null ? null : (JSON.parse(opened.toString()) as AppCarrierSettings);
    },
  };
}
