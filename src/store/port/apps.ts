import type { AppRecord } from "../../model/app.js";
import type { ClientRecord, ClientSecret } from "../../model/client.js";
import type { EpochMs } from "../../model/time.js";
import type { StoredKey } from "./keys.js";

/** A client with its secrets. */
export interface StoredClient {
  readonly client: ClientRecord;
  /** Oldest first. Those whose end has passed may be among them. */
  readonly secrets: readonly ClientSecret[];
}

/** What changed in the directory after a revision. */
export interface DirectoryChanges {
  readonly revision: number;
  readonly apps: readonly AppRecord[];
  readonly clients: readonly StoredClient[];
  readonly deletedApps: readonly string[];
  readonly deletedClients: readonly string[];
}

/** A page of a list in the order of ids. `after` is the last id of the page before; empty for the first page. */
export interface PageQuery {
  readonly after: string;
  readonly limit: number;
}

/** Why a client can't be stored: its id or one of its aliases is an id or alias of another client. */
export interface ClientTaken {
  readonly kind: "taken";
  readonly id: string;
}

/**
 * Checks a client before a change, within the transaction of the change. It is pure and may run more than once. An error that it
 * throws undoes the change and is thrown.
 */
export type CheckClient = (client: Pick<ClientRecord, "clientId" | "kind" | "scopes">) => void;

/** Apps, their clients and what clients authenticate with. Every change gives the directory the next revision. */
export interface Apps {
  /** Returns all that changed after `revision`; 0 for everything. One statement if nothing has. */
  changesSince(revision: number): Promise<DirectoryChanges>;

  findApp(appId: string): Promise<AppRecord | null>;
  listApps(query: PageQuery): Promise<readonly AppRecord[]>;

  /** Adds an app, and its pool if that is new. The number is the next one. Returns null if the id is taken. */
  createApp(change: {
    readonly app: Omit<AppRecord, "number" | "createdAt">;
    readonly now: EpochMs;
  }): Promise<AppRecord | null>;

  /**
   * Replaces an app by what `apply` returns for it. `apply` is pure and may run more than once; an error that it throws undoes
   * the change and is thrown. `check` runs for every client of the app. The id, pool, number and time of creation never change.
   * The key of a hook or carrier that is replaced or removed is deleted, and that of a new one is stored, with the change. Returns
   * null if there is no such app.
   */
  changeApp(change: {
    readonly appId: string;
    readonly apply: (app: AppRecord) => AppRecord;
    readonly check?: CheckClient;
    /** The key of the hook or carrier that `apply` sets. */
    readonly newKey?: StoredKey;
  }): Promise<AppRecord | null>;

  /**
   * Deletes an app with its clients and the keys of its hooks and carriers, if no member, session or live challenge belongs to it;
   * otherwise archives it. `check` runs for every client of the app. Returns null if there is no such app.
   */
  deleteApp(change: {
    readonly appId: string;
    readonly now: EpochMs;
    readonly check?: CheckClient;
  }): Promise<"deleted" | "archived" | null>;

  findClient(clientId: string): Promise<StoredClient | null>;
  /** Lists the clients of an app. */
  listClients(query: PageQuery & { readonly appId: string }): Promise<readonly StoredClient[]>;

  /** Adds a client. If it is the default one, no other client stays so: `unmarked` is the one that was. Null: none was. */
  createClient(change: {
    readonly client: ClientRecord;
    readonly secret: ClientSecret | null;
  }): Promise<{ readonly kind: "created"; readonly unmarked: string | null } | ClientTaken | { readonly kind: "no_app" }>;

  /** As `changeApp`, for a client. The id, app, kind and time of creation never change. */
  changeClient(change: {
    readonly clientId: string;
    readonly apply: (client: ClientRecord) => ClientRecord;
  }): Promise<
    { readonly kind: "changed"; readonly client: StoredClient; readonly unmarked: string | null } | ClientTaken | null
  >;

  /**
   * Deletes a client with its secrets. Returns the client that it was, or null if there is none. Its sessions stay and can't be
   * used.
   */
  deleteClient(change: {
    readonly clientId: string;
    readonly now: EpochMs;
    readonly check?: CheckClient;
  }): Promise<ClientRecord | null>;

  /**
   * Adds a secret. With `endOthersAt` the client's other secrets end then at the latest. Never leaves more than
   * `liveSecretsMax` live at `now`, however many calls run at once. Returns the client with the new secret.
   */
  addSecret(change: {
    readonly clientId: string;
    readonly secret: ClientSecret;
    readonly endOthersAt: EpochMs | null;
    readonly now: EpochMs;
    readonly check?: CheckClient;
  }): Promise<StoredClient | "too_many" | "no_client">;

  /** Returns the client, or null if it has no such secret. */
  deleteSecret(change: {
    readonly clientId: string;
    readonly secretId: string;
    readonly check?: CheckClient;
  }): Promise<ClientRecord | null>;

  /** Records that a secret was used. Changes no revision. */
  noteSecretUse(change: { readonly secretId: string; readonly now: EpochMs }): Promise<void>;

  /** Records the id of a client's assertion. Of any number of calls with one id exactly one returns true until `expiresAt`. */
  useAssertion(change: { readonly clientId: string; readonly jti: string; readonly expiresAt: EpochMs }): Promise<boolean>;

  /**
   * Adds the default client that the settings describe, if this was not done before. Of concurrent calls exactly one adds it.
   * Returns false if it was done before. A client of this id that exists stays as it is.
   */
  importSettings(change: { readonly client: ClientRecord; readonly now: EpochMs }): Promise<boolean>;
}
