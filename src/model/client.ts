/** Exact origins, or any port of localhost and 127.0.0.1 over http and https. */
export type AllowedOrigins = readonly string[] | "any-localhost";

/** A caller of an app: a public client has an id and nothing that proves it. */
export interface Client {
  readonly clientId: string;
  readonly appId: string;
  /** The origins of browser pages that may call as this client. */
  readonly allowedOrigins: AllowedOrigins;
}

const localhostOrigin = /^https?:\/\/(localhost|127\.0\.0\.1)(:[0-9]{1,5})?$/;

/** Compared exactly: browsers write origins in lower case and without default ports. `null`, what opaque pages send, belongs to no app. */
export function allowsOrigin(client: Client, origin: string): boolean {
  if (client.allowedOrigins === "any-localhost") return localhostOrigin.test(origin);
  return origin !== "null" && client.allowedOrigins.includes(origin);
}
