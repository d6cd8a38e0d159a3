import { type KeyName, keyUses } from "../model/key.js";
import { StoreMovedError } from "../store/port/errors.js";
import type { CurrentKeys } from "../store/port/processes.js";
import type { Store } from "../store/port/store.js";
import { type Keyrings, variableOf } from "./key-checks.js";

/**
 * Makes the current keys of the database those for new data. Where the database has none yet, the first configured key becomes the current
 * one. Returns the current keys that are not configured here.
 */
export async function loadCurrentKeys(store: Store, rings: Keyrings): Promise<readonly KeyName[]> {
  const current = { ...(await store.keys.findCurrent()) };
  for (const use of keyUses) {
    // Only the first start of a deployment writes: a start must work while the database accepts no writes.
    current[use] ??= await store.keys.chooseCurrent({ use, keyId: rings[use].currentId }).catch((error: unknown) => {
      if (!(error instanceof StoreMovedError)) throw error;
      return null;
    });
  }
  return followCurrentKeys(rings, current);
}

/** Makes the current keys of the database those for new data. Returns the ones that are not configured here; they change nothing. */
export function followCurrentKeys(rings: Keyrings, current: CurrentKeys): readonly KeyName[] {
  const missing: KeyName[] = [];
  for (const use of keyUses) {
    const keyId = current[use];
    if (keyId === null || keyId === rings[use].currentId) continue;
    if (rings[use].has(keyId)) rings[use].makeCurrent(keyId);
    else missing.push({ use, keyId });
  }
  return missing;
}

export function missingCurrentKey({ use, keyId }: KeyName): string {
  return `${variableOf[use]} id ${keyId} is the current key and is not configured here: add it as ${keyId}:<base64> and restart`;
}
