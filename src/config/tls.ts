import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { type Files, fileErrorCode, type Problem } from "./setting.js";

export type Tls =
  | { readonly kind: "off" }
  | { readonly kind: "terminated" }
  | { readonly kind: "files"; readonly certFile: string; readonly keyFile: string; readonly clientCaFile: string | null };

/** What is wrong with the authority that a database's certificate is checked against. */
export function checkDatabaseAuthority(path: string, files: Files): Problem[] {
  const name = "LATCHKEY_DATABASE_URL";
  let pem: string;
  try {
    pem = files.readText(path);
  } catch (error) {
    return [{ name, text: `${name} has an sslrootcert that cannot be read (${fileErrorCode(error)}).` }];
  }
  try {
    parseCertificate(pem);
    return [];
  } catch {
    return [{ name, text: `${name} has an sslrootcert that is not a certificate in PEM form.` }];
  }
}

/** What is wrong with the files of `LATCHKEY_TLS=files`. Paths are not repeated: somebody may have put the key itself there. */
export function checkTlsFiles(tls: Extract<Tls, { kind: "files" }>, files: Files): Problem[] {
  const problems: Problem[] = [];

  function load<T>(name: string, path: string, what: string, parse: (pem: string) => T): T | undefined {
    let pem: string;
    try {
      pem = files.readText(path);
    } catch (error) {
      problems.push({ name, text: `${name} names a file that cannot be read (${fileErrorCode(error)}).` });
      return undefined;
    }
    try {
      return parse(pem);
    } catch {
      problems.push({ name, text: `${name} names a file that is not ${what} in PEM form.` });
      return undefined;
    }
  }

  const certificate = load("LATCHKEY_TLS_CERT", tls.certFile, "a certificate", parseCertificate);
  const key: KeyObject | undefined = load(
    "LATCHKEY_TLS_KEY",
    tls.keyFile,
    "a private key without a passphrase",
    createPrivateKey,
  );
  if (tls.clientCaFile !== null) load("LATCHKEY_TLS_CLIENT_CA", tls.clientCaFile, "a certificate", parseCertificate);
  if (certificate !== undefined && key !== undefined && !certificate.checkPrivateKey(key)) {
    problems.push({
      name: "LATCHKEY_TLS_KEY",
      text: "LATCHKEY_TLS_KEY is not the key of LATCHKEY_TLS_CERT: give the private key that the certificate was made for.",
    });
  }
  return problems;
}

/** X509Certificate takes DER too, which the servers do not. */
function parseCertificate(pem: string): X509Certificate {
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new Error("not PEM");
  return new X509Certificate(pem);
}
