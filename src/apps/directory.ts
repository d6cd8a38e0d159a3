import type { App } from "../model/app.js";
import type { AllowedOrigins, Client } from "../model/client.js";
import type { Policy } from "../model/policy.js";

/** A client and the app it belongs to. */
export interface Registered {
  readonly client: Client;
  readonly app: App;
}

/** All apps and their clients. */
export interface Directory {
  /** Returns null if there is no client with this id. */
  find(clientId: string): Registered | null;
  /** The client for calls that name none. Null if such calls are refused. */
  readonly fallback: Registered | null;
  readonly clients: readonly Client[];
}

/** Throws if a client belongs to no app, or if two clients or two apps have the same id. */
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
  return {
    find: (clientId) => registered.get(clientId) ?? null,
    fallback: given.fallbackId === null ? null : required(registered, given.fallbackId),
    clients: given.clients,
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

export const defaultAppId = "default";
export const defaultClientId = "default-web";

/** The default app, with its public client if the deployment wants one. */
export function defaultDirectory(settings: {
  readonly defaultClient: boolean;
  readonly allowedOrigins: AllowedOrigins;
  readonly policy: Policy;
}): Directory {
  const { allowedOrigins, policy } = settings;
  const clients = settings.defaultClient ? [{ clientId: defaultClientId, appId: defaultAppId, allowedOrigins }] : [];
  return createDirectory({
    apps: [{ appId: defaultAppId, policy }],
    clients,
    fallbackId: clients[0]?.clientId ?? null,
  });
}
