import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { type JWTPayload, SignJWT } from "jose";
import { describe, expect, it, vi } from "vitest";
import { clientOfAssertion, verifyClientAssertion } from "../../src/crypto/client-assertion.js";
import { minute, t0 } from "./fixtures.js";

const issuer = "https://login.example.com";
const audiences = [issuer, `${issuer}/oauth2/token`];
const now = t0;
const seconds = Math.floor(now / 1000);

const pairs = {
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  ES384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
  EdDSA: generateKeyPairSync("ed25519"),
  RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
};
const jwkOf = (key: KeyObject) => createPublicKey(key).export({ format: "jwk" });
const jwksOf = (...keys: object[]) => JSON.stringify({ keys });
const ec = pairs.ES256.privateKey;
const jwks = jwksOf(jwkOf(ec));

const good: JWTPayload = { iss: "backend", sub: "backend", aud: issuer, jti: "once", exp: seconds + 60, iat: seconds };

async function assertion(
  changes: Record<string, unknown> = {},
  { header = {}, key = ec, alg = "ES256" }: { header?: object; key?: KeyObject; alg?: string } = {},
): Promise<string> {
  const claims = Object.fromEntries(Object.entries({ ...good, ...changes }).filter(([, value]) => value !== undefined));
  return await new SignJWT(claims).setProtectedHeader({ alg, ...header }).sign(key);
}

const verify = (text: string, keys = jwks) => verifyClientAssertion(text, { clientId: "backend", jwks: keys, audiences, now });

async function expectRefused(changes: Record<string, unknown>, why: string): Promise<void> {
  expect(await verify(await assertion(changes)), why).toBeNull();
}

describe("the assertion of a client", () => {
  it.each([
    ["ES256", "ES256"],
    ["ES384", "ES384"],
    ["EdDSA", "EdDSA"],
    ["RS256", "RS256"],
    ["RS256", "PS256"],
  ] as const)("signed with a key of %s by %s is good for its audiences", async (name, alg) => {
    const key = pairs[name].privateKey;
    for (const aud of [issuer, `${issuer}/oauth2/token`, [issuer], audiences]) {
      const claims = await verify(await assertion({ aud }, { key, alg }), jwksOf(jwkOf(key)));
      expect(claims).toEqual({ jti: "once", expiresAt: (seconds + 60 + 30) * 1000 });
    }
  });

  it.each([
    ["iss", ["other", undefined, "", 7]],
    ["sub", ["other", undefined, "", 7]],
    ["aud", ["https://other.example.com", `${issuer}/`, "backend", [], [issuer, "https://other.example.com"], undefined]],
    ["exp", [seconds - 31, seconds + 3631, seconds + 86_400, undefined, "soon"]],
    ["iat", [seconds + 31, "now"]],
    ["nbf", [seconds + 31]],
    ["jti", [undefined, "", 7, ["once"], "x".repeat(129)]],
  ])("with a wrong, mistyped or missing %s is refused", async (claim, values) => {
    for (const value of values) await expectRefused({ [claim]: value }, `${claim} ${JSON.stringify(value)}`);
  });

  it("may come from a clock that differs by 30 seconds, and live for an hour", async () => {
    expect(await verify(await assertion({ exp: seconds - 29 }))).not.toBeNull();
    expect(await verify(await assertion({ iat: seconds + 30, exp: seconds + 3630 }))).not.toBeNull();
    expect(await verify(await assertion({ iat: undefined, exp: seconds + 60 * (minute / 1000) }))).not.toBeNull();
  });

  it("of another type is refused: a token for another purpose is no assertion", async () => {
    for (const typ of ["JWT", "jwt", "client-authentication+jwt"]) {
      expect(await verify(await assertion({}, { header: { typ } })), typ).not.toBeNull();
    }
    for (const typ of ["at+jwt", "dpop+jwt", "logout+jwt"]) {
      expect(await verify(await assertion({}, { header: { typ } })), typ).toBeNull();
    }
  });

  it("signed by another key, by none, or by HMAC under the public key is refused", async () => {
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    expect(await verify(await assertion({}, { key: other }))).toBeNull();
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    for (const alg of ["none", "None", "HS256"]) {
      const input = `${part({ alg })}.${part(good)}`;
      for (const secret of [jwks, createPublicKey(ec).export({ type: "spki", format: "pem" }), ""]) {
        const mac = createHmac("sha256", secret).update(input).digest("base64url");
        for (const signature of [mac, ""]) expect(await verify(`${input}.${signature}`), `${alg} ${signature}`).toBeNull();
      }
    }
  });

  it("that brings or names its own keys is refused, and nothing is fetched for it", async () => {
    const fetched = vi.spyOn(globalThis, "fetch");
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const url = "https://evil.example.com/keys";
    for (const header of [{ jwk: jwkOf(other) }, { jku: url }, { x5u: url }, { jku: url, kid: "1" }]) {
      expect(await verify(await assertion({}, { key: other, header })), JSON.stringify(header)).toBeNull();
    }
    expect(fetched).not.toHaveBeenCalled();
    fetched.mockRestore();
  });

  it("picks the key by its id where the client has several", async () => {
    const keys = jwksOf({ ...jwkOf(ec), kid: "a" }, { ...jwkOf(pairs.EdDSA.privateKey), kid: "b" });
    expect(await verify(await assertion({}, { header: { kid: "a" } }), keys)).not.toBeNull();
    expect(await verify(await assertion({}, { header: { kid: "b" } }), keys)).toBeNull();
    expect(await verify(await assertion({}, { header: { kid: "c" } }), keys)).toBeNull();
  });

  it("of a client without keys, and garbage, is refused without an exception", async () => {
    expect(await verify(await assertion(), "")).toBeNull();
    expect(await verify(await assertion(), "{}")).toBeNull();
    for (const text of ["", "a.b.c", "..", "x".repeat(5000), `${await assertion()}x`]) expect(await verify(text)).toBeNull();
  });

  it("names its client before it is checked", async () => {
    expect(clientOfAssertion(await assertion())).toBe("backend");
    for (const text of ["garbage", "", "a.b.c", "x".repeat(5000)]) expect(clientOfAssertion(text)).toBeNull();
  });
});
