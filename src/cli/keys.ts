import type { Settings } from "../config/settings.js";
import { loadCurrentKeys } from "../crypto/current-keys.js";
import { checkKeys, compareCheck } from "../crypto/key-checks.js";
import { rotateSigningKey } from "../crypto/signing-keys.js";
import { keyUses } from "../model/key.js";
import type { EpochMs } from "../model/time.js";
import { signingKeyOptions } from "../server/core.js";
import type { KeyCheck, StoredKey } from "../store/port/keys.js";
import type { Io } from "./io.js";
import { type KeyStore, withKeyStore } from "./key-store.js";

/** Prints the keys in the database and the configured keys, with their states. */
export function listKeys(settings: Settings, io: Io): Promise<void> {
  return withKeyStore(settings, async (keys) => {
    const now = Date.now();
    const checks = await keys.store.keys.listChecks();
    const signing = (await keys.store.keys.list()).filter(({ use }) => use === "signing");
    for (const check of checks) io.out(row(check.use, check.keyId, await checkState(check, keys, now)));
    for (const use of keyUses) {
      const unknown = keys.rings[use].ids().filter((id) => !checks.some((check) => check.use === use && check.keyId === id));
      for (const id of unknown) io.out(row(use, id, "configured, not used yet"));
    }
    for (const key of signing) io.out(row("signing", key.keyId, signingState(key, signing, now)));
  });
}

/** Creates a signing key. With `compromised` it deletes all others at once. */
export function rotateKeys(settings: Settings, options: { readonly compromised: boolean }, io: Io): Promise<void> {
  return withKeyStore(settings, async ({ store, rings, sealer }) => {
    await checkKeys(store, rings);
    await loadCurrentKeys(store, rings);
    const now = Date.now();
    const { compromised } = options;
    const keyId = await rotateSigningKey(signingKeyOptions(settings, { store, sealer }), { now, compromised });
    const stored = (await store.keys.list()).find((key) => key.keyId === keyId);
    const activeAt = new Date(stored?.activeAt ?? now).toISOString();
    io.out(
      compromised
        ? `Created signing key ${keyId}, which signs at once, and deleted all others: tokens signed with them are rejected.`
        : `Created signing key ${keyId}: it is published now and signs from ${activeAt}.`,
    );
  });
}

async function checkState(check: KeyCheck, { store, rings, current }: KeyStore, now: EpochMs): Promise<string> {
  const { use, keyId } = check;
  const uses = await store.keys.countUses({ use, keyId, now });
  const of = use === "master" ? "live sessions" : "live codes";
  const configured = {
    match: null,
    wrong: "WRONG: the configured key is different",
    missing: "MISSING: not configured here",
  }[compareCheck(check, rings)];
  const state = current[use] === keyId ? "current" : "not current";
  return `${configured === null ? state : `${state}, ${configured}`}, ${uses} ${of}`;
}

function signingState({ alg, activeAt }: StoredKey, all: readonly StoredKey[], now: EpochMs): string {
  const since = new Date(activeAt).toISOString();
  if (activeAt > now) return `${alg}, published, signs from ${since}`;
  const replaced = all.some((other) => other.activeAt > activeAt && other.activeAt <= now);
  return replaced ? `${alg}, published until its tokens have expired` : `${alg}, signing since ${since}`;
}

function row(use: string, keyId: string, state: string): string {
  return `${use.padEnd(8)} ${keyId.padEnd(16)} ${state}`;
}
