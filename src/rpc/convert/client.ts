import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { MadeSecret } from "../../apps/client-secrets.js";
import type { ClientFields } from "../../apps/create-client.js";
import type { ClientChanges } from "../../apps/update-client.js";
import type { CreateClientRequest, UpdateClientRequest } from "../../gen/latchkey/v1/app_service_pb.js";
import { ClientKind, type ClientSchema, type ClientSecretSchema, ClientState } from "../../gen/latchkey/v1/client_pb.js";
import type * as clients from "../../model/client.js";
import type { EpochMs } from "../../model/time.js";
import type { StoredClient } from "../../store/port/apps.js";
import { keyOf } from "./enums.js";

const kinds = {
  public: ClientKind.PUBLIC,
  confidential: ClientKind.CONFIDENTIAL,
} satisfies Record<clients.ClientKind, ClientKind>;

const states = {
  active: ClientState.ACTIVE,
  disabled: ClientState.DISABLED,
} satisfies Record<clients.ClientState, ClientState>;

export const fromClientKind = (kind: ClientKind): clients.ClientKind | undefined => keyOf(kinds, kind);

export function toClient({ client, secrets }: StoredClient): MessageInitShape<typeof ClientSchema> {
  return {
    clientId: client.clientId,
    appId: client.appId,
    kind: kinds[client.kind],
    displayName: client.displayName,
    scopes: [...client.scopes],
    allowedOrigins: [...client.allowedOrigins],
    dialects: [...client.dialects],
    hosts: [...client.hosts],
    redirectUris: [...client.redirectUris],
    verifyByIdentifier: client.verifyByIdentifier,
    aliases: [...client.aliases],
    jwks: client.jwks === "" ? undefined : (JSON.parse(client.jwks) as JsonObject),
    allowedAddresses: [...client.allowedAddresses],
    isDefault: client.isDefault,
    state: states[client.state],
    createdAt: timestampFromMs(client.createdAt),
    secrets: secrets.map(toSecret),
  };
}

/** Never the hash. */
function toSecret(secret: clients.ClientSecret): MessageInitShape<typeof ClientSecretSchema> {
  const time = (at: EpochMs | null) => (at === null ? undefined : timestampFromMs(at));
  return {
    secretId: secret.secretId,
    createdAt: timestampFromMs(secret.createdAt),
    expiresAt: time(secret.expiresAt),
    lastUsedAt: time(secret.lastUsedAt),
  };
}

export function toMadeSecret(made: MadeSecret | null): { clientSecret: string; clientSecretId: string } {
  return { clientSecret: made?.secret ?? "", clientSecretId: made?.secretId ?? "" };
}

export function fromCreateClient(request: CreateClientRequest): ClientFields {
  return fieldsOf(request);
}

/** Returns the values that the mask names. A state that is named and unset is active. */
export function fromUpdateClient(request: UpdateClientRequest): ClientChanges {
  const all: ClientChanges = { ...fieldsOf(request), state: keyOf(states, request.state) ?? "active" };
  const paths = request.updateMask?.paths ?? [];
  const entries = Object.entries(all).filter(([key]) => paths.includes(pathOf(key)));
  return Object.fromEntries(entries);
}

/** An empty JWK set stands for none, as an unset one does. */
function fieldsOf(request: CreateClientRequest | UpdateClientRequest): ClientFields {
  return {
    displayName: request.displayName,
    scopes: request.scopes,
    allowedOrigins: request.allowedOrigins,
    dialects: request.dialects,
    hosts: request.hosts,
    redirectUris: request.redirectUris,
    verifyByIdentifier: request.verifyByIdentifier,
    aliases: request.aliases,
    jwks: request.jwks === undefined || Object.keys(request.jwks).length === 0 ? null : request.jwks,
    allowedAddresses: request.allowedAddresses,
    isDefault: request.isDefault,
  };
}

/** `displayName` is `display_name` in a mask. */
function pathOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
