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

/** Signature algorithms of the assertions by which clients authenticate, all of them asymmetric. */
export const assertionAlgs = ["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "RS256"] as const;

/** The claims of tokens for the fields of the user that an app's policy can name (OpenID Connect Core §5.1). */
export const userFieldClaims = [
  "email",
  "email_verified",
  "phone_number",
  "phone_number_verified",
  "preferred_username",
] as const;
