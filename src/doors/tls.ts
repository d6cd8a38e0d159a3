import type { TlsOptions } from "node:tls";

/** The contents of the files, in PEM form. With a client CA every caller must present a certificate that it signed. */
export interface TlsPems {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
}

/** The options for Node's TLS servers in both doors. */
export function toTlsOptions({ cert, key, clientCa }: TlsPems): TlsOptions {
  const mutual = clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { cert, key, ...mutual, minVersion: "TLSv1.2", handshakeTimeout: handshakeTimeoutMs };
}

/** The same limit as for a caller's headers. */
const handshakeTimeoutMs = 10_000;
