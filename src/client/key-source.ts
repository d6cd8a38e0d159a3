import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, type RemoteJWKSet } from "jose";
import { AccessTokenError } from "./access-token-error.js";

const fetchTimeoutMs = 5000;
const metadataBytesMax = 65_536;
/** Keys older than this are fetched again before use. */
const freshMs = 10 * 60_000;
/** How long keys are used while the issuer can't be reached. */
const keptMs = 24 * 60 * 60_000;
/** The pause after a successful fetch, during which tokens with unknown keys cause no fetch. */
const cooldownMs = 30_000;
/** The pause after failed fetches: it doubles from the minimum to the maximum, less a random part of up to a half. */
const pauseMsMin = 1000;
const pauseMsMax = 30_000;

/**
 * Returns a function that finds a token's key among the keys that the issuer publishes. It makes one fetch at a time, and uses known
 * keys for up to a day while fetches fail. Throws `AccessTokenError`.
 */
export function createKeySource(options: {
  readonly issuer: string;
  readonly jwksUri?: string;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock: () => number;
}): JWTVerifyGetKey {
  const { clock } = options;
  const fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  let keySet: RemoteJWKSet | undefined;
  let fetchedAt = -Infinity;
  let fetching: Promise<void> | null = null;
  let triedAt = -Infinity;
  let pauseMs = 0;
  let failures = 0;
  let failure: unknown = null;

  /** Absolute, so that keys do not look younger after the clock was set back. */
  const since = (time: number) => Math.abs(clock() - time);

  async function load(): Promise<void> {
    const startedAt = clock();
    try {
      keySet ??= remoteKeys(options.jwksUri ?? (await discover(options.issuer, fetch)), fetch);
      await keySet.reload();
      fetchedAt = startedAt;
      failures = 0;
      failure = null;
      pauseMs = cooldownMs;
    } catch (error) {
      pauseMs = Math.min(pauseMsMin * 2 ** failures, pauseMsMax) * (1 - Math.random() / 2);
      failures += 1;
      failure = unavailable(error);
      throw failure;
    } finally {
      triedAt = clock();
    }
  }

  /** Joins a running fetch. During the pause after a fetch it returns or throws that fetch's result. */
  async function fetchAgain(): Promise<void> {
    if (fetching === null && since(triedAt) < pauseMs) {
      if (failure !== null) throw failure;
      return;
    }
    fetching ??= load().finally(() => {
      fetching = null;
    });
    await fetching;
  }

  async function renew(): Promise<void> {
    if (since(fetchedAt) > keptMs) return await fetchAgain();
    const joins = fetching !== null;
    const renewed = fetchAgain().catch(() => {});
    // While the issuer fails, one call waits for the fetch; the others use the known keys at once.
    if (!joins || failure === null) await renewed;
  }

  return async (header, token) => {
    if (since(fetchedAt) > freshMs) await renew();
    try {
      return await keySet!(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw refusalOf(error);
    }
    await fetchAgain();
    return await keySet!(header, token).catch((error: unknown) => {
      throw refusalOf(error);
    });
  };
}

/** Fetches on `reload()` only. jose's own rules do not pause after a failed fetch, and drop keys that are too old. */
function remoteKeys(uri: string, fetch: typeof globalThis.fetch): RemoteJWKSet {
  return createRemoteJWKSet(new URL(uri), {
    timeoutDuration: fetchTimeoutMs,
    cacheMaxAge: Infinity,
    cooldownDuration: Infinity,
    [customFetch]: (url, init) => fetch(url, init),
  });
}

/** Rejects a document of another issuer (OpenID Connect Discovery §4.3), because its keys could be an attacker's. */
async function discover(issuer: string, fetch: typeof globalThis.fetch): Promise<string> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const response = await fetch(url, {
    redirect: "error",
    signal: AbortSignal.timeout(fetchTimeoutMs),
  });
  if (!response.ok) throw new Error(`${url} answered with status ${response.status}`);
  const text = await response.text();
  if (text.length > metadataBytesMax) throw new Error(`${url} is larger than ${metadataBytesMax} bytes`);
  const metadata = JSON.parse(text) as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
  if (metadata.issuer !== issuer) throw new Error(`${url} names another issuer; set \`issuer\` to exactly what it names`);
  if (typeof metadata.jwks_uri !== "string") throw new Error(`${url} has no jwks_uri`);
  return metadata.jwks_uri;
}

function refusalOf(error: unknown): AccessTokenError {
  const isAboutToken = error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
  return isAboutToken
    ? new AccessTokenError("TOKEN_INVALID", "no published key has signed the token", error)
    : unavailable(error);
}

function unavailable(error: unknown): AccessTokenError {
  const detail = error instanceof Error ? error.message : "the issuer's keys could not be fetched";
  return new AccessTokenError("KEYS_UNAVAILABLE", detail, error);
}
