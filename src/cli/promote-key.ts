import type { Settings } from "../config/settings.js";
import { type Keyrings, variableOf } from "../crypto/key-checks.js";
import { type KeyName, keyUses } from "../model/key.js";
import { processNames, seenAfter } from "./fleet.js";
import { CliError, type Io } from "./io.js";
import { type KeyStore, nameOf, withKeyStore } from "./key-store.js";

export interface PromotedKey {
  readonly keyId: string;
  /** The kind of the key. Needed if a master key and a pepper have this id. */
  readonly use: KeyName["use"] | undefined;
}

/**
 * Makes a configured master key or pepper the one for new data. Throws `CliError` while a live process lacks it. Live processes follow
 * with their next heartbeat.
 */
export function promoteKey(settings: Settings, promoted: PromotedKey, io: Io): Promise<void> {
  return withKeyStore(settings, async (keys) => {
    const key = { keyId: promoted.keyId, use: promoted.use ?? useOf(promoted.keyId, keys) };
    refuseMissing(key, keys.rings);
    const check = keys.rings[key.use].checkValue(key.keyId);
    const promotion = await keys.store.keys.promote({ ...key, check, seenAfter: seenAfter(Date.now()) });
    if (promotion.kind === "wrong") {
      throw new CliError(
        `The ${nameOf(key)} is not the key that the database knows by this id: correct ${variableOf[key.use]} first; nothing was changed.`,
      );
    }
    if (promotion.kind === "lacking") {
      const { processes } = promotion;
      throw new CliError(
        `${processNames(processes)} ${processes.length === 1 ? "does" : "do"} not have the ${nameOf(key)}: add it to ` +
          `${variableOf[key.use]} there as ${key.keyId}:<base64> and restart; nothing was changed.`,
      );
    }
    io.out(
      promotion.kind === "current"
        ? `The ${nameOf(key)} is the current one already.`
        : `The ${nameOf(key)} is the current one now. All processes follow within seconds: see \`latchkey fleet\`.`,
    );
  });
}

function useOf(keyId: string, { rings }: KeyStore): KeyName["use"] {
  const [use, other] = keyUses.filter((one) => rings[one].has(keyId));
  if (use === undefined) {
    throw new CliError(
      `Key ${keyId} is not configured here: add it to LATCHKEY_MASTER_KEY or LATCHKEY_PEPPER of every process as ${keyId}:<base64> first.`,
    );
  }
  if (other !== undefined)
    throw new CliError(`Both a master key and a pepper have the id ${keyId}: add --use master or --use pepper.`);
  return use;
}

function refuseMissing({ use, keyId }: KeyName, rings: Keyrings): void {
  if (!rings[use].has(keyId)) {
    throw new CliError(
      `The ${nameOf({ use, keyId })} is not configured here: add it to ${variableOf[use]} as ${keyId}:<base64> first.`,
    );
  }
}
