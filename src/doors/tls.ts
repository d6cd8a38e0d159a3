import type { TlsOptions } from "node:tls";

/** What is in the files, in PEM form. With a client CA every caller must present a certificate that it signed. */
export interface TlsPems {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
}

/** What both doors hand to Node's TLS servers. */
export function toTlsOptions({ cert, key, clientCa }: TlsPems): TlsOptions {
  const mutual = clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { cert, key, ...mutual, minVersion: "TLSv1.2", handshakeTimeout: handshakeTimeoutMs };
}

/** As long as a caller may take for its headers. */
const handshakeTimeoutMs = 10_000;
