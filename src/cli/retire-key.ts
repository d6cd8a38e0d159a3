import type { Settings } from "../config/settings.js";
import { compareCheck, variableOf } from "../crypto/key-checks.js";
import { resealKeys } from "../crypto/own-keys.js";
import type { EpochMs } from "../model/time.js";
import type { KeyCheck } from "../store/port/keys.js";
import type { Store } from "../store/port/store.js";
import { CliError, type Io } from "./io.js";
import { type KeyStore, withKeyStore } from "./key-store.js";

export interface Retirement {
  readonly keyId: string;
  /** Of which kind the key is, where both have one of this id. */
  readonly use: KeyCheck["use"] | undefined;
  readonly revokeSessions: boolean;
}

/**
 * Ends a master key or pepper that is not the current one: the database forgets it, and the service starts without it. Refused
 * while live sessions or codes need the key, unless told to revoke them.
 */
export function retireKey(settings: Settings, retirement: Retirement, io: Io): Promise<void> {
  return withKeyStore(settings, async (keys) => {
    const check = await findCheck(keys, retirement);
    await refuseWrongKeys(keys, check);
    if (check.use === "master") await retireMaster(keys, { keyId: check.keyId, revokeSessions: retirement.revokeSessions }, io);
    else await refuseLiveCodes(keys, check.keyId, retirement.revokeSessions);
    await keys.store.keys.deleteCheck(check);
    const configured = keys.rings[check.use].has(check.keyId);
    io.out(
      `Retired the ${nameOf(check)}.${configured ? ` Take it out of ${variableOf[check.use]} now: a start with it brings it back.` : ""}`,
    );
  });
}

async function findCheck({ store, rings }: KeyStore, { keyId, use }: Retirement): Promise<KeyCheck> {
  const named = (await store.keys.listChecks()).filter((check) => check.keyId === keyId && (use ?? check.use) === check.use);
  if (named.length === 0) {
    const isSigning = (await store.keys.list()).some((key) => key.keyId === keyId && key.use === "signing");
    throw new CliError(
      isSigning
        ? `Key ${keyId} is a signing key, which ends by itself after \`latchkey keys rotate\`, at once with --compromised.`
        : `The database knows no master key or pepper ${keyId}: see \`latchkey keys list\`.`,
    );
  }
  const old = named.filter((check) => rings[check.use].currentId !== keyId);
  if (old.length === 0) {
    const variables = named.map((check) => variableOf[check.use]).join(" and ");
    throw new CliError(
      `Key ${keyId} is the current one: put a new key in front of it in ${variables} (2:<new>,${keyId}:<old>) and restart first.`,
    );
  }
  if (old.length > 1) throw new CliError(`There is a master key and a pepper ${keyId}: add --use master or --use pepper.`);
  return old[0]!;
}

/** All keys but the one that goes must be right: with a wrong one the deployment's own keys would be sealed for nobody. */
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
      `${sessions} live sessions hold tokens made with master key ${keyId}: wait for their end, or add --revoke-sessions.`,
    );
  }
  // What can fail half way goes first: whoever begins again then finds all keys, and fewer sessions.
  if (revokeSessions) io.out(`Revoked ${await revokeAll(store, { keyId, now })} sessions.`);
  if (rings.master.has(keyId)) await resealKeys(store, sealer, { from: keyId, to: rings.master.currentId });
  else await dropLostKeys(keys, { keyId, revokeSessions }, io);
}

/** Revoked in one transaction: so few that whoever refreshes one of them waits for a moment only. */
const revokedAtOnce = 5_000;

async function revokeAll(store: Store, { keyId, now }: { keyId: string; now: EpochMs }): Promise<number> {
  let sum = 0;
  for (;;) {
    const revoked = await store.keys.revokeSessions({ keyId, now, limit: revokedAtOnce });
    if (revoked === 0) return sum;
    sum += revoked;
  }
}

/** Without the key that sealed them, signing and lookup keys are lost; the next start makes new ones. */
async function dropLostKeys(
  { store, sealer }: KeyStore,
  { keyId, revokeSessions }: { keyId: string; revokeSessions: boolean },
  io: Io,
): Promise<void> {
  const lost = (await store.keys.list()).filter((key) => sealer.keyIdOf(key.sealed) === keyId);
  if (lost.length === 0) return;
  if (!revokeSessions) {
    throw new CliError(
      `Master key ${keyId} is not configured and still seals ${lost.length} keys of the database: configure it to have them sealed ` +
        "again, or, if it is lost, add --revoke-sessions to give them up with the tokens and limits that depend on them.",
    );
  }
  for (const key of lost) {
    await store.keys.delete(key.keyId);
    io.out(`Gave up the ${key.use} key ${key.keyId}; the next start makes a new one.`);
  }
}

async function refuseLiveCodes({ store }: KeyStore, keyId: string, anyway: boolean): Promise<void> {
  if (anyway) return;
  const codes = await store.keys.countUses({ use: "pepper", keyId, now: Date.now() });
  if (codes > 0)
    throw new CliError(
      `${codes} codes that can still be redeemed were made with pepper ${keyId}: try again in 10 minutes, or add --revoke-sessions ` +
        "to give the codes up.",
    );
}

function nameOf({ use, keyId }: KeyCheck): string {
  return `${use === "master" ? "master key" : "pepper"} ${keyId}`;
}
