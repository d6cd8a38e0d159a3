import { keyUses } from "../model/key.js";
import type { KeyCheck } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import { equalBytes, type Keyring } from "./keyring.js";
import { createSealer } from "./sealing.js";

/** Thrown when a configured key is not the one that the data was written with. */
export class WrongKeyError extends Error {
  override readonly name = "WrongKeyError";
}

export type Keyrings = Readonly<Record<KeyCheck["use"], Keyring>>;

export const variableOf = { master: "LATCHKEY_MASTER_KEY", pepper: "LATCHKEY_PEPPER" } as const;

/**
 * Compares a key that the database knows with the configured ones. `foreign` means that only other processes have it and this
 * process can work without it.
 */
export interface ComparedKey extends KeyCheck {
  readonly state: "match" | "wrong" | "lost" | "foreign";
}

/**
 * Compares the keys that the database knows with the configured ones. A key that is not configured is `lost` if the
 * deployment's own keys are sealed with it, or if the database knows no configured key of the same use. Otherwise it is
 * `foreign`: other processes have it. Either it is being rolled out, or it was removed from the configuration before it was
 * retired.
 */
export async function compareKeys(store: Store, rings: Keyrings): Promise<readonly ComparedKey[]> {
  const known = await store.keys.listChecks();
  const { keyIdOf } = createSealer(rings.master);
  const sealing = new Set((await store.keys.list()).map((key) => keyIdOf(key.sealed)));
  const isNeeded = ({ use, keyId }: KeyCheck) =>
    (use === "master" && sealing.has(keyId)) || !known.some((other) => other.use === use && rings[use].has(other.keyId));
  return known.map((check) => {
    const comparison = compareCheck(check, rings);
    const state = comparison === "missing" ? (isNeeded(check) ? "lost" : "foreign") : comparison;
    return { ...check, state };
  });
}

/** Compares a check value in the database with the configured keys. */
export function compareCheck({ use, keyId, check }: KeyCheck, rings: Keyrings): "match" | "wrong" | "missing" {
  const ring = rings[use];
  if (!ring.has(keyId)) return "missing";
  return equalBytes(ring.checkValue(keyId), check) ? "match" : "wrong";
}

/**
 * Throws `WrongKeyError` if a key is wrong or lost. Otherwise existing data could no longer be read, and new data would be
 * written that the right keys can't open. Stores check values of keys that the database does not know yet. Returns the foreign
 * keys.
 */
export async function checkKeys(store: Store, rings: Keyrings): Promise<readonly KeyCheck[]> {
  const known = await compareKeys(store, rings);
  for (const use of keyUses) {
    const lost = known.filter((check) => check.use === use && check.state === "lost").map(({ keyId }) => keyId);
    if (lost.length > 0) throw new WrongKeyError(lostKeysSentence(use, lost));
  }
  for (const { use, keyId, state } of known) {
    if (state === "wrong") {
      throw new WrongKeyError(
        `${variableOf[use]} id ${keyId} is not the key that the database was made with: ` +
          "restore the right key; nothing was changed",
      );
    }
  }
  for (const use of keyUses) {
    const ring = rings[use];
    for (const keyId of ring.ids()) {
      // Existing values are not written again: a start must work while the database accepts no writes.
      if (known.some((check) => check.use === use && check.keyId === keyId)) continue;
      await store.keys.addCheck({ use, keyId, check: ring.checkValue(keyId) });
    }
  }
  return known.filter(({ state }) => state === "foreign");
}

function lostKeysSentence(use: KeyCheck["use"], [first, ...others]: readonly string[]): string {
  const ids = [first, ...others].map((id) => `id ${id}`).join(" and ");
  const these = others.length === 0 ? "it" : "each";
  return (
    `the database was made with ${variableOf[use]} ${ids}, which ${others.length === 0 ? "is" : "are"} not configured: ` +
    `add ${these} as ${first}:<base64>, or retire ${these} with "latchkey keys retire ${first} --use ${use}"`
  );
}

/** Tells the operator about a key that this process lacks. */
export function foreignKeySentence({ use, keyId }: Pick<KeyCheck, "use" | "keyId">): string {
  return (
    `${variableOf[use]} id ${keyId} is known to the database and not configured here: work that needs it is left to other processes; ` +
    `add it as ${keyId}:<base64>, or retire it with "latchkey keys retire ${keyId} --use ${use}"`
  );
}
