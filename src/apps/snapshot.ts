import { type App, type AppRecord, audienceOf } from "../model/app.js";
import { resolvePolicy, withChannelsOf } from "../model/app-policy.js";
import { type AllowedOrigins, allowsOrigin, type Client, type ClientRecord, defaultClientId } from "../model/client.js";
import { type Dialect, type DialectSettings, dialects, dialectsWithOrganization, policyInDialect } from "../model/dialect.js";
import type { Policy } from "../model/policy.js";
import { vendorIdsOf } from "../model/vendor-ids.js";
import type { DirectoryChanges, StoredClient } from "../store/port/apps.js";
import type { Directory, Registered } from "./directory.js";
import { createSpeakers } from "./speakers.js";

/** The deployment's values, which apply where an app or client has none of its own. */
export interface DeploymentValues {
  readonly issuer: string;
  readonly appName: string;
  readonly policy: Policy;
  /** Whether pages of any port of localhost may call as a public client that has no origins, itself or by its app. */
  readonly localhostAllowed: boolean;
  /** Default: none. */
  readonly dialectSettings?: DialectSettings | null;
}

/** The apps and clients of one revision, with all values resolved. It never changes. */
export interface Snapshot {
  readonly revision: number;
  readonly apps: ReadonlyMap<string, { readonly record: AppRecord; readonly app: App }>;
  /** The apps that are sent delivery reports. */
  readonly reportedTo: ReadonlySet<string>;
  readonly clients: ReadonlyMap<string, StoredClient>;
  /** By id and by alias. Disabled clients and those of archived apps are not in it. */
  readonly registered: ReadonlyMap<string, Registered>;
  readonly fallback: Registered | null;
  /** As in `Directory`. */
  readonly speakerOf: Directory["speakerOf"];
  readonly appIn: Directory["appIn"];
  /** Returns whether any client allows the origin. */
  allowsOrigin(origin: string): boolean;
}

export const emptySnapshot: Snapshot = {
  revision: 0,
  apps: new Map(),
  reportedTo: new Set(),
  clients: new Map(),
  registered: new Map(),
  fallback: null,
  speakerOf: () => null,
  appIn: (_dialect, app) => app,
  allowsOrigin: () => false,
};

/** Returns the snapshot after the changes. Only what changed is resolved again. */
export function nextSnapshot(was: Snapshot, changes: DirectoryChanges, deployment: DeploymentValues): Snapshot {
  const apps = new Map(was.apps);
  for (const appId of changes.deletedApps) apps.delete(appId);
  for (const record of changes.apps) apps.set(record.appId, { record, app: resolveApp(record, deployment) });
  const clients = new Map(was.clients);
  for (const clientId of changes.deletedClients) clients.delete(clientId);
  for (const stored of changes.clients) clients.set(stored.client.clientId, stored);

  const registered = new Map(was.registered);
  const stale = staleClients(was, changes);
  // Before any is added, because an alias may have passed from one client to another.
  for (const clientId of stale) {
    const before = was.registered.get(clientId);
    const derived = before === undefined ? [] : vendorIdsOf(before.client);
    for (const id of derived) if (registered.get(id) === before) registered.delete(id);
    for (const id of idsOf(was.clients.get(clientId))) registered.delete(id);
  }
  for (const clientId of stale) {
    const stored = clients.get(clientId);
    const owner = stored === undefined ? undefined : apps.get(stored.client.appId);
    // Rows are read one table after the other, so a client can come before its app. The next read has both.
    if (stored?.client.state !== "active" || owner?.record.state !== "active") continue;
    const one = { client: resolveClient(stored, owner.record, deployment), app: owner.app };
    for (const id of idsOf(stored)) registered.set(id, one);
    for (const id of vendorIdsOf(one.client)) if (!registered.has(id)) registered.set(id, one);
  }
  return {
    revision: changes.revision,
    apps,
    reportedTo: new Set([...apps].flatMap(([appId, { app }]) => (app.deliveryReportHook === null ? [] : [appId]))),
    clients,
    registered,
    fallback: fallbackOf(clients, registered),
    speakerOf: createSpeakers(registered),
    appIn: createAppsIn(apps, deployment),
    allowsOrigin: originTest(registered),
  };
}

