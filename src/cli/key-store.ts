import type { Settings } from "../config.js";
import { keyringsOf, storeLocation } from "../core.js";
import { equalBytes, type Keyring } from "../crypto/keyring.js";
import { createSealer, type Sealer } from "../crypto/sealing.js";
import { isMissing, nameOf, openStore } from "../store/open.js";
import type { KeyCheck, Store } from "../store/store.js";
import { CliError } from "./io.js";

/** What the key commands work with. */
export interface KeyStore {
  readonly store: Store;
  readonly rings: Readonly<Record<KeyCheck["use"], Keyring>>;
  readonly sealer: Sealer;
}

/** Runs `work` on the existing database and closes it. Throws `CliError` when there is none: a typing error must not make one. */
export async function withKeyStore<T>(settings: Settings, work: (keys: KeyStore) => Promise<T>): Promise<T> {
  const location = storeLocation(settings);
  if (await isMissing(location)) {
    throw new CliError(
      `There is no database at ${nameOf(location)}: start the service or run \`latchkey migrate\` to make it.`,
    );
  }
  const store = await openStore(location, { inFlight: () => 0 });
  try {
    const rings = keyringsOf(settings);
    return await work({ store, rings, sealer: createSealer(rings.master) });
  } finally {
    await store.close();
  }
}

/** How a check value in the database and the configured keys fit together. */
export function compareCheck({ use, keyId, check }: KeyCheck, rings: KeyStore["rings"]): "match" | "wrong" | "missing" {
  const ring = rings[use];
  if (!ring.has(keyId)) return "missing";
  return equalBytes(ring.checkValue(keyId), check) ? "match" : "wrong";
}
