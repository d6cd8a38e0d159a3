import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { EpochMs } from "../../model/time.js";
import { readJsonObject } from "../http/json-object.js";

/** Signatures are refused if they are older than this, or as far in the future, so that a report can't be replayed later. */
const toleranceMs = 5 * 60 * 1000;

/** The account whose signatures are accepted, and the time. */
export interface VonageSigner {
  readonly key: string;
  readonly secret: string;
  readonly now: EpochMs;
}

/**
 * Returns whether `sig` among the fields is the HMAC of the others by SHA-256 or SHA-512; its length says which. Vonage's MD5 and SHA-1 methods are refused.
 * https://developer.vonage.com/en/getting-started/concepts/signing-messages
 */
export function hasVonageSignature({ sig = "", ...fields }: Readonly<Record<string, string>>, signer: VonageSigner): boolean {
  if (!/^([0-9a-f]{64}|[0-9a-f]{128})$/i.test(sig) || !isFresh(fields.timestamp, signer.now)) return false;
  const given = Buffer.from(sig, "hex");
  const algorithm = given.length === 32 ? "sha256" : "sha512";
  return timingSafeEqual(vonageSignature(fields, { secret: signer.secret, algorithm }), given);
}

/** Returns the signature of these fields. `&` and `=` in values count as `_`. */
export function vonageSignature(
  fields: Readonly<Record<string, string>>,
  { secret, algorithm }: { readonly secret: string; readonly algorithm: "sha256" | "sha512" },
): Buffer {
  const text = Object.entries(fields)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `&${name}=${value.replace(/[&=]/g, "_")}`)
    .join("");
  return createHmac(algorithm, secret).update(text, "utf8").digest();
}

/**
 * Returns whether an Authorization header has a JWT of the account by HS256 with the SHA-256 of one of the payloads as `payload_hash`.
 * https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks
 */
export function hasVonageToken(authorization: string, payloads: readonly (Buffer | string)[], signer: VonageSigner): boolean {
  const [, head, claims, signature] = /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]{43})$/i.exec(authorization) ?? [];
  if (head === undefined || claims === undefined || signature === undefined) return false;
  const expected = createHmac("sha256", signer.secret).update(`${head}.${claims}`).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, "base64url"))) return false;
  if (decoded(head).alg !== "HS256") return false;
  const { api_key: account, iat, payload_hash: hash } = decoded(claims);
  if (account !== signer.key || typeof iat !== "number" || !isFresh(String(iat), signer.now)) return false;
  return payloads.some((payload) => createHash("sha256").update(payload).digest("hex") === hash);
}

function decoded(part: string): Record<string, unknown> {
  return readJsonObject(Buffer.from(part, "base64url"));
}

/** `seconds` since 1970. */
function isFresh(seconds: string | undefined, now: EpochMs): boolean {
  return /^\d{1,12}$/.test(seconds ?? "") && Math.abs(Number(seconds) * 1000 - now) <= toleranceMs;
}
