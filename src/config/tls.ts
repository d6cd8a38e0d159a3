import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { PostgresTls } from "./postgres-url.js";
import { type Files, fileErrorCode, type Problem } from "./setting.js";

export type Tls =
  | { readonly kind: "off" }
  | { readonly kind: "terminated" }
  | { readonly kind: "files"; readonly certFile: string; readonly keyFile: string; readonly clientCaFile: string | null };

/** Checks the TLS files that a database URL names. */
export function checkDatabaseTls({ sslrootcert, sslcert, sslkey }: PostgresTls, files: Files): Problem[] {
  const name = "LATCHKEY_DATABASE_URL";
  const { problems, load } = loader(files);
  if (sslrootcert !== null) load({ name, says: "has an sslrootcert" }, sslrootcert, aCertificate);
  if (sslcert === null || sslkey === null) return problems;
  const certificate = load({ name, says: "has an sslcert" }, sslcert, aCertificate);
  const key = load({ name, says: "has an sslkey" }, sslkey, aKey);
  if (certificate !== undefined && key !== undefined && !certificate.checkPrivateKey(key)) {
    const text = `${name} has an sslkey that is not the key of its sslcert: give the private key that the certificate was made for.`;
    problems.push({ name, text });
  }
  return problems;
}

/** Checks the files of `LATCHKEY_TLS=files`. Messages never repeat a path: by mistake it may be the key itself. */
export function checkTlsFiles(tls: Extract<Tls, { kind: "files" }>, files: Files): Problem[] {
  const { problems, load } = loader(files);
  const says = "names a file";
  const certificate = load({ name: "LATCHKEY_TLS_CERT", says }, tls.certFile, aCertificate);
  const key = load({ name: "LATCHKEY_TLS_KEY", says }, tls.keyFile, aKey);
  if (tls.clientCaFile !== null) load({ name: "LATCHKEY_TLS_CLIENT_CA", says }, tls.clientCaFile, aCertificate);
  if (certificate !== undefined && key !== undefined && !certificate.checkPrivateKey(key)) {
    problems.push({
      name: "LATCHKEY_TLS_KEY",
      text: "LATCHKEY_TLS_KEY is not the key of LATCHKEY_TLS_CERT: give the private key that the certificate was made for.",
    });
  }
  return problems;
}

interface Content<T> {
  readonly what: string;
  readonly parse: (pem: string) => T;
}
const aCertificate: Content<X509Certificate> = { what: "a certificate", parse: parseCertificate };
const aKey: Content<KeyObject> = { what: "a private key without a passphrase", parse: createPrivateKey };

/** Reads PEM files and collects the problems. */
function loader(files: Files) {
  const problems: Problem[] = [];
  function load<T>(
    { name, says }: { readonly name: string; readonly says: string },
    path: string,
    { what, parse }: Content<T>,
  ): T | undefined {
    let pem: string;
    try {
      pem = files.readText(path);
    } catch (error) {
      problems.push({
        name,
        text: `${name} ${says} that cannot be read (${fileErrorCode(error)}): correct the path or the permissions.`,
      });
      return undefined;
    }
    try {
      return parse(pem);
    } catch {
      problems.push({ name, text: `${name} ${says} that is not ${what} in PEM format: correct the path or the file.` });
      return undefined;
    }
  }
  return { problems, load };
}

/** Requires PEM: X509Certificate accepts DER as well, but the servers do not. */
function parseCertificate(pem: string): X509Certificate {
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new Error("not PEM");
  return new X509Certificate(pem);
}
