/** A list of exact origins, or any port of localhost and 127.0.0.1 over http and https. */
export type AllowedOrigins = readonly string[] | "any-localhost";

/** A program that calls for an app. A public client has an id and no secret. */
export interface Client {
  readonly clientId: string;
  readonly appId: string;
  /** The origins of browser pages that may call as this client. */
  readonly allowedOrigins: AllowedOrigins;
}

const localhostOrigin = /^https?:\/\/(localhost|127\.0\.0\.1)(:[0-9]{1,5})?$/;

/**
 * Compares exactly, because browsers write origins in lower case and without default ports. The origin `null` of opaque pages
 * never matches.
 */
export function allowsOrigin(client: Client, origin: string): boolean {
  if (client.allowedOrigins === "any-localhost") return localhostOrigin.test(origin);
  return origin !== "null" && client.allowedOrigins.includes(origin);
}
