import type { Settings } from "../config/settings.js";
import type { Keyrings } from "../crypto/key-checks.js";
import { createSealer, type Sealer } from "../crypto/sealing.js";
import { keyringsOf, storeLocation } from "../server/core.js";
import { isMissing, nameOf, openStore } from "../store/open.js";
import type { Store } from "../store/port/store.js";
import { CliError } from "./io.js";

/** The parts that key commands use. */
export interface KeyStore {
  readonly store: Store;
  readonly rings: Keyrings;
  readonly sealer: Sealer;
}

/**
 * Runs `work` on the existing database and closes it. Throws `CliError` if there is none, so that a typo creates no database.
 */
export async function withKeyStore<T>(settings: Settings, work: (keys: KeyStore) => Promise<T>): Promise<T> {
  const location = storeLocation(settings);
  if (await isMissing(location)) {
    throw new CliError(
      `There is no database at ${nameOf(location)}: start the service or run \`latchkey migrate\` to create it.`,
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
