/** What a confidential client may do. The client's tokens carry its scopes, and each method names the one that it needs. */
export const scopes = [
  "otp:send",
  "otp:verify",
  "otp:options",
  "otp:manage",
  "users:read",
  "users:write",
  "users:verify",
  "tokens:introspect",
  "messages:read",
  "messages:admin",
  "apps:admin",
  "operator",
] as const;

export type Scope = (typeof scopes)[number];

/** Scopes that reach every app of the deployment. Only the command line grants them. */
export const deploymentScopes: readonly Scope[] = ["apps:admin", "operator"];

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}
