import { createPrivateKey, type JsonWebKey } from "node:crypto";
import { compactVerify, exportJWK, generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";
import { signCompact } from "../../src/crypto/sign-jws.js";

async function pairOf(alg: string) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
  return { publicKey, key: createPrivateKey({ key: (await exportJWK(privateKey)) as JsonWebKey, format: "jwk" }) };
}

describe("a signed token", () => {
  it.each(["ES256", "EdDSA", "RS256"])("by %s is what jose verifies, with its header and claims", async (alg) => {
    const { publicKey, key } = await pairOf(alg);
    const header = { alg, kid: "key", typ: "at+jwt" };
    const claims = { sub: "user", name: "Zoë 日本", nested: { list: [1, null, "{}"] } };
    for (let n = 0; n < 50; n += 1) {
      const token = await signCompact(header, { ...claims, n }, key);
      const { payload, protectedHeader } = await compactVerify(token, publicKey, { algorithms: [alg] });
      expect(protectedHeader).toEqual(header);
      expect(JSON.parse(new TextDecoder().decode(payload))).toEqual({ ...claims, n });
    }
  });

  it.each(["ES256", "EdDSA", "RS256"])("by %s does not verify with another key or after a change", async (alg) => {
    const { publicKey, key } = await pairOf(alg);
    const other = await pairOf(alg);
    const token = await signCompact({ alg, kid: "key", typ: "at+jwt" }, { sub: "user" }, key);
    await expect(compactVerify(token, other.publicKey)).rejects.toThrow("signature verification failed");
    const [header, , signature] = token.split(".");
    const claims = Buffer.from(JSON.stringify({ sub: "other" })).toString("base64url");
    await expect(compactVerify(`${header}.${claims}.${signature}`, publicKey)).rejects.toThrow("signature verification failed");
  });

  it("is refused for an algorithm that no key of the service has", async () => {
    const { key } = await pairOf("ES256");
    await expect(signCompact({ alg: "none", kid: "key", typ: "JWT" }, {}, key)).rejects.toThrow("none");
  });
});
