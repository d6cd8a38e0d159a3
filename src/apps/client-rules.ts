import { AuthError } from "../auth/errors.js";
import { hostOf } from "../lib/host.js";
import { isLoopback } from "../lib/listen.js";
import { networkProblem } from "../lib/network.js";
import type { ClientRecord } from "../model/client.js";
import { dialects } from "../model/dialect.js";
import { scopes as allScopes, deploymentScopes, isScope, type Scope } from "../model/scope.js";
import type { FieldViolation } from "../model/violation.js";
import { type Actor, operatorName } from "./actor.js";
import { isLine, isPrintable, originViolations } from "./app-rules.js";

const idForm = /^[A-Za-z0-9_-]{2,64}$/;
const aliasForm = /^[A-Za-z0-9._~:/@-]{2,128}$/;
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const hostForm = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Returns what is wrong with a client. Fields are named as in the API. */
export function clientViolations(client: ClientRecord): FieldViolation[] {
  const { clientId, aliases } = client;
  return [
    ...clientIdViolations(clientId),
    ...(isLine(client.displayName, 128)
      ? []
      : [{ field: "display_name", description: "must be at most 128 characters, without line breaks and control characters" }]),
    ...originViolations(client.allowedOrigins),
    ...listViolations("dialects", client.dialects, dialectProblem),
    ...listViolations("hosts", client.hosts, hostProblem),
    ...listViolations("redirect_uris", client.redirectUris, redirectUriProblem),
    ...listViolations("aliases", aliases, (alias) => aliasProblem(alias, clientId)),
    ...listViolations("allowed_addresses", client.allowedAddresses, networkProblem),
    ...listViolations("scopes", client.scopes, scopeProblem),
    ...kindViolations(client),
  ];
}

function clientIdViolations(clientId: string): FieldViolation[] {
  if (!idForm.test(clientId)) return [{ field: "client_id", description: "must be 2 to 64 letters, digits, _ and -" }];
  if (clientId === operatorName) {
    return [{ field: "client_id", description: "must be another one: the log calls the command line operator" }];
  }
  // A client token has the client id as `sub`, which must not equal the `sub` of any user (RFC 9068 §5). User ids are UUIDs.
  const description = "must not be a UUID, because user ids are UUIDs: make it an alias of the client";
  return uuidForm.test(clientId) ? [{ field: "client_id", description }] : [];
}

function listViolations(field: string, items: readonly string[], problemOf: (item: string) => string | null): FieldViolation[] {
  const violations = items.flatMap((item, index) => {
    const description = problemOf(item);
    return description === null ? [] : [{ field: `${field}[${index}]`, description }];
  });
  return new Set(items).size === items.length ? violations : [...violations, { field, description: "has an entry twice" }];
}

function dialectProblem(name: string): string | null {
  return (dialects as readonly string[]).includes(name) ? null : `is no dialect: choose among ${dialects.join(", ")}`;
}

function hostProblem(host: string): string | null {
  return hostForm.test(host) ? null : "must be a host name in lower case such as shop.example.com, without a port";
}

/** RFC 6749 §3.1.2: absolute and without a fragment. RFC 8252 §7.3: http only for loopback. */
function redirectUriProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || text.includes("*") || !isPrintable(text, 512))
    return "must be a URL such as https://shop.example.com/callback, without a wildcard";
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(hostOf(url)))) {
    return "must be an https URL, or http on localhost, 127.0.0.1 or [::1]";
  }
  if (text.includes("#")) return "must have no fragment: remove everything from # on";
  return url.username === "" && url.password === "" ? null : "must have no user and no password: remove them";
}

function aliasProblem(alias: string, clientId: string): string | null {
  if (!aliasForm.test(alias)) return "must be 2 to 128 characters of letters, digits and - . _ ~ : / @";
  return alias === clientId ? "is the id of the client itself: remove it" : null;
}

function scopeProblem(scope: string): string | null {
  return isScope(scope) ? null : `is not a scope: use ${allScopes.join(", ")}`;
}

/** Only confidential clients authenticate, and only public ones can stand for calls that name no client. */
function kindViolations({ kind, scopes, jwks, allowedAddresses, isDefault }: ClientRecord): FieldViolation[] {
  if (kind === "confidential") {
    return isDefault ? [{ field: "is_default", description: "is only possible for public clients" }] : [];
  }
  const given = { scopes: scopes.length > 0, jwks: jwks !== "", allowed_addresses: allowedAddresses.length > 0 };
  return Object.entries(given)
    .filter(([, isGiven]) => isGiven)
    .map(([field]) => ({ field, description: "is only possible for confidential clients: remove it" }));
}

/** Returns a violation for each scope that reaches every app and that only the command line may add. */
export function grantViolations(actor: Actor, change: { before: readonly Scope[]; after: readonly Scope[] }): FieldViolation[] {
  if (actor.client === null) return [];
  const added = change.after.filter((scope) => deploymentScopes.includes(scope) && !change.before.includes(scope));
  return added.map((scope) => ({
    field: "scopes",
    description: `${scope} reaches every app: only the command line grants it, with latchkey client create or update`,
  }));
}

/**
 * Throws SCOPE_MISSING if the client has a scope for the whole deployment that the actor lacks. Otherwise the actor could take
 * that scope by giving the client a secret or key of its own.
 */
export function refuseHigherRights(actor: Actor, client: Pick<ClientRecord, "clientId" | "scopes">): void {
  const lacking = client.scopes.find((scope) => deploymentScopes.includes(scope) && !actor.scopes.has(scope));
  if (lacking === undefined) return;
  throw new AuthError("SCOPE_MISSING", {
    detail: `client ${client.clientId} has the scope ${lacking}`,
    metadata: { scope: lacking },
  });
}
