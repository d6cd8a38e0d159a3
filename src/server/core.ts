import { createRegistrationHook } from "../accounts/registration-hook.js";
import type { Deps } from "../auth/deps.js";
import { codeBinding } from "../auth/new-challenge.js";
import { createSingleFlight } from "../auth/single-flight.js";
import type { DatabaseLogin, PostgresUrl, ReadDatabaseLogin, Settings } from "../config/settings.js";
import { createAccessTokens } from "../crypto/access-token.js";
import { type CarrierSecrets, createCarrierSecrets } from "../crypto/carrier-secrets.js";
import { bindingText, type CodeHasher, createCodeHasher, type HashMeasure, type HashProfile } from "../crypto/code-hash.js";
import { loadCurrentKeys } from "../crypto/current-keys.js";
import { createForeignKeys } from "../crypto/foreign-keys.js";
import { createHookSecrets, type HookSecrets } from "../crypto/hook-secrets.js";
import { checkKeys, foreignKeySentence, type Keyrings } from "../crypto/key-checks.js";
import { createKeyring, type Keyring } from "../crypto/keyring.js";
import { loadLookupKeys } from "../crypto/lookup-keys.js";
import { createRefreshTokens } from "../crypto/refresh-token.js";
import { createRequestMac } from "../crypto/request-mac.js";
import { createSealer, type Sealer } from "../crypto/sealing.js";
import { createSessionCredentials } from "../crypto/session-credential.js";
import { loadSigningKeys, type SigningKeyOptions, type SigningKeys } from "../crypto/signing-keys.js";
import { availableCores } from "../lib/cores.js";
import type { Log } from "../lib/log.js";
import type { KeyName } from "../model/key.js";
import type { Metrics } from "../model/metrics.js";
import { accessTokenTtlMaxMs } from "../model/policy.js";
import type { EpochMs } from "../model/time.js";
import { createOutbound, type Outbound } from "../outbound/outbound.js";
import type { DatabaseLocation } from "../store/open.js";
import type { OutboxMessage } from "../store/port/outbox.js";
import type { Store } from "../store/port/store.js";
import type { PostgresLocation } from "../store/postgres/location.js";
import { traceHookCalls } from "../telemetry/traced.js";
import { noTracer, type Tracer } from "../telemetry/tracer.js";

/** Parts that tests and the benchmark replace. */
export interface CoreOverrides {
  readonly clock?: () => EpochMs;
  readonly codes?: CodeHasher;
}

/** The product without its doors and workers. */
export interface Core {
  readonly deps: Omit<Deps, "wakeOutbox">;
  /** The configured keys. Heartbeats choose the ones for new data. */
  readonly rings: Keyrings;
  /** The current keys that were not configured here at the start. Readiness reports them later. */
  readonly missingKeys: readonly KeyName[];
  readonly signingKeys: SigningKeys;
  readonly hookSecrets: HookSecrets;
  readonly carrierSecrets: CarrierSecrets;
  readonly outbound: Outbound;
  /** Returns the code of a message in the outbox, or null if its sealed copy is not this challenge's. */
  openCode(delivery: NonNullable<OutboxMessage["delivery"]>): string | null;
  /** Returns whether the code of a message was sealed with a key that only other processes have. */
  isForeign(delivery: NonNullable<OutboxMessage["delivery"]>): Promise<boolean>;
}

/** The parts of the core, besides settings. */
export interface CoreParts {
  readonly store: Store;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly measure?: HashMeasure;
  readonly tracer?: Tracer;
  readonly overrides?: CoreOverrides;
}

/**
 * Loads or creates the deployment's own keys and composes the use cases' dependencies. Throws if a master key or pepper is
 * wrong.
 */
