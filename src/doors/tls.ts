import { readFile } from "node:fs/promises";
import type { TlsOptions } from "node:tls";

/** Where certificates are. With a client CA every caller must present a certificate that it signed. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | null;
}

/** What both doors hand to Node's TLS servers. */
export async function readTlsOptions(files: TlsFiles): Promise<TlsOptions> {
  const [cert, key, ca] = await Promise.all([
    readFile(files.certFile),
    readFile(files.keyFile),
    files.clientCaFile === null ? null : readFile(files.clientCaFile),
  ]);
  const mutual = ca === null ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  return { cert, key, ...mutual, minVersion: "TLSv1.2", handshakeTimeout: handshakeTimeoutMs };
}

/** As long as a caller may take for its headers. */
const handshakeTimeoutMs = 10_000;
