import type { Client } from "../model/client.js";
import { isScope, type Scope, scopeGroups } from "../model/scope.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";

/** Clients can get a new token at any time, so theirs live longer than those of users. */
const clientTokenTtlMs = 15 * 60_000;

export interface ClientToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  /** As the request names them: the name of a group stands for its scopes. */
  readonly granted: readonly string[];
}

/**
 * Signs an access token for a client that has authenticated itself. `scope` narrows the scopes; empty: all that the client has. Throws
 * SCOPE_MISSING if the client lacks one of them.
 */
export async function issueClientToken(
  deps: Deps,
  { client, audience }: { readonly client: Client; readonly audience: string },
  input: { readonly scope: string },
): Promise<ClientToken> {
  const asked = input.scope === "" ? [...client.scopes] : input.scope.split(" ");
  const scopes = [...new Set(asked.flatMap((text) => scopesOf(client, text)))];
  const { clientId } = client;
  const life = { ttlMs: clientTokenTtlMs, now: deps.clock() };
  const accessToken = await deps.accessTokens.signClient({ clientId, scopes }, { audience, ...life });
  // Tokens expire at whole seconds. Round down, so that clients never use an expired one.
  const expiresInSeconds = Math.floor((clientTokenTtlMs - (life.now % 1000)) / 1000);
  return { accessToken, expiresInSeconds, granted: [...new Set(asked)] };
}

function scopesOf(client: Client, name: string): readonly Scope[] {
  const named = Object.hasOwn(scopeGroups, name) ? scopeGroups[name]! : isScope(name) ? [name] : [];
  if (named.length > 0 && named.every((scope) => client.scopes.has(scope))) return named;
  throw new AuthError("SCOPE_MISSING", { detail: "the client asked for a scope that it lacks", metadata: { scope: name } });
}
