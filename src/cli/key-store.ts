import { existsSync } from "node:fs";
import type { Settings } from "../config.js";
import { keyringsOf } from "../core.js";
import { equalBytes, type Keyring } from "../crypto/keyring.js";
import { createSealer, type Sealer } from "../crypto/sealing.js";
import { openStore } from "../store/open.js";
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
  const { path } = settings.database;
  if (!existsSync(path)) {
    throw new CliError(`There is no database at ${path}: start the service or run \`latchkey migrate\` to make it.`);
  }
  const store = await openStore(settings.database, { inFlight: () => 0 });
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
