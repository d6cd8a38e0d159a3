import type { ClientKind, ClientRecord, ClientSecret } from "../../model/client.js";
import type { Scope } from "../../model/scope.js";
import type { EpochMs } from "../../model/time.js";
import type { Apps, CheckClient, ClientTaken } from "../port/apps.js";
import {
  type ClientSecretRow,
  clientColumns,
  clientValues,
  readClient,
  selectClient,
  selectClients,
  toStoredClients,
} from "./client-rows.js";
import { insertSecret } from "./client-secrets.js";
import { type ColdDatabase, type Steps, sql } from "./cold-database.js";
import { changeDirectory, forgetDeletion, nextRevision, noteDeletion } from "./revisions.js";
import { escapeNul, unescapeNul } from "./texts.js";

type ClientOperations = Pick<
  Apps,
  "findClient" | "listClients" | "createClient" | "changeClient" | "deleteClient" | "importSettings"
>;

const selectPage = selectClients(
  "c.client_id IN (SELECT client_id FROM clients WHERE app_id = $1 AND client_id > $2 ORDER BY client_id LIMIT $3)",
);

/** Clients and their aliases. */
export function createClients(db: ColdDatabase): ClientOperations {
  return {
    async findClient(clientId) {
      return toStoredClients(await db.read<ClientSecretRow>(selectClient, [escapeNul(clientId)]))[0] ?? null;
    },

    async listClients({ appId, after, limit }) {
      return toStoredClients(await db.read<ClientSecretRow>(selectPage, [escapeNul(appId), escapeNul(after), limit]));
    },

    createClient: ({ client, secret }) =>
      changeDirectory(db, function* () {
        const apps = yield* sql("SELECT app_id FROM apps WHERE app_id = $1", [escapeNul(client.appId)]);
        if (apps.length === 0) return { kind: "no_app" } as const;
        const taken = yield* findTaken(null, [client.clientId, ...client.aliases]);
        if (taken !== null) return taken;
        const unmarked = yield* addClient(client, { secret, revision: yield* nextRevision() });
        return { kind: "created", unmarked } as const;
      }),

    changeClient: ({ clientId, apply }) =>
      changeDirectory(db, function* () {
        const stored = yield* readClient(clientId);
        if (stored === null) return null;
        const client = { ...apply(stored.client), ...fixed(stored.client) };
        const taken = yield* findTaken(client, client.aliases);
        if (taken !== null) return taken;
        const unmarked = yield* replaceClient(client, yield* nextRevision());
        return { kind: "changed", client: { client, secrets: stored.secrets }, unmarked } as const;
      }),

    deleteClient: ({ clientId, now, check }) =>
      changeDirectory(db, function* () {
        const stored = yield* readClient(clientId);
        if (stored === null) return null;
        check?.(stored.client);
        yield* removeClient(clientId, { revision: yield* nextRevision(), now });
        return stored.client;
      }),

    importSettings: ({ client, now }) =>
      changeDirectory(db, function* () {
        const text = `UPDATE directory SET settings_imported_at = $1 WHERE settings_imported_at IS NULL RETURNING revision`;
        if ((yield* sql(text, [now])).length === 0) return false;
        if ((yield* findTaken(null, [client.clientId])) !== null) return true;
        const others = yield* sql("SELECT client_id FROM clients WHERE is_default = $1", [true]);
        yield* addClient(
          { ...client, isDefault: client.isDefault && others.length === 0 },
          { secret: null, revision: yield* nextRevision() },
        );
        return true;
      }),
  };
}

/** Returns what `CheckClient` takes of each client of an app. */
export function* readRights(appId: string): Steps<readonly Parameters<CheckClient>[0][]> {
  const text = "SELECT client_id, kind, scopes FROM clients WHERE app_id = $1";
  const rows = yield* sql<{ client_id: string; kind: ClientKind; scopes: string }>(text, [escapeNul(appId)]);
  return rows.map((row) => ({
    clientId: unescapeNul(row.client_id),
    kind: row.kind,
    scopes: JSON.parse(row.scopes) as Scope[],
  }));
}

/** Deletes a client with all that belongs to it. */
export function* removeClient(clientId: string, change: { readonly revision: number; readonly now: EpochMs }): Steps<void> {
  const id = escapeNul(clientId);
  yield* sql("DELETE FROM client_aliases WHERE client_id = $1", [id]);
  yield* sql("DELETE FROM client_secrets WHERE client_id = $1", [id]);
  yield* sql("DELETE FROM clients WHERE client_id = $1", [id]);
  yield* noteDeletion("client", clientId, change);
}

function fixed({ clientId, appId, kind, createdAt }: ClientRecord) {
  return { clientId, appId, kind, createdAt };
}

/** Finds an id that another client has as its id or alias. `owner` is the client that wants them. */
function* findTaken(owner: Pick<ClientRecord, "clientId"> | null, ids: readonly string[]): Steps<ClientTaken | null> {
  const text = `SELECT client_id FROM clients WHERE client_id = $1
    UNION ALL SELECT client_id FROM client_aliases WHERE alias = $1`;
  for (const id of ids) {
    const owners = yield* sql<{ client_id: string }>(text, [escapeNul(id)]);
    if (owners.some(({ client_id: found }) => found !== owner?.clientId)) return { kind: "taken", id };
  }
  return null;
}

function* addClient(
  client: ClientRecord,
  { secret, revision }: { readonly secret: ClientSecret | null; readonly revision: number },
): Steps<string | null> {
  const unmarked = yield* unmarkOther(client, revision);
  const text = `INSERT INTO clients (${clientColumns}, revision)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`;
  yield* sql(text, [...clientValues(client), revision]);
  yield* addAliases(client);
  if (secret !== null) yield* insertSecret(client.clientId, secret);
  yield* forgetDeletion("client", client.clientId);
  return unmarked;
}

function* replaceClient(client: ClientRecord, revision: number): Steps<string | null> {
  const unmarked = yield* unmarkOther(client, revision);
  const text = `UPDATE clients SET display_name = $4, scopes = $5, allowed_origins = $6, hosts = $7, redirect_uris = $8,
      verify_by_identifier = $9, aliases = $10, jwks = $11, allowed_addresses = $12, is_default = $13, state = $14,
      dialects = $16, revision = $17
    WHERE client_id = $1 AND app_id = $2 AND kind = $3 AND created_at = $15`;
  yield* sql(text, [...clientValues(client), revision]);
  yield* sql("DELETE FROM client_aliases WHERE client_id = $1", [escapeNul(client.clientId)]);
  yield* addAliases(client);
  return unmarked;
}

function* addAliases({ clientId, aliases }: ClientRecord): Steps<void> {
  const text = "INSERT INTO client_aliases (alias, client_id) VALUES ($1, $2)";
  for (const alias of new Set(aliases)) yield* sql(text, [escapeNul(alias), escapeNul(clientId)]);
}

/** At most one client is the default one. Returns the id of the one that no longer is. */
function* unmarkOther({ clientId, isDefault }: ClientRecord, revision: number): Steps<string | null> {
  if (!isDefault) return null;
  const text =
    "UPDATE clients SET is_default = $1, revision = $2 WHERE is_default = $3 AND client_id <> $4 RETURNING client_id";
  const [other] = yield* sql<{ client_id: string }>(text, [false, revision, true, escapeNul(clientId)]);
  return other === undefined ? null : unescapeNul(other.client_id);
}
