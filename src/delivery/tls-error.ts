/**
 * Returns whether an error code of Node.js or OpenSSL says that TLS itself failed, such as `CERT_HAS_EXPIRED`, and not the connection
 * under it, such as `ECONNRESET`.
 */
export function isTlsError(code: string): boolean {
  return /CERT|TLS|SSL|VERIFY|EPROTO/.test(code);
}
