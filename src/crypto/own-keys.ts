import type { StoredKey } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import { WrongKeyError } from "./key-checks.js";
import type { Sealer } from "./sealing.js";

/**
 * The master key that the deployment's own keys (lookup and signing) are sealed under: the one of the oldest, until that master key
 * is retired. A rotation leaves it alone, since a process that lacks the new master key must still open them. Undefined: there
 * are no own keys yet.
 */
export function masterOfOwnKeys(keys: readonly StoredKey[], sealer: Sealer): string | undefined {
  return keys[0] === undefined ? undefined : sealer.keyIdOf(keys[0].sealed);
}

/** Seals the deployment's own keys that are under one master key under another, so that the one can be retired. */
export async function resealKeys(
  store: Store,
  sealer: Sealer,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  for (const key of await store.keys.list()) {
    if (sealer.keyIdOf(key.sealed) !== from) continue;
    const use = key.use === "lookup" ? "lookup-key" : "signing-key";
    const opened = sealer.open(use, key.sealed, key.keyId);
    if (opened === null)
      throw new WrongKeyError(`the ${key.use} key ${key.keyId} does not open with the configured master keys`);
    await store.keys.reseal({ keyId: key.keyId, was: key.sealed, sealed: sealer.seal(use, opened, key.keyId, to) });
  }
}