export async function createCore(settings: Settings, given: CoreParts): Promise<Core> {
  const { store, log, metrics, measure, tracer = noTracer, overrides = {} } = given;
  const clock = overrides.clock ?? Date.now;
  const rings = keyringsOf(settings);
  const { master, pepper } = rings;
  for (const { use, keyId } of await checkKeys(store, rings)) log.warn({ use, keyId }, foreignKeySentence({ use, keyId }));
  const missingKeys = await loadCurrentKeys(store, rings);
  const foreignKeys = createForeignKeys({
    store,
    rings,
    onMissing(key, work, isNews) {
      metrics.keyMissing(key.use, work);
      if (isNews) log.warn({ ...key, work }, foreignKeySentence(key));
    },
  });
  const sealer = createSealer(master);
  const signingKeys = await loadSigningKeys(signingKeyOptions(settings, { store, sealer }), clock());
  if (signingKeys.newestAlg() !== settings.signingAlg) {
    log.warn(
      { newest: signingKeys.newestAlg(), configured: settings.signingAlg },
      "the newest signing key is not of LATCHKEY_SIGNING_ALG, which the next key will be: `latchkey keys rotate` makes one now",
    );
  }
  const hookSecrets = createHookSecrets({ store, sealer });
  const outbound = createOutbound({ allowed: settings.outboundAllowed });
  const lookup = await loadLookupKeys({ store, sealer, now: clock() });
  const deps = {
    clock,
    store,
    sealer,
    log,
    metrics,
    foreignKeys,
    lookup,
    codes:
      overrides.codes ??
      createCodeHasher({
        pepper,
        profile: settings.codeHash,
        concurrency: hashConcurrency(settings.codeHash, settings.workers),
        measure,
      }),
    accessTokens: createAccessTokens({ keys: signingKeys, issuer: settings.issuer }),
    refreshTokens: createRefreshTokens(master),
    sessionCredentials: createSessionCredentials(master),
    requestMac: createRequestMac({ master, lookupKey: lookup.requestKey }),
    singleFlight: createSingleFlight(),
    askRegistrationHook: createRegistrationHook({
      clock,
      store,
      hookSecrets,
      outbound: { send: traceHookCalls(outbound.send, { name: "registration hook", tracer }) },
      log,
      metrics,
    }),
  };
  return {
    deps,
    rings,
    missingKeys,
    signingKeys,
    hookSecrets,
    carrierSecrets: createCarrierSecrets({ store, sealer }),
    outbound,
    isForeign: async ({ sealedCode }) =>
      sealedCode !== null && (await foreignKeys.isForeign({ use: "master", keyId: sealer.keyIdOf(sealedCode) }, "deliver")),
    openCode: ({ sealedCode, ...delivery }) =>
      sealedCode && (sealer.open("code", sealedCode, bindingText(codeBinding(delivery)))?.toString() ?? null),
  };
}

export function keyringsOf(settings: Settings): { readonly master: Keyring; readonly pepper: Keyring } {
  const reveal = (specs: Settings["pepper"]) => createKeyring(specs.map(({ id, key }) => ({ id, key: key.reveal() })));
  return { master: reveal(settings.masterKey), pepper: reveal(settings.pepper) };
}

/** Returns the location of the configured database. */
export function storeLocation({
  database,
  databaseLogin,
  databasePool,
  databasePooler,
  databaseReadHosts,
}: Pick<Settings, "database" | "databaseLogin" | "databasePool" | "databasePooler" | "databaseReadHosts">): DatabaseLocation {
  if (database.kind === "sqlite") return database;
  const given = { poolMax: databasePool, pooler: databasePooler, readHosts: databaseReadHosts };
  return postgresLocation(database, { readLogin: databaseLogin, ...given });
}

export function postgresLocation(
  url: PostgresUrl,
  {
    readLogin,
    ...given
  }: Pick<PostgresLocation, "poolMax" | "pooler" | "readHosts"> & { readonly readLogin: ReadDatabaseLogin | null },
): PostgresLocation {
  const reveal = ({ user, password }: DatabaseLogin) => ({ user, password: password?.reveal() ?? "" });
  return {
    ...url,
    ...reveal(url),
    readLogin: readLogin === null ? null : (at) => reveal(readLogin(at)),
    role: "primary",
    ...given,
  };
}

/** Options for creating and keeping signing keys, shared by the server and the command line. */
export function signingKeyOptions(
  settings: Settings,
  given: { readonly store: Store; readonly sealer: Sealer },
): SigningKeyOptions {
  return { ...given, alg: settings.signingAlg, leadMs: settings.keyLeadMs, tokenLifeMs: accessTokenTtlMaxMs + clockSkewMs };
}

const clockSkewMs = 30_000;

/**
 * How many hashes run at once in each worker. One more than the cores keeps every core busy while the last hash is answered.
 * Hashes of `fast` are shorter than a turn of the event loop under load, so each turn needs enough of them. Measured under load
 * on two cores, sign-ins a second with `fast`: 67 at 4, 156 at 8, 303 at 12, 300 at 16. `npm run bench defaults` measures it
 * again.
 */
export function hashConcurrency(profile: HashProfile, workers = 1): number {
  const cores = Math.ceil(availableCores() / workers);
  return profile === "fast" ? 6 * cores : cores + 1;
}
