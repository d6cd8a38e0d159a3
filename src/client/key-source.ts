import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, type RemoteJWKSet } from "jose";
import { AccessTokenError } from "./access-token-error.js";

const fetchTimeoutMs = 5000;
const metadataBytesMax = 65_536;
/** Older keys are fetched again before they are used. */
const freshMs = 10 * 60_000;
/** How long keys stay known while the issuer can't be reached. */
const keptMs = 24 * 60 * 60_000;
/** After a fetch that succeeded, tokens of unknown keys cause no other fetch for this long. */
const cooldownMs = 30_000;
/** After failed fetches in a row the pause doubles from the first to the second; each is cut by up to a half at random. */
const pauseMsMin = 1000;
const pauseMsMax = 30_000;

/**
 * Finds the key of a token among those that an issuer publishes. Fetches one at a time, and keeps known keys for a day while fetches
 * fail. Throws `AccessTokenError`.
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

  /** Either way: a clock that is set back makes nothing younger. */
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

  /** Joins a fetch that is under way; within the pause after one it gives that one's result instead of fetching. */
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
    // While the issuer fails, one call waits for it and the others go on with the known keys.
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

/** Fetches only on `reload()`: jose's own rules have no pause after a failed fetch and drop known keys at their age. */
function remoteKeys(uri: string, fetch: typeof globalThis.fetch): RemoteJWKSet {
  return createRemoteJWKSet(new URL(uri), {
    timeoutDuration: fetchTimeoutMs,
    cacheMaxAge: Infinity,
    cooldownDuration: Infinity,
    [customFetch]: (url, init) => fetch(url, init),
  });
}

/** OpenID Connect Discovery §4.3: a document that speaks for another issuer is refused, because its keys could be anyone's. */
async function discover(issuer: string, fetch: typeof globalThis.fetch): Promise<string> {
  const response = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, {
    redirect: "error",
    signal: AbortSignal.timeout(fetchTimeoutMs),
  });
  if (!response.ok) throw new Error(`discovery answered ${response.status}`);
  const text = await response.text();
  if (text.length > metadataBytesMax) throw new Error("discovery answered too much");
  const metadata = JSON.parse(text) as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
  if (metadata.issuer !== issuer) throw new Error("discovery answered for another issuer");
  if (typeof metadata.jwks_uri !== "string") throw new Error("discovery named no jwks_uri");
  return metadata.jwks_uri;
}

function refusalOf(error: unknown): AccessTokenError {
  const isAboutToken = error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
  return isAboutToken ? new AccessTokenError("TOKEN_INVALID", "signed by no published key", error) : unavailable(error);
}

function unavailable(error: unknown): AccessTokenError {
  const detail = error instanceof Error ? error.message : "the issuer's keys can't be fetched";
  return new AccessTokenError("KEYS_UNAVAILABLE", detail, error);
}
