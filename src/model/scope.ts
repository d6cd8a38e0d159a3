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

/** Names that stand for several scopes in requests for a client token. They are those of vendors whose paths Latchkey serves. */
export const scopeGroups: Readonly<Record<string, readonly Scope[]>> = {
  "one-time-password-sms:send-validate": ["otp:send", "otp:verify", "otp:options"],
};

/** Scopes that reach every app of the deployment. Only the command line grants them. */
export const deploymentScopes: readonly Scope[] = ["apps:admin", "operator"];

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}
