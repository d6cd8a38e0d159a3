import { invalidField } from "../auth/errors.js";
import { readClientKeys } from "../crypto/client-keys.js";
import { readableId } from "../crypto/random.js";
import { blankClient, type ClientKind, type ClientRecord } from "../model/client.js";
import type { StoredClient } from "../store/port/apps.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import { clientViolations, grantViolations } from "./client-rules.js";
import { type MadeSecret, makeSecret } from "./client-secrets.js";
import type { AppsDeps } from "./deps.js";
import { alreadyExists, appNotFound, refuseViolations } from "./refusals.js";

/** The values of a client that its maker chooses and that may change later. */
export interface ClientFields {
  readonly displayName?: string;
  readonly scopes?: readonly string[];
  readonly allowedOrigins?: readonly string[];
  readonly dialects?: readonly string[];
  readonly hosts?: readonly string[];
  readonly redirectUris?: readonly string[];
  readonly verifyByIdentifier?: boolean;
  readonly aliases?: readonly string[];
  /** A parsed JWK set. Null: none. */
  readonly jwks?: unknown;
  readonly allowedAddresses?: readonly string[];
  readonly isDefault?: boolean;
}

export interface CreateClientInput extends ClientFields {
  readonly appId: string;
  /** Empty: a random one. */
  readonly clientId?: string;
  readonly kind: ClientKind;
  /** Null: the secret does not expire. */
  readonly secretExpiresInMs: number | null;
}

/**
 * Creates a client. A confidential client without keys gets a secret. Throws REQUEST_INVALID, APP_NOT_FOUND, and ALREADY_EXISTS
 * if another client has the id or one of the aliases.
 */
export async function createClient(
  deps: AppsDeps,
  actor: Actor,
  input: CreateClientInput,
): Promise<{ readonly client: StoredClient; readonly made: MadeSecret | null }> {
  const now = deps.clock();
  const client: ClientRecord = {
    ...blankClient,
    ...recordFields(input),
    clientId: input.clientId || readableId(),
    appId: input.appId,
    kind: input.kind,
    createdAt: now,
  };
  refuseViolations([...clientViolations(client), ...grantViolations(actor, { before: [], after: client.scopes })]);
  const needsSecret = client.kind === "confidential" && client.jwks === "";
  if (!needsSecret && input.secretExpiresInMs !== null) {
    refuseViolations([
      { field: "secret_expires_in", description: "is only possible for a client that gets a secret: remove it" },
    ]);
  }
  const made = needsSecret ? makeSecret(now, input.secretExpiresInMs) : null;
  const outcome = await deps.store.apps.createClient({ client, secret: made?.stored ?? null });
  if (outcome.kind === "no_app") throw appNotFound(input.appId);
  if (outcome.kind === "taken") throw alreadyExists(outcome.id);
  const { clientId, appId, kind, scopes } = client;
  await announce(deps, actor, {
    message: "created a client",
    app: appId,
    client: clientId,
    kind,
    scopes,
    ...(outcome.unmarked !== null && { noLongerDefault: outcome.unmarked }),
  });
  return { client: { client, secrets: made === null ? [] : [made.stored] }, made };
}

/** Returns the given fields as they are stored. Throws REQUEST_INVALID if the keys are refused. Scopes are checked later. */
export function recordFields(given: ClientFields): Partial<ClientRecord> {
  const { displayName, scopes, allowedOrigins, dialects, hosts, redirectUris, verifyByIdentifier, aliases, isDefault } = given;
  const fields = {
    displayName,
    scopes: scopes as ClientRecord["scopes"] | undefined,
    allowedOrigins,
    dialects: dialects as ClientRecord["dialects"] | undefined,
    hosts,
    redirectUris,
    verifyByIdentifier,
    aliases,
    jwks: keysText(given.jwks),
    allowedAddresses: given.allowedAddresses?.map((network) => network.toLowerCase()),
    isDefault,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function keysText(jwks: unknown): string | undefined {
  if (jwks === undefined) return undefined;
  if (jwks === null) return "";
  const keys = readClientKeys(jwks);
  if ("jwks" in keys) return keys.jwks;
  throw invalidField("jwks", keys.problem);
}
