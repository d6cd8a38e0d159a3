import { randomBytes } from "node:crypto";
import type { EpochMs } from "../model/time.js";
import type { StoredKey } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import { masterOfOwnKeys } from "./own-keys.js";
import { randomUuid } from "./random.js";
import type { Sealer } from "./sealing.js";

/** The secrets that sign requests to hooks (Standard Webhooks): `whsec_` and 256 random bits in base64. They never change. */
export interface HookSecrets {
  /** Makes a secret, and the key that holds it sealed. The caller stores the key. */
  make(now: EpochMs): Promise<{ readonly key: StoredKey; readonly secret: string }>;
  /** Returns a secret that any process has made. Null if it was deleted, or if its master key is not configured. */
  find(keyId: string): Promise<string | null>;
}

export function createHookSecrets({
  store,
  sealer,
}: {
  readonly store: Pick<Store, "keys">;
  readonly sealer: Sealer;
}): HookSecrets {
  const opened = new Map<string, string>();
  return {
    async make(now) {
      const keyId = randomUuid();
      const bytes = randomBytes(32);
      const sealed = sealer.seal("hook-secret", bytes, keyId, masterOfOwnKeys(await store.keys.list(), sealer));
      const key = { keyId, use: "hook", alg: "", publicJwk: "", sealed, createdAt: now, activeAt: now } as const;
      return { key, secret: textOf(bytes) };
    },

    async find(keyId) {
      const known = opened.get(keyId);
      if (known !== undefined) return known;
      const stored = (await store.keys.list()).find((key) => key.keyId === keyId && key.use === "hook");
      const bytes = stored === undefined ? null : sealer.open("hook-secret", stored.sealed, keyId);
      if (bytes === null) return null;
      opened.set(keyId, textOf(bytes));
      return textOf(bytes);
    },
  };
}

function textOf(bytes: Buffer): string {
  return `whsec_${bytes.toString("base64")}`;
}
