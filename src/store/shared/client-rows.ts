import type { ClientKind, ClientRecord, ClientSecret, ClientState } from "../../model/client.js";
import type { Dialect } from "../../model/dialect.js";
import type { Scope } from "../../model/scope.js";
import type { EpochMs } from "../../model/time.js";
import type { StoredClient } from "../port/apps.js";
import { type Steps, sql, type Value } from "./cold-database.js";
import { escapeNul, unescapeNul } from "./texts.js";

interface ClientRow {
  client_id: string;
  app_id: string;
  kind: ClientKind;
  display_name: string;
  scopes: string;
  allowed_origins: string;
  hosts: string;
  redirect_uris: string;
  /** SQLite has no booleans and uses 0 and 1. */
  verify_by_identifier: boolean | number;
  aliases: string;
  jwks: string;
  allowed_addresses: string;
  is_default: boolean | number;
  state: ClientState;
  created_at: EpochMs;
  /** JSON text of a list. */
  dialects: string;
}

/** A client with one of its secrets. The secret's columns are null if it has none. */
export interface ClientSecretRow extends ClientRow {
  secret_id: string | null;
  hash: Buffer;
  secret_created_at: EpochMs;
  expires_at: EpochMs | null;
  last_used_at: EpochMs | null;
}

const names = [
  "client_id",
  "app_id",
  "kind",
  "display_name",
  "scopes",
  "allowed_origins",
  "hosts",
  "redirect_uris",
  "verify_by_identifier",
  "aliases",
  "jwks",
  "allowed_addresses",
  "is_default",
  "state",
  "created_at",
  "dialects",
];

export const clientColumns = names.join(", ");

/** Returns the values of `clientColumns`. JSON writes U+0000 as an escape, so only plain texts need `escapeNul`. */
export function clientValues(client: ClientRecord): Value[] {
  return [
    escapeNul(client.clientId),
    escapeNul(client.appId),
    client.kind,
    escapeNul(client.displayName),
    JSON.stringify(client.scopes),
    JSON.stringify(client.allowedOrigins),
    JSON.stringify(client.hosts),
    JSON.stringify(client.redirectUris),
    client.verifyByIdentifier,
    JSON.stringify(client.aliases),
    escapeNul(client.jwks),
    JSON.stringify(client.allowedAddresses),
    client.isDefault,
    client.state,
    client.createdAt,
    JSON.stringify(client.dialects),
  ];
}

/** Selects clients with their secrets, oldest secret first, in the order of ids. `condition` is about the client `c`. */
export function selectClients(condition: string): string {
  return `SELECT ${names.map((name) => `c.${name}`).join(", ")}, s.secret_id, s.hash, s.created_at AS secret_created_at,
      s.expires_at, s.last_used_at
    FROM clients c LEFT JOIN client_secrets s ON s.client_id = c.client_id
    WHERE ${condition} ORDER BY c.client_id, s.created_at, s.secret_id`;
}

export const selectClient = selectClients("c.client_id = $1");

export function* readClient(clientId: string): Steps<StoredClient | null> {
  return toStoredClients(yield* sql<ClientSecretRow>(selectClient, [escapeNul(clientId)]))[0] ?? null;
}

/** Takes the rows of `selectClients`. */
export function toStoredClients(rows: readonly ClientSecretRow[]): StoredClient[] {
  const clients = new Map<string, { readonly client: ClientRecord; readonly secrets: ClientSecret[] }>();
  for (const row of rows) {
    const stored = clients.get(row.client_id) ?? { client: toClient(row), secrets: [] };
    clients.set(row.client_id, stored);
    if (row.secret_id !== null) stored.secrets.push(toSecret(row, row.secret_id));
  }
  return [...clients.values()];
}

function toClient(row: ClientRow): ClientRecord {
  return {
    clientId: unescapeNul(row.client_id),
    appId: unescapeNul(row.app_id),
    kind: row.kind,
    displayName: unescapeNul(row.display_name),
    scopes: JSON.parse(row.scopes) as Scope[],
    allowedOrigins: JSON.parse(row.allowed_origins) as string[],
    hosts: JSON.parse(row.hosts) as string[],
    redirectUris: JSON.parse(row.redirect_uris) as string[],
    verifyByIdentifier: Boolean(row.verify_by_identifier),
    aliases: JSON.parse(row.aliases) as string[],
    jwks: unescapeNul(row.jwks),
    allowedAddresses: JSON.parse(row.allowed_addresses) as string[],
    isDefault: Boolean(row.is_default),
    state: row.state,
    createdAt: row.created_at,
    dialects: JSON.parse(row.dialects) as Dialect[],
  };
}

function toSecret(row: ClientSecretRow, secretId: string): ClientSecret {
  return {
    secretId: unescapeNul(secretId),
    hash: row.hash,
    createdAt: row.secret_created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}
