/** The OAuth endpoints of the web door, below the issuer's path and at the root. */
export const oauthPaths = {
  token: "/oauth2/token",
  introspect: "/oauth2/introspect",
  revoke: "/oauth2/revoke",
} as const;

/** The URL of a path below the issuer. */
export function urlBelow(issuer: string, path: string): string {
  return `${issuer.replace(/\/$/, "")}${path}`;
}
