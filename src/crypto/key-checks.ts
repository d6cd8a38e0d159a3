import type { KeyCheck, Store } from "../store/store.js";
import { equalBytes, type Keyring } from "./keyring.js";
import type { Sealer } from "./sealing.js";

/** A configured key is not the one that the data was made with. */
export class WrongKeyError extends Error {
  override readonly name = "WrongKeyError";
}

const variableOf: Record<KeyCheck["use"], string> = { master: "LATCHKEY_MASTER_KEY", pepper: "LATCHKEY_PEPPER" };

/**
 * Refuses to go on with wrong or lost keys: data sealed, hashed or signed with the right ones would be dead, and new data would be
 * made that the right ones can't open. A database that knows no keys yet remembers these.
 */
export async function checkKeys(store: Store, rings: Readonly<Record<KeyCheck["use"], Keyring>>): Promise<void> {
  const known = await store.listKeyChecks();
  for (const { use, keyId, check } of known) {
    const ring = rings[use];
    if (!ring.has(keyId)) {
      throw new WrongKeyError(
        `the database was made with ${variableOf[use]} id ${keyId}, which is not configured: ` +
          `add it as ${keyId}:<base64>, or give it up with "latchkey keys retire ${keyId}"`,
      );
    }
    if (!equalBytes(ring.checkValue(keyId), check)) {
      throw new WrongKeyError(
        `${variableOf[use]} id ${keyId} is not the key that the database was made with: ` +
          "restore the right key; nothing was changed",
      );
    }
  }
  for (const use of ["master", "pepper"] as const) {
    const ring = rings[use];
    for (const keyId of ring.ids()) {
      // Not written again: a start changes nothing while the database takes no writes.
      if (known.some((check) => check.use === use && check.keyId === keyId)) continue;
      await store.addKeyCheck({ use, keyId, check: ring.checkValue(keyId) });
    }
  }
}

/** Seals the deployment's own keys under the current master key, so that an older one can be retired. */
export async function resealKeys(store: Store, sealer: Sealer, currentKeyId: string): Promise<void> {
  for (const key of await store.listKeys()) {
    if (sealer.keyIdOf(key.sealed) === currentKeyId) continue;
    const use = key.use === "lookup" ? "lookup-key" : "signing-key";
    const opened = sealer.open(use, key.sealed, key.keyId);
    if (opened === null)
      throw new WrongKeyError(`the ${key.use} key ${key.keyId} does not open with the configured master keys`);
    await store.resealKey({ keyId: key.keyId, was: key.sealed, sealed: sealer.seal(use, opened, key.keyId) });
  }
}
