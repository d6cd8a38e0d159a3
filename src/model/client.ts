import type { Dialect } from "./dialect.js";
import type { Scope } from "./scope.js";
import type { EpochMs } from "./time.js";

/** A list of exact origins, or any port of localhost and 127.0.0.1 over http and https. */
export type AllowedOrigins = readonly string[] | "any-localhost";

/** A public client has an id and no secret, such as a browser app. A confidential client authenticates, such as a backend. */
export type ClientKind = "public" | "confidential";

/** A disabled client is refused like an unknown one. */
export type ClientState = "active" | "disabled";

/** A client as it is stored. */
export interface ClientRecord {
  readonly clientId: string;
  readonly appId: string;
  readonly kind: ClientKind;
  readonly displayName: string;
  /** Empty for public clients. */
  readonly scopes: readonly Scope[];
  /** Exact origins, besides those of the app. */
  readonly allowedOrigins: readonly string[];
  /** The vendors whose paths the client may call. */
  readonly dialects: readonly Dialect[];
  /** Host names that stand for this client in calls through a dialect that name no client. */
  readonly hosts: readonly string[];
  /** Not used yet. */
  readonly redirectUris: readonly string[];
  /** Whether the client may verify codes by identifier instead of by challenge. */
  readonly verifyByIdentifier: boolean;
  /** Other ids of the client, in the form of other systems. No two clients share one. */
  readonly aliases: readonly string[];
  /** JSON text of the JWK set whose private keys sign the client's assertions. Empty: none. */
  readonly jwks: string;
  /** Addresses and networks (CIDR) that the client may authenticate from. Empty: all. */
  readonly allowedAddresses: readonly string[];
  /** Whether calls that name no client are this one's. At most one client is marked. */
  readonly isDefault: boolean;
  readonly state: ClientState;
  readonly createdAt: EpochMs;
}

/** What a client has if nothing is chosen for it. */
export const blankClient: Omit<ClientRecord, "clientId" | "appId" | "kind" | "createdAt"> = {
  displayName: "",
  scopes: [],
  allowedOrigins: [],
  dialects: [],
  hosts: [],
  redirectUris: [],
  verifyByIdentifier: false,
  aliases: [],
  jwks: "",
  allowedAddresses: [],
  isDefault: false,
  state: "active",
};

/** A secret of a confidential client. Only its hash is stored. */
export interface ClientSecret {
  readonly secretId: string;
  /** SHA-256. The secret has 256 random bits, so it needs no slow hash. */
  readonly hash: Uint8Array;
  readonly createdAt: EpochMs;
  /** Null: it does not expire. */
  readonly expiresAt: EpochMs | null;
  /** Rounded to the hour. Null: never used. */
  readonly lastUsedAt: EpochMs | null;
}

/** How many secrets of a client may be live, so that one can replace the other without an outage. */
export const liveSecretsMax = 2;

/** A program that calls for an app, with all values that apply to its calls. */
export interface Client {
  readonly clientId: string;
  readonly appId: string;
  readonly kind: ClientKind;
  readonly scopes: ReadonlySet<Scope>;
  /** The origins of browser pages that may call as this client: its own and those of its app. */
  readonly allowedOrigins: AllowedOrigins;
  /** As in `ClientRecord`. In development, the clients of development speak all. */
  readonly dialects: readonly Dialect[];
  readonly hosts: readonly string[];
  readonly verifyByIdentifier: boolean;
  readonly secrets: readonly ClientSecret[];
  /** As in `ClientRecord`. */
  readonly jwks: string;
  readonly allowedAddresses: readonly string[];
  readonly createdAt: EpochMs;
}

export const defaultClientId = "default-web";

const localhostOrigin = /^https?:\/\/(localhost|127\.0\.0\.1)(:[0-9]{1,5})?$/;

/**
 * Compares exactly, because browsers write origins in lower case and without default ports. The origin `null` of opaque pages
 * never matches.
 */
export function allowsOrigin(client: Pick<Client, "allowedOrigins">, origin: string): boolean {
  if (client.allowedOrigins === "any-localhost") return localhostOrigin.test(origin);
  return origin !== "null" && client.allowedOrigins.includes(origin);
}
