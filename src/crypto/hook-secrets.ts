import { randomBytes } from "node:crypto";
import type { Hook } from "../model/app.js";
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
      const stored = await store.keys.find(keyId);
      const bytes = stored?.use !== "hook" ? null : sealer.open("hook-secret", stored.sealed, keyId);
      if (bytes === null) return null;
      opened.set(keyId, textOf(bytes));
      return textOf(bytes);
    },
  };
}

export interface WithSecret<H extends Hook> {
  readonly hook: H;
  /** Null: no configured master key opens it. */
  readonly secret: string | null;
}

/**
 * Returns a hook of an app with its secret. A secret that is missing was replaced in the last second, by another process: then
 * `reread` returns the hook that the app in the database has now. Returns null if it has none.
 */
export async function withSecret<H extends Hook>(
  secrets: Pick<HookSecrets, "find">,
  hook: H | null,
  reread: () => Promise<H | null>,
): Promise<WithSecret<H> | null> {
  const secret = hook === null ? null : await secrets.find(hook.keyId);
  if (hook !== null && secret !== null) return { hook, secret };
  const now = await reread();
  return now === null ? null : { hook: now, secret: await secrets.find(now.keyId) };
}

function textOf(bytes: Buffer): string {
  return `whsec_${bytes.toString("base64")}`;
}
