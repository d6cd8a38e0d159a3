import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, type RemoteJWKSet } from "jose";
import { AccessTokenError } from "./access-token-error.js";

const fetchTimeoutMs = 5000;
const metadataBytesMax = 65_536;

/** Finds the key of a token among those that an issuer publishes. Throws `AccessTokenError`. */
export function createKeySource(options: {
  readonly issuer: string;
  readonly jwksUri?: string;
  readonly fetch?: typeof globalThis.fetch;
}): JWTVerifyGetKey {
  const fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  let finding: Promise<RemoteJWKSet> | null = null;

  async function find(): Promise<RemoteJWKSet> {
    const uri = options.jwksUri ?? (await discover(options.issuer, fetch));
    return createRemoteJWKSet(new URL(uri), {
      timeoutDuration: fetchTimeoutMs,
      [customFetch]: (url, init) => fetch(url, init),
    });
  }

  return async (header, token) => {
    finding ??= find();
    const keySet = await finding.catch((error: unknown) => {
      finding = null;
      throw unavailable(error);
    });
    try {
      return await keySet(header, token);
    } catch (error) {
      const isAboutToken = error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
      if (isAboutToken) throw new AccessTokenError("TOKEN_INVALID", "signed by no published key", error);
      throw unavailable(error);
    }
  };
}

/** OpenID Connect Discovery §4.3: a document that speaks for another issuer is refused, or its keys could be anybody's. */
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

function unavailable(error: unknown): AccessTokenError {
  const detail = error instanceof Error ? error.message : "the issuer's keys can't be fetched";
  return new AccessTokenError("KEYS_UNAVAILABLE", detail, error);
}
