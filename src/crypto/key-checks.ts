import type { KeyCheck } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import { equalBytes, type Keyring } from "./keyring.js";
import { createSealer } from "./sealing.js";

/** A configured key is not the one that the data was made with. */
export class WrongKeyError extends Error {
  override readonly name = "WrongKeyError";
}

export type Keyrings = Readonly<Record<KeyCheck["use"], Keyring>>;

export const variableOf = { master: "LATCHKEY_MASTER_KEY", pepper: "LATCHKEY_PEPPER" } as const;

/** How a key that the database knows fits the configured ones. `foreign`: only other processes have it, and this one can do without. */
export interface ComparedKey extends KeyCheck {
  readonly state: "match" | "wrong" | "lost" | "foreign";
}

/**
 * Compares the keys that the database knows with the configured ones. A key that is not configured is lost when the deployment's own
 * keys are sealed with it, or when no key of its use is configured that the database knows. Otherwise other processes have it: it is
 * being rolled out, or was taken out before it was retired.
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

/** How a check value in the database and the configured keys fit together. */
export function compareCheck({ use, keyId, check }: KeyCheck, rings: Keyrings): "match" | "wrong" | "missing" {
  const ring = rings[use];
  if (!ring.has(keyId)) return "missing";
  return equalBytes(ring.checkValue(keyId), check) ? "match" : "wrong";
}

/**
 * Refuses to go on with wrong or lost keys: data sealed, hashed or signed with the right ones would be dead, and new data would be
 * made that the right ones can't open. Remembers keys that the database does not know yet. Returns the foreign ones.
 */
export async function checkKeys(store: Store, rings: Keyrings): Promise<readonly KeyCheck[]> {
  const known = await compareKeys(store, rings);
  for (const use of ["master", "pepper"] as const) {
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
  for (const use of ["master", "pepper"] as const) {
    const ring = rings[use];
    for (const keyId of ring.ids()) {
      // Not written again: a start changes nothing while the database takes no writes.
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
    `add ${these} as ${first}:<base64>, or give ${these} up with "latchkey keys retire ${first} --use ${use}"`
  );
}

/** What an operator has to know about a key that this process lacks. */
export function foreignKeySentence({ use, keyId }: Pick<KeyCheck, "use" | "keyId">): string {
  return (
    `${variableOf[use]} id ${keyId} is known to the database and not configured here: this process leaves to others what needs it; ` +
    `add it as ${keyId}:<base64>, or retire it with "latchkey keys retire ${keyId} --use ${use}"`
  );
}
