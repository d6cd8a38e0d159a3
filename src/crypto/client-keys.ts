import { createPublicKey, type JsonWebKey } from "node:crypto";

/** Public keys of a client as JSON text with nothing but what verifying needs, or what is wrong with them. */
export type ClientKeys = { readonly jwks: string } | { readonly problem: string };

const keysMax = 10;

/** The algorithms of each type of key, and the members of its public form (RFC 7518 §6, RFC 8037 §2). */
const types = [
  { kty: "EC", crv: "P-256", algs: ["ES256"], members: ["x", "y"] },
  { kty: "EC", crv: "P-384", algs: ["ES384"], members: ["x", "y"] },
  { kty: "OKP", crv: "Ed25519", algs: ["EdDSA", "Ed25519"], members: ["x"] },
  { kty: "RSA", crv: undefined, algs: ["RS256", "PS256"], members: ["n", "e"] },
] as const;

/** Members that only private and symmetric keys have. */
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** Reads a JWK set (RFC 7517 §5) with 1 to 10 public keys that can verify signatures. Refuses private keys. */
export function readClientKeys(set: unknown): ClientKeys {
  const keys = isObject(set) ? set.keys : undefined;
  if (!Array.isArray(keys)) return { problem: 'must be a JWK set such as {"keys": [{"kty": "EC", …}]}' };
  if (keys.length === 0 || keys.length > keysMax) return { problem: `must have 1 to ${keysMax} keys` };
  const read: Record<string, unknown>[] = [];
  for (const [index, key] of keys.entries()) {
    const result = readKey(key);
    if (typeof result === "string") return { problem: `keys[${index}] ${result}` };
    read.push(result);
  }
  const ids = read.map(({ kid }) => kid);
  if (read.length > 1 && (ids.includes(undefined) || new Set(ids).size < ids.length)) {
    return { problem: "must give each of several keys its own kid" };
  }
  return { jwks: JSON.stringify({ keys: read }) };
}

function readKey(key: unknown): Record<string, unknown> | string {
  if (!isObject(key)) return "must be an object";
  if (privateMembers.some((member) => member in key)) {
    return "holds a private key: make a new key pair, because this one was disclosed, and give the public half only";
  }
  const type = types.find(({ kty, crv }) => key.kty === kty && (crv === undefined || key.crv === crv));
  if (type === undefined) return "must be of kty EC with crv P-256 or P-384, OKP with crv Ed25519, or RSA";
  const { alg, use, kid } = key;
  if (alg !== undefined && !(type.algs as readonly unknown[]).includes(alg))
    return `must have the alg ${type.algs.join(" or ")}`;
  if (use !== undefined && use !== "sig") return "must have the use sig";
  if (Array.isArray(key.key_ops) && !key.key_ops.includes("verify")) return "must have verify among its key_ops";
  if (kid !== undefined && !(typeof kid === "string" && /^[\x21-\x7e]{1,128}$/.test(kid))) {
    return "must have a kid of 1 to 128 printable ASCII characters";
  }
  const material = Object.fromEntries(type.members.map((member) => [member, key[member]]));
  const problem = materialProblem({ kty: type.kty, crv: type.crv, ...material } as JsonWebKey);
  return problem ?? { kty: type.kty, crv: type.crv, ...material, kid, alg };
}

const modulusBitsMin = 2048;
/** A larger modulus makes every check of a signature slower. */
const modulusBitsMax = 4096;

function materialProblem(jwk: JsonWebKey): string | null {
  try {
    const { modulusLength: bits = 0, publicExponent: exponent = 0n } = createPublicKey({ key: jwk, format: "jwk" })
      .asymmetricKeyDetails!;
    if (jwk.kty === "RSA") {
      if (bits < modulusBitsMin || bits > modulusBitsMax) return `must have ${modulusBitsMin} to ${modulusBitsMax} bits`;
      return isOdd(jwk.n!) && isGoodExponent(exponent) ? null : "is not safe: its modulus or public exponent is weak";
    }
    return jwk.kty === "OKP" && hasSmallOrder(jwk.x!) ? "is not safe: anyone can make signatures for it" : null;
  } catch {
    return "is not a valid public key";
  }
}

function isOdd(bytes: string): boolean {
  return ((Buffer.from(bytes, "base64url").at(-1) ?? 0) & 1) === 1;
}

/** With the exponent 1 every text is its own signature. A very large one makes every check of a signature slow. */
function isGoodExponent(exponent: bigint): boolean {
  return exponent >= 3n && exponent % 2n === 1n && exponent < 1n << 64n;
}

/** The points of Ed25519 whose order divides 8, without the bit for the sign. A signature for them needs no private key. */
const smallOrder: ReadonlySet<string> = new Set([
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
]);

function hasSmallOrder(x: string): boolean {
  const point = Buffer.from(x, "base64url");
  point[31] = point[31]! & 0x7f;
  return smallOrder.has(point.toString("hex"));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
