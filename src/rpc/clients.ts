/** Exact origins, or any port of localhost and 127.0.0.1 over http and https. */
export type AllowedOrigins = readonly string[] | "any-localhost";

/** A caller of an app, and the browser origins that its app allows. */
export interface Client {
  readonly clientId: string;
  readonly allowedOrigins: AllowedOrigins;
}

export interface Clients {
  find(clientId: string): Client | null;
  /** Who calls without naming itself. Null: such a call is refused. */
  readonly fallback: Client | null;
  readonly all: readonly Client[];
}

export const defaultClientId = "default-web";

/** The only client there is until clients can be made: the default app's public one, if the deployment wants it. */
export function createClients(settings: { readonly defaultClient: boolean; readonly allowedOrigins: AllowedOrigins }): Clients {
  const fallback = settings.defaultClient ? { clientId: defaultClientId, allowedOrigins: settings.allowedOrigins } : null;
  return {
    find: (clientId) => (clientId === fallback?.clientId ? fallback : null),
    fallback,
    all: fallback === null ? [] : [fallback],
  };
}

const localhostOrigin = /^https?:\/\/(localhost|127\.0\.0\.1)(:[0-9]{1,5})?$/;

/** Compared exactly: browsers write origins in lower case and without default ports. `null`, what opaque pages send, is nobody's. */
export function allowsOrigin(client: Client, origin: string): boolean {
  if (client.allowedOrigins === "any-localhost") return localhostOrigin.test(origin);
  return origin !== "null" && client.allowedOrigins.includes(origin);
}
