import type { ClientClaims } from "../crypto/token-claims.js";
import type { Client } from "../model/client.js";
import type { Scope } from "../model/scope.js";

/** Clocks of processes differ by at most a second, and tokens have whole seconds. */
const skewMs = 5_000;

/**
 * Returns the scopes that a client's own token has at present, without those that the client has lost. Returns the reason as a text
 * if the token is not valid any more. `client` has the token's client id, or has it as an alias. It may have got this id after
 * another client was deleted.
 */
export function presentScopes({ clientId, issuedAt, scopes }: ClientClaims, client: Client): readonly Scope[] | string {
  if (client.clientId !== clientId) return "the token's client is gone, and its id is an alias now";
  if (issuedAt + skewMs < client.createdAt) return "the token is older than the client";
  if (client.kind !== "confidential") return "the token's client is public now";
  return scopes.filter((scope) => client.scopes.has(scope));
}
