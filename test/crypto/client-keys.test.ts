import { generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readClientKeys } from "../../src/crypto/client-keys.js";

const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength });
const publicOf = ({ publicKey }: { publicKey: { export(options: { format: "jwk" }): JsonWebKey } }) =>
  publicKey.export({ format: "jwk" });

const p256 = ec("P-256");
const ed25519 = generateKeyPairSync("ed25519");
const rsa2048 = rsa(2048);

describe("the keys of a client", () => {
  it.each([
    ["ES256", publicOf(p256)],
    ["ES384", publicOf(ec("P-384"))],
    ["EdDSA", publicOf(ed25519)],
    ["RS256", publicOf(rsa2048)],
    ["PS256", publicOf(rsa2048)],
  ])("of %s are accepted and stored without other members", (alg, key) => {
    const jwk = { ...key, alg, use: "sig", kid: "k1" };
    const result = readClientKeys({ keys: [{ ...jwk, x5c: ["…"], note: "mine" }], extra: 1 });
    const { use, ...kept } = jwk;
    expect("jwks" in result && JSON.parse(result.jwks)).toEqual({ keys: [kept] });
  });

  it.each([
    ["EC", p256],
    ["Ed25519", ed25519],
    ["RSA", rsa2048],
  ])("that are private are refused, and no part of them is repeated: %s", (_kind, { privateKey }) => {
    const key = privateKey.export({ format: "jwk" });
    const result = readClientKeys({ keys: [key] });
    expect(result).toMatchObject({ problem: expect.stringMatching(/private key/) });
    expect(JSON.stringify(result)).not.toContain(key.d);
  });

  it("that are secrets are refused", () => {
    expect(readClientKeys({ keys: [{ kty: "oct", k: "c2VjcmV0" }] })).toMatchObject({ problem: expect.any(String) });
  });

  it.each<[string, unknown]>([
    ["no set", "keys"],
    ["no set", null],
    ["no list", { keys: {} }],
    ["an empty set", { keys: [] }],
    ["11 keys", { keys: Array.from({ length: 11 }, (_, n) => ({ ...publicOf(p256), kid: `k${n}` })) }],
    ["no object", { keys: ["key"] }],
    ["an RSA key of 1024 bits", { keys: [publicOf(rsa(1024))] }],
    ["an RSA key with the exponent 1", { keys: [{ ...publicOf(rsa2048), e: "AQ" }] }],
    ["an RSA key with an even exponent", { keys: [{ ...publicOf(rsa2048), e: "AQAC" }] }],
    ["an RSA key with a very large exponent", { keys: [{ ...publicOf(rsa2048), e: publicOf(rsa2048).n }] }],
    ["an RSA key with an even modulus", { keys: [{ ...publicOf(rsa2048), n: `${publicOf(rsa2048).n!.slice(0, -2)}AA` }] }],
    [
      "an Ed25519 key that any signature fits: 0",
      { keys: [{ ...publicOf(ed25519), x: Buffer.alloc(32).toString("base64url") }] },
    ],
    [
      "an Ed25519 key that any signature fits: 1",
      { keys: [{ ...publicOf(ed25519), x: Buffer.of(1, ...Buffer.alloc(31)).toString("base64url") }] },
    ],
    [
      "an Ed25519 key that any signature fits: of order 8",
      { keys: [{ ...publicOf(ed25519), x: "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_IU" }] },
    ],
    ["a curve that no algorithm here uses", { keys: [publicOf(ec("secp256k1"))] }],
    ["a point off the curve", { keys: [{ ...publicOf(p256), y: publicOf(ec("P-256")).y }] }],
    ["a key without its material", { keys: [{ kty: "EC", crv: "P-256" }] }],
    ["an algorithm of another key type", { keys: [{ ...publicOf(p256), alg: "RS256" }] }],
    ["the algorithm none", { keys: [{ ...publicOf(p256), alg: "none" }] }],
    ["a key for encryption", { keys: [{ ...publicOf(p256), use: "enc" }] }],
    ["a key that must not verify", { keys: [{ ...publicOf(p256), key_ops: ["encrypt"] }] }],
    ["several keys without kid", { keys: [publicOf(p256), publicOf(ed25519)] }],
    [
      "two keys with one kid",
      {
        keys: [
          { ...publicOf(p256), kid: "k" },
          { ...publicOf(ed25519), kid: "k" },
        ],
      },
    ],
    ["a kid with control characters", { keys: [{ ...publicOf(p256), kid: "k\n" }] }],
  ])("are refused: %s", (_what, set) => {
    expect(readClientKeys(set)).toEqual({ problem: expect.any(String) });
  });
});
