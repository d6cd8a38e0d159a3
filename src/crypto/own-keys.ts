import type { StoredKey } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import { WrongKeyError } from "./key-checks.js";
import type { Sealer, SealUse } from "./sealing.js";

const sealUses: Readonly<Record<StoredKey["use"], SealUse>> = {
  lookup: "lookup-key",
  signing: "signing-key",
  hook: "hook-secret",
  carrier: "carrier",
};

/**
 * Returns the id of the master key that seals the deployment's own keys (for lookup, signing, hooks and carriers): the one that seals the
 * oldest. It stays in use until it is retired, also after a rotation, because a process without the new master key must still open
 * these keys. Returns undefined if there are no own keys yet.
 */
export function masterOfOwnKeys(keys: readonly StoredKey[], sealer: Sealer): string | undefined {
  return keys[0] === undefined ? undefined : sealer.keyIdOf(keys[0].sealed);
}

/** Seals the deployment's own keys that are under master key `from` again under `to`, so that `from` can be retired. */
export async function resealKeys(
  store: Store,
  sealer: Sealer,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  for (const key of await store.keys.list()) {
    if (sealer.keyIdOf(key.sealed) !== from) continue;
    const use = sealUses[key.use];
    const opened = sealer.open(use, key.sealed, key.keyId);
    if (opened === null)
      throw new WrongKeyError(`the ${key.use} key ${key.keyId} does not open with the configured master keys`);
    await store.keys.reseal({ keyId: key.keyId, was: key.sealed, sealed: sealer.seal(use, opened, key.keyId, to) });
  }
}
