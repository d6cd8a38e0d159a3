import type { Directory, Registered } from "../../src/apps/directory.js";
import { createSpeakers } from "../../src/apps/speakers.js";
import { type App, defaultAppId, mainPoolId } from "../../src/model/app.js";
import { type AllowedOrigins, allowsOrigin, type Client, defaultClientId } from "../../src/model/client.js";
import type { Policy } from "../../src/model/policy.js";
import { noWording } from "../../src/model/wording.js";

/** A directory that stays as it is given. Throws if a client belongs to no app, or if two clients or two apps have the same id. */
export function createDirectory(given: {
  readonly apps: readonly App[];
  readonly clients: readonly Client[];
  readonly fallbackId: string | null;
}): Directory {
  const apps = byId(given.apps, ({ appId }) => appId);
  const clients = byId(given.clients, ({ clientId }) => clientId);
  const registered = new Map(
    [...clients].map(([clientId, client]) => [clientId, { client, app: required(apps, client.appId) }]),
  );
  const find = (clientId: string): Registered | null => registered.get(clientId) ?? null;
  return {
    find,
    lookUp: async (clientId) => find(clientId),
    findApp: (appId) => apps.get(appId) ?? null,
    reportedTo: () => new Set(given.apps.flatMap((app) => (app.deliveryReportHook === null ? [] : [app.appId]))),
    fallback: given.fallbackId === null ? null : required(registered, given.fallbackId),
    speakerOf: createSpeakers(registered),
    appIn: (_dialect, app) => app,
    allowsOrigin: (origin) => given.clients.some((client) => allowsOrigin(client, origin)),
    refresh: async () => {},
  };
}

function byId<T>(items: readonly T[], idOf: (item: T) => string): Map<string, T> {
  const found = new Map(items.map((item) => [idOf(item), item]));
  if (found.size < items.length) throw new Error("two apps or two clients have the same id");
  return found;
}

function required<T>(items: ReadonlyMap<string, T>, id: string): T {
  const item = items.get(id);
  if (item === undefined) throw new Error(`the directory has no ${id}`);
  return item;
}

/** An app of the main pool that has only what is given. */
export function plainApp(given: Pick<App, "appId" | "audience" | "policy"> & Partial<App>): App {
  const people = {
    number: 1,
    roles: [],
    ownerOrganization: "0190a000-0000-7000-8000-00000000000a",
    registrationHook: null,
    deliveryReportHook: null,
    carriers: [],
    wording: noWording,
    routing: [],
    workflows: [],
    testIdentifiers: [],
  };
  return { poolId: mainPoolId, displayName: "", logoUrl: "", supportAddress: "", ...people, ...given };
}

/** The default app, with its public client if the deployment wants one. */
export function defaultDirectory(settings: {
  readonly defaultClient: boolean;
  readonly allowedOrigins: AllowedOrigins;
  readonly issuer: string;
  readonly policy: Policy;
}): Directory {
  const { allowedOrigins, policy, issuer } = settings;
  const clients = settings.defaultClient ? [publicClient({ clientId: defaultClientId, allowedOrigins })] : [];
  return createDirectory({
    apps: [plainApp({ appId: defaultAppId, audience: issuer, policy })],
    clients,
    fallbackId: clients[0]?.clientId ?? null,
  });
}

/** A public client of the default app that has only what is given. */
export function publicClient(given: Pick<Client, "clientId"> & Partial<Client>): Client {
  return {
    appId: defaultAppId,
    kind: "public",
    scopes: new Set(),
    allowedOrigins: [],
    dialects: [],
    hosts: [],
    verifyByIdentifier: false,
    secrets: [],
    jwks: "",
    allowedAddresses: [],
    createdAt: 0,
    ...given,
  };
}
