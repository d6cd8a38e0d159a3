import type { Client } from "../model/client.js";
import { isScope, type Scope } from "../model/scope.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";

/** Clients can get a new token at any time, so theirs live longer than those of users. */
const clientTokenTtlMs = 15 * 60_000;

export interface ClientToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly scopes: readonly Scope[];
}

/** Signs an access token for a client that has authenticated itself. `scope` narrows the scopes; empty: all that the client has. */
export async function issueClientToken(
  deps: Deps,
  { client, audience }: { readonly client: Client; readonly audience: string },
  input: { readonly scope: string },
): Promise<ClientToken> {
  const scopes = input.scope === "" ? [...client.scopes] : input.scope.split(" ").map((text) => granted(client, text));
  const { clientId } = client;
  const distinct = [...new Set(scopes)];
  const life = { ttlMs: clientTokenTtlMs, now: deps.clock() };
  const accessToken = await deps.accessTokens.signClient({ clientId, scopes: distinct }, { audience, ...life });
  // Tokens expire at whole seconds. Round down, so that clients never use an expired one.
  const expiresInSeconds = Math.floor((clientTokenTtlMs - (life.now % 1000)) / 1000);
  return { accessToken, expiresInSeconds, scopes: distinct };
}

function granted(client: Client, scope: string): Scope {
  if (isScope(scope) && client.scopes.has(scope)) return scope;
  throw new AuthError("SCOPE_MISSING", { detail: "the client asked for a scope that it lacks", metadata: { scope } });
}
