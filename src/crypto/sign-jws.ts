import { type KeyObject, sign } from "node:crypto";
import { promisify } from "node:util";

const signInPool = promisify(sign);

/**
 * Returns the JWS compact serialization (RFC 7515 §3.1) of claims, as jose's `CompactSign` does at almost three times the CPU. A login
 * has two signatures. RSA takes long enough to be computed in the thread pool.
 * @param header With `alg`, one of RFC 7518 §3.3 and §3.4 or RFC 8037 §3.1: RS256, ES256 or EdDSA. It is the key's.
 */
export async function signCompact(
  header: { readonly alg: string; readonly kid: string; readonly typ: string },
  claims: object,
  key: KeyObject,
): Promise<string> {
  const input = `${encoded(header)}.${encoded(claims)}`;
  return `${input}.${(await signatureOf(header.alg, Buffer.from(input), key)).toString("base64url")}`;
}

async function signatureOf(alg: string, input: Buffer, key: KeyObject): Promise<Buffer> {
  switch (alg) {
    case "ES256":
      return sign("sha256", input, { key, dsaEncoding: "ieee-p1363" });
    case "EdDSA":
      return sign(null, input, key);
    case "RS256":
      return await signInPool("sha256", input, key);
    default:
      throw new Error(`there is no signature of the algorithm ${alg}`);
  }
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
