/** Returns the option of an AWS client that replaces the SDK's search for credentials. */
export function explicitCredentials(
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: { reveal(): string } } | null = null,
): { readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } } {
  if (credentials === null) return {};
  return { credentials: { accessKeyId: credentials.accessKeyId, secretAccessKey: credentials.secretAccessKey.reveal() } };
}
