import type { Settings } from "../config/settings.js";
import { compareCheck, variableOf } from "../crypto/key-checks.js";
import { resealKeys } from "../crypto/own-keys.js";
import type { EpochMs } from "../model/time.js";
import type { KeyCheck, StoredKey } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import { liveProcesses, processNames } from "./fleet.js";
import { CliError, type Io } from "./io.js";
import { type KeyStore, nameOf, withKeyStore } from "./key-store.js";

export interface Retirement {
  readonly keyId: string;
  /** The kind of the key. Needed if a master key and a pepper have this id. */
  readonly use: KeyCheck["use"] | undefined;
  readonly revokeSessions: boolean;
}

/**
 * Removes a master key or pepper that is not the current one from the database, so that the service starts without it. Throws
 * `CliError` while live sessions or codes need the key, unless it may revoke them.
 */
export function retireKey(settings: Settings, retirement: Retirement, io: Io): Promise<void> {
  return withKeyStore(settings, async (keys) => {
    const check = await findCheck(keys, retirement);
    await refuseWrongKeys(keys, check);
    await refuseWriters(keys, check);
    if (check.use === "master") await retireMaster(keys, { keyId: check.keyId, revokeSessions: retirement.revokeSessions }, io);
    else await refuseLiveCodes(keys, check.keyId, retirement.revokeSessions);
    if (!(await keys.store.keys.deleteCheck(check))) {
      throw new CliError(`The ${nameOf(check)} became the current one meanwhile: it was not retired.`);
    }
    const configured = keys.rings[check.use].has(check.keyId);
    io.out(
      `Retired the ${nameOf(check)}.${configured ? ` Remove it from ${variableOf[check.use]} now: a start with it adds it again.` : ""}`,
    );
  });
}

async function findCheck({ store, rings, current }: KeyStore, { keyId, use }: Retirement): Promise<KeyCheck> {
  const named = (await store.keys.listChecks()).filter((check) => check.keyId === keyId && (use ?? check.use) === check.use);
  if (named.length === 0) {
    const isSigning = (await store.keys.list()).some((key) => key.keyId === keyId && key.use === "signing");
    throw new CliError(
      isSigning
        ? `Key ${keyId} is a signing key: \`latchkey keys rotate\` replaces it, at once with --compromised.`
        : `The database has no master key or pepper ${keyId}: see \`latchkey keys list\`.`,
    );
  }
  const old = named.filter((check) => (current[check.use] ?? rings[check.use].currentId) !== keyId);
  if (old.length === 0) {
    throw new CliError(
      `Key ${keyId} is the current one: make another key the current one first, by \`latchkey keys promote\`.`,
    );
  }
  if (old.length > 1)
    throw new CliError(`Both a master key and a pepper have the id ${keyId}: add --use master or --use pepper.`);
  return old[0]!;
}

/**
 * Throws if any key except the leaving one is wrong. Otherwise the deployment's own keys could be sealed with a key that is
 * lost.
 */
async function refuseWrongKeys({ store, rings }: KeyStore, leaving: KeyCheck): Promise<void> {
  for (const check of await store.keys.listChecks()) {
    const isLeaving = check.use === leaving.use && check.keyId === leaving.keyId;
    const comparison = compareCheck(check, rings);
    if (comparison === "wrong" || (comparison === "missing" && !isLeaving && check.use === leaving.use)) {
      const what = comparison === "wrong" ? "is not the key that the database was made with" : "is not configured";
      throw new CliError(`The ${nameOf(check)} ${what}: correct ${variableOf[check.use]} first; nothing was changed.`);
    }
  }
}

/** Throws while a live process still makes new data with the key. It follows a promotion with its next heartbeat. */
async function refuseWriters({ store }: KeyStore, { use, keyId }: KeyCheck): Promise<void> {
  // Refuses a wrong clock, by which live processes would look lost.
  await store.upkeep.ping();
  const writers = liveProcesses(await store.processes.list(), Date.now()).filter(({ writesWith }) => writesWith[use] === keyId);
  if (writers.length > 0) {
    throw new CliError(
      `${processNames(writers)} still ${writers.length === 1 ? "makes" : "make"} new data with the ${nameOf({ use, keyId })}: try again ` +
        "in a few seconds; nothing was changed.",
    );
  }
}

async function retireMaster(
  keys: KeyStore,
  { keyId, revokeSessions }: { keyId: string; revokeSessions: boolean },
  io: Io,
): Promise<void> {
  const { store, rings, sealer } = keys;
  const now = Date.now();
  const sessions = await store.keys.countUses({ use: "master", keyId, now });
  if (sessions > 0 && !revokeSessions) {
    throw new CliError(
      `${sessions} live sessions hold tokens made with master key ${keyId}: wait until they end, or add --revoke-sessions.`,
    );
  }
  // Revoke first, because this can fail half way. A repeated command then finds all keys, and fewer sessions.
  if (revokeSessions) io.out(`Revoked ${await revokeAll(store, { keyId, now })} sessions.`);
  if (rings.master.has(keyId)) await resealKeys(store, sealer, { from: keyId, to: rings.master.currentId });
  else await dropLostKeys(keys, { keyId, revokeSessions }, io);
}

/** Sessions revoked in one transaction. Few, so that a concurrent refresh waits only briefly. */
const revokedAtOnce = 5_000;

async function revokeAll(store: Store, { keyId, now }: { keyId: string; now: EpochMs }): Promise<number> {
  let sum = 0;
  for (;;) {
    const revoked = await store.keys.revokeSessions({ keyId, now, limit: revokedAtOnce });
    if (revoked === 0) return sum;
    sum += revoked;
  }
}

/** Own keys are lost without the key that sealed them. The next start creates new signing and lookup keys. */
async function dropLostKeys(
  { store, sealer }: KeyStore,
  { keyId, revokeSessions }: { keyId: string; revokeSessions: boolean },
  io: Io,
): Promise<void> {
  const lost = (await store.keys.list()).filter((key) => sealer.keyIdOf(key.sealed) === keyId);
  if (lost.length === 0) return;
  if (!revokeSessions) {
    throw new CliError(
      `Master key ${keyId} is not configured but still seals ${lost.length} keys of the database. Configure it, so that they can be sealed ` +
        "with the current key. If it is lost, add --revoke-sessions to drop them with the tokens and limits that depend on them.",
    );
  }
  for (const key of lost) {
    await store.keys.delete(key.keyId);
    io.out(`Dropped the ${key.use} key ${key.keyId}; ${remedies[key.use]}.`);
  }
}

const remedies: Readonly<Record<StoredKey["use"], string>> = {
  lookup: "the next start creates a new one",
  signing: "the next start creates a new one",
  hook: "set the hook of its app again with `latchkey app hook set` or `latchkey app report-hook set`",
  carrier: "set the carrier of its app again with `latchkey provider put`",
};

async function refuseLiveCodes({ store }: KeyStore, keyId: string, anyway: boolean): Promise<void> {
  if (anyway) return;
  const codes = await store.keys.countUses({ use: "pepper", keyId, now: Date.now() });
  if (codes > 0)
    throw new CliError(
      `${codes} codes that can still be redeemed were made with pepper ${keyId}: try again in 10 minutes, or add --revoke-sessions ` +
        "to drop the codes.",
    );
}