/** Returns the ids of all clients that changed, or whose app did. */
function staleClients(was: Snapshot, changes: DirectoryChanges): ReadonlySet<string> {
  const stale = new Set([...changes.deletedClients, ...changes.clients.map(({ client }) => client.clientId)]);
  const changedApps = new Set([...changes.deletedApps, ...changes.apps.map(({ appId }) => appId)]);
  if (changedApps.size > 0) {
    for (const { client } of was.clients.values()) if (changedApps.has(client.appId)) stale.add(client.clientId);
  }
  return stale;
}

function idsOf(stored: StoredClient | undefined): readonly string[] {
  return stored === undefined ? [] : [stored.client.clientId, ...stored.client.aliases];
}

function resolveApp(record: AppRecord, { issuer, appName, policy }: DeploymentValues): App {
  return {
    appId: record.appId,
    number: record.number,
    poolId: record.poolId,
    displayName: record.displayName || appName,
    logoUrl: record.logoUrl,
    supportAddress: record.supportAddress,
    audience: audienceOf(record, issuer),
    roles: record.roles,
    ownerOrganization: record.ownerOrganization,
    registrationHook: record.registrationHook,
    deliveryReportHook: record.deliveryReportHook,
    carriers: record.carriers,
    wording: record.wording,
    routing: record.routing,
    workflows: record.workflows,
    testIdentifiers: record.testIdentifiers,
    policy: resolvePolicy(record.policy, withChannelsOf(record.carriers, policy)),
  };
}

/** Resolves what an app decides in a dialect at its first call, and keeps it as long as the snapshot. */
function createAppsIn(apps: Snapshot["apps"], deployment: DeploymentValues): Directory["appIn"] {
  const known = new Map<string, App>();
  const policyOf = (dialect: Dialect, appId: string) =>
    policyInDialect(deployment.policy, { dialect, appId, settings: deployment.dialectSettings ?? null });
  return (dialect, app) => {
    const key = `${dialect} ${app.appId}`;
    const stored = apps.get(app.appId);
    if (stored === undefined) return app;
    const found = known.get(key) ?? {
      ...resolveApp(stored.record, { ...deployment, policy: policyOf(dialect, app.appId) }),
      showsOrganization: dialectsWithOrganization.has(dialect),
    };
    known.set(key, found);
    return found;
  };
}

/** In development the clients that it makes speak all dialects. */
function dialectsOf({ clientId, dialects: own }: ClientRecord, { localhostAllowed }: DeploymentValues): readonly Dialect[] {
  const speaksAll = localhostAllowed && (clientId === defaultClientId || clientId === "default-backend");
  return speaksAll ? dialects : own;
}

function resolveClient({ client, secrets }: StoredClient, app: AppRecord, deployment: DeploymentValues): Client {
  const { localhostAllowed } = deployment;
  const { clientId, appId, kind, verifyByIdentifier, jwks, allowedAddresses, createdAt } = client;
  const listed = [...client.allowedOrigins, ...app.allowedOrigins];
  const anyLocalhost = listed.length === 0 && localhostAllowed && kind === "public";
  const allowedOrigins: AllowedOrigins = anyLocalhost ? "any-localhost" : listed;
  return {
    clientId,
    appId,
    kind,
    scopes: new Set(client.scopes),
    allowedOrigins,
    dialects: dialectsOf(client, deployment),
    hosts: client.hosts,
    verifyByIdentifier,
    secrets,
    jwks,
    allowedAddresses,
    createdAt,
  };
}

function fallbackOf(
  clients: ReadonlyMap<string, StoredClient>,
  registered: ReadonlyMap<string, Registered>,
): Registered | null {
  for (const { client } of clients.values()) {
    const found = client.isDefault ? registered.get(client.clientId) : undefined;
    if (found !== undefined) return found;
  }
  return null;
}

/** Collects the origins at the first question, because most changes of the directory come between two preflights. */
function originTest(registered: ReadonlyMap<string, Registered>): (origin: string) => boolean {
  let union: { readonly listed: ReadonlySet<string>; readonly localhost: Client | undefined } | undefined;
  return (origin) => {
    union ??= unionOf([...registered.values()].map(({ client }) => client));
    const { listed, localhost } = union;
    return (origin !== "null" && listed.has(origin)) || (localhost !== undefined && allowsOrigin(localhost, origin));
  };
}

function unionOf(clients: readonly Client[]) {
  const listed = clients.flatMap(({ allowedOrigins }) => (allowedOrigins === "any-localhost" ? [] : allowedOrigins));
  return {
    listed: new Set(listed),
    localhost: clients.find(({ allowedOrigins }) => allowedOrigins === "any-localhost"),
  };
}
