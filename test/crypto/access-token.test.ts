import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { CompactEncrypt, createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JWK, jwtVerify } from "jose";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type AccessTokens, createAccessTokens, looksLikeClientToken } from "../../src/crypto/access-token.js";
import { rotateSigningKey, type SigningKeys } from "../../src/crypto/signing-keys.js";
import type { Session } from "../../src/model/session.js";
import type { Store } from "../../src/store/port/store.js";
import { flippedAt, hour, minute, signingKeys, signingOptions, t0 } from "./fixtures.js";

const issuer = "https://login.example.com";
const audience = `${issuer}/apps/shop`;
const now = t0 + minute;
const seconds = Math.floor(now / 1000);

const session: Session = {
  sessionId: "session-1",
  family: Buffer.alloc(16, 1),
  keyId: "m1",
  appId: "default",
  clientId: "client",
  credentialHash: null,
  userId: "user-1",
  ip: "192.0.2.1",
  userAgent: "test",
  amr: ["sms"],
  generation: 0,
  createdAt: t0,
  lastUsedAt: t0,
  idleExpiresAt: t0 + hour,
  expiresAt: t0 + hour,
};

const [accessTokenTtlMs, contactProofTtlMs] = [10 * minute, 5 * minute];
let store: Store;
let keys: SigningKeys;
let tokens: AccessTokens;

beforeEach(async () => {
  ({ store, keys } = await signingKeys());
  tokens = createAccessTokens({ keys, issuer });
});

function ownKey(): KeyObject {
  return keys.current(now).privateKey;
}

const goodClaims = {
  iss: issuer,
  aud: audience,
  sub: "user-1",
  sid: "session-1",
  client_id: "client",
  jti: "jti",
  iat: seconds,
  exp: seconds + 600,
};

/** A token of any header and claims, signed with our own key unless told otherwise: only what is in it can be wrong. */
function forge(
  changes: Record<string, unknown>,
  header: Record<string, unknown> = {},
  signature?: (input: Buffer) => Buffer,
): string {
  const { alg, keyId: kid } = keys.current(now);
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${part({ alg, kid, typ: "at+jwt", ...header })}.${part({ ...goodClaims, ...changes })}`;
  const make = signature ?? ((text: Buffer) => sign("sha256", text, { key: ownKey(), dsaEncoding: "ieee-p1363" }));
  return `${input}.${make(Buffer.from(input)).toString("base64url")}`;
}

async function expectRefused(token: string, why: string): Promise<void> {
  expect(await tokens.verifyAccess(token, now), why).toBeNull();
}

describe("an access token", () => {
  it("is found good by us and by any library with our published keys", async () => {
    const token = await tokens.signAccess(session, { audience, ttlMs: accessTokenTtlMs, now });
    expect(await tokens.verifyAccess(token, now)).toEqual({
      kind: "user",
      userId: "user-1",
      sessionId: "session-1",
      clientId: "client",
      audience,
      tokenId: decodeJwt(token).jti,
      issuedAt: seconds * 1000,
      expiresAt: (seconds + 600) * 1000,
    });
    const published = createLocalJWKSet(JSON.parse(tokens.jwks()) as { keys: JWK[] });
    const verified = await jwtVerify(token, published, { issuer, audience, typ: "at+jwt", currentDate: new Date(now) });
    expect(verified.payload.sub).toBe("user-1");
  });

  it("says what RFC 9068 asks for and nothing about the person", async () => {
    const token = await tokens.signAccess(session, { audience, ttlMs: accessTokenTtlMs, now });
    expect(decodeProtectedHeader(token)).toEqual({ alg: "ES256", kid: keys.current(now).keyId, typ: "at+jwt" });
    const { jti, ...claims } = decodeJwt(token);
    const { jti: _, ...expected } = goodClaims;
    expect(claims).toEqual({ ...expected, amr: ["sms"], auth_time: t0 / 1000 });
    expect(jti).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(token.length).toBeLessThan(1_500);
  });

  it("has an id of its own each time", async () => {
    const made = await Promise.all(
      Array.from({ length: 500 }, () => tokens.signAccess(session, { audience, ttlMs: accessTokenTtlMs, now })),
    );
    expect(new Set(made.map((token) => decodeJwt(token).jti)).size).toBe(500);
  });

  it("forged the way these tests forge, but with nothing wrong in it, is good", async () => {
    expect(await tokens.verifyAccess(forge({}), now)).not.toBeNull();
  });

  it("without a signature is refused (alg none in any spelling, two parts, empty parts)", async () => {
    for (const alg of ["none", "None", "nOnE", "NONE", "", null]) {
      for (const kid of [keys.current(now).keyId, undefined]) {
        await expectRefused(
          forge({}, { alg, kid }, () => Buffer.alloc(0)),
          `alg ${alg}`,
        );
      }
    }
    const [header, payload] = forge({}).split(".");
    for (const text of [`${header}.${payload}`, `${header}.${payload}.`, `${header}..`, "..", "", "a.b.c", `${header}`]) {
      await expectRefused(text, text);
    }
  });

  it("signed with HMAC under our public key in any form is refused", async () => {
    const jwk = JSON.parse(tokens.jwks()).keys[0] as JWK;
    const publicKey = createPublicKey({ key: jwk as never, format: "jwk" });
    const secrets: (string | Buffer)[] = [
      JSON.stringify(jwk),
      tokens.jwks(),
      publicKey.export({ type: "spki", format: "pem" }),
      publicKey.export({ type: "spki", format: "der" }),
      Buffer.from(jwk.x!, "base64url"),
      "",
    ];
    for (const alg of ["HS256", "HS384", "HS512"]) {
      for (const secret of secrets) {
        const mac = (input: Buffer) => createHmac(alg.replace("HS", "sha"), secret).update(input).digest();
        await expectRefused(forge({}, { alg }, mac), alg);
      }
    }
  });

  it("of any other algorithm, with an unknown critical header, unencoded, compressed or encrypted is refused", async () => {
    for (const alg of ["PS256", "RS256", "ES384", "EdDSA", "Ed25519", "ES256K", "es256", ["ES256"], { alg: "ES256" }]) {
      await expectRefused(forge({}, { alg }), String(alg));
    }
    await expectRefused(forge({}, { b64: false, crit: ["b64"] }), "b64");
    await expectRefused(forge({}, { crit: ["x"], x: 1 }), "crit");
    await expectRefused(forge({}, { crit: [] }), "empty crit");
    const encrypted = await new CompactEncrypt(Buffer.from(forge({})))
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .encrypt(Buffer.alloc(32));
    await expectRefused(encrypted, "JWE");
  });

  it("that brings its own key is refused, and nothing is fetched for it", async () => {
    const fetching = vi.spyOn(globalThis, "fetch");
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const byStranger = (input: Buffer) => sign("sha256", input, { key: privateKey, dsaEncoding: "ieee-p1363" });
    const jwk = publicKey.export({ format: "jwk" });
    const url = "https://attacker.example/keys";
    for (const embedded of [{ jwk }, { jku: url }, { x5u: url }, { x5c: ["MIIB"] }, {}]) {
      for (const kid of [keys.current(now).keyId, "stranger", undefined, url]) {
        await expectRefused(forge({}, { ...embedded, kid }, byStranger), JSON.stringify({ ...embedded, kid }));
      }
    }
    expect(fetching).not.toHaveBeenCalled();
  });

  it("with a key id that is not one of ours is refused, whatever is in it, and nothing is read for it", async () => {
    const reading = vi.spyOn(store.keys, "list");
    const kids = ["../../dev/null", "' OR 1=1--", "\0", "__proto__", "constructor", "toString", "", 7, null, [], {}, true];
    for (const kid of [...kids, [keys.current(now).keyId], `${keys.current(now).keyId} `, "x".repeat(2_000)]) {
      await expectRefused(forge({}, { kid }), String(kid).slice(0, 40));
    }
    for (let index = 0; index < 1_000; index += 1) await expectRefused(forge({}, { kid: `k${index}` }), "unknown kid");
    await expectRefused(forge({}, { kid: "x".repeat(1_000_000) }), "1 MB");
    expect(reading).not.toHaveBeenCalled();
  });

  it("with an ECDSA signature of zeros, in DER, cut, doubled or of another token is refused", async () => {
    const one = Buffer.concat([Buffer.alloc(31), Buffer.of(1)]);
    const signatures: ((input: Buffer) => Buffer)[] = [
      () => Buffer.alloc(64),
      () => Buffer.concat([one, Buffer.alloc(32)]),
      () => Buffer.concat([Buffer.alloc(32), one]),
      () => Buffer.alloc(64, 0xff),
      (input) => sign("sha256", input, ownKey()),
      (input) => sign("sha256", input, { key: ownKey(), dsaEncoding: "ieee-p1363" }).subarray(0, 63),
      (input) => Buffer.concat([sign("sha256", input, { key: ownKey(), dsaEncoding: "ieee-p1363" }), Buffer.of(0)]),
      () => Buffer.from(forge({ jti: "other" }).split(".")[2]!, "base64url"),
    ];
    for (const [index, signature] of signatures.entries()) {
      await expectRefused(forge({}, {}, signature), `signature ${index}`);
    }
  });

  it.each([
    [
      "iss",
      [`${issuer}/`, issuer.toUpperCase(), "http://login.example.com", "https://other.example.com", [issuer], "", null, 7],
    ],
    ["aud", [[], [audience], [audience, issuer], undefined, null, 7, { 0: audience }]],
    ["sub", ["", undefined, null, 7, ["user-1"], { a: 1 }].slice(1)],
    ["sid", [undefined, null, 7, ["session-1"]]],
    ["client_id", [undefined, null, 7, ["client"]]],
    ["jti", [undefined]],
    ["exp", [undefined, null, String(seconds + 600), [seconds + 600], seconds, seconds - 1, 0, -1, Number.NaN]],
    ["iat", [undefined, null, String(seconds), seconds + 31, seconds + 3_600, 1e20]],
    ["nbf", [seconds + 60, String(seconds), null]],
  ])("with a wrong, mistyped or missing %s is refused", async (claim, values) => {
    for (const value of values) await expectRefused(forge({ [claim]: value }), `${claim} ${JSON.stringify(value)}`);
  });

  it("of a clock that is up to 30 s ahead is good", async () => {
    expect(await tokens.verifyAccess(forge({ iat: seconds + 30 }), now)).not.toBeNull();
  });

  it("of another type is refused: id tokens, proofs, no type", async () => {
    for (const typ of ["JWT", "latchkey-proof+jwt", "", "jwt+at", undefined, null, 7, ["at+jwt"]]) {
      await expectRefused(forge({}, { typ }), String(typ));
    }
    await expectRefused(await tokens.signId(session, { ttlMs: accessTokenTtlMs, now }), "id token");
    const contact = { kind: "email", value: "a@example.com" };
    await expectRefused(
      await tokens.signProof({ clientId: issuer, challengeId: "c", contact }, { ttlMs: contactProofTtlMs, now }),
      "proof",
    );
  });

  it("expires to the second, remembered or not", async () => {
    const token = await tokens.signAccess(session, { audience, ttlMs: accessTokenTtlMs, now });
    const expiresAt = (seconds + 600) * 1000;
    expect(await tokens.verifyAccess(token, expiresAt - 1)).not.toBeNull();
    expect(await tokens.verifyAccess(token, expiresAt - 1)).not.toBeNull();
    expect(await tokens.verifyAccess(token, expiresAt)).toBeNull();
    expect(await tokens.verifyAccess(token, expiresAt + hour)).toBeNull();
  });

  it("is refused as soon as its key was dropped, though it was remembered", async () => {
    const token = await tokens.signAccess(session, { audience, ttlMs: accessTokenTtlMs, now });
    expect(await tokens.verifyAccess(token, now)).not.toBeNull();
    await rotateSigningKey(signingOptions(store), { now, compromised: true });
    await keys.reload();
    expect(await tokens.verifyAccess(token, now)).toBeNull();
  });

  it("with any one bit flipped is another token, though the right one is remembered", async () => {
    const token = await tokens.signAccess(session, { audience, ttlMs: accessTokenTtlMs, now });
    expect(await tokens.verifyAccess(token, now)).not.toBeNull();
    const signatureAt = token.lastIndexOf(".") + 1;
    for (let position = 0; position < token.length; position += position < signatureAt ? 5 : 1) {
      // The last character has two bits that mean nothing: they spell the same signature.
      if (position === token.length - 1) continue;
      for (const bit of [0, 3, 5]) await expectRefused(flippedAt(token, position, bit), `position ${position}, bit ${bit}`);
    }
  });

  it("pays for its signature once", async () => {
    const token = await tokens.signAccess(session, { audience, ttlMs: accessTokenTtlMs, now });
    const verifying = vi.spyOn(crypto.subtle, "verify");
    for (let index = 0; index < 5; index += 1) await tokens.verifyAccess(token, now);
    expect(verifying.mock.calls.length).toBeLessThanOrEqual(1);
    verifying.mockRestore();
  });

  it("garbage of any size is refused without an exception", async () => {
    for (const text of [
      "x".repeat(1_000_000),
      ".".repeat(4_000),
      "\0",
      "é",
      "ey",
      `${"e".repeat(2_000)}.${"y".repeat(2_000)}.`,
    ]) {
      await expectRefused(text, text.slice(0, 20));
    }
  });
});

describe("the audience of an access token", () => {
  it("is that of its app, and is given to the caller to compare", async () => {
    for (const aud of [audience, issuer, "https://api.example.com", ""]) {
      const token = await tokens.signAccess(session, { audience: aud, ttlMs: accessTokenTtlMs, now });
      expect(decodeJwt(token).aud).toBe(aud);
      expect(await tokens.verifyAccess(token, now)).toMatchObject({ audience: aud });
    }
  });
});

describe("fields of the user", () => {
  const fields = { email: "ada@example.com", email_verified: true, preferred_username: "ada" };

  it("are in access and id tokens only if they are given", async () => {
    const life = { ttlMs: accessTokenTtlMs, now };
    const made = [
      await tokens.signAccess(session, { audience, ...life, fields }),
      await tokens.signId(session, { ...life, fields }),
    ];
    for (const token of made) expect(decodeJwt(token)).toMatchObject({ ...fields, sub: "user-1", sid: "session-1" });
    const bare = [await tokens.signAccess(session, { audience, ...life }), await tokens.signId(session, life)];
    for (const token of bare) for (const name of Object.keys(fields)) expect(decodeJwt(token)).not.toHaveProperty(name);
  });
});

describe("a client's own token", () => {
  const life = { audience, ttlMs: 900_000, now };
  const own = { sub: "client", sid: undefined, scope: "otp:send" };

  it("names the client as its subject, has no session, and is found good with its scopes", async () => {
    const token = await tokens.signClient({ clientId: "client", scopes: ["otp:send", "users:read"] }, life);
    expect(decodeProtectedHeader(token).typ).toBe("at+jwt");
    const { jti, ...claims } = decodeJwt(token);
    const { jti: _, sid: __, exp: ___, ...expected } = goodClaims;
    expect(claims).toEqual({ ...expected, sub: "client", scope: "otp:send users:read", exp: seconds + 900 });
    expect(await tokens.verifyAccess(token, now)).toEqual({
      kind: "client",
      clientId: "client",
      scopes: ["otp:send", "users:read"],
      audience,
      tokenId: jti,
      issuedAt: seconds * 1000,
      expiresAt: (seconds + 900) * 1000,
    });
  });

  it("without scopes is good for methods that need none, and an unknown scope means nothing", async () => {
    const token = await tokens.signClient({ clientId: "client", scopes: [] }, life);
    expect(await tokens.verifyAccess(token, now)).toMatchObject({ kind: "client", scopes: [] });
    expect(await tokens.verifyAccess(forge({ ...own, scope: "otp:send root" }), now)).toMatchObject({ scopes: ["otp:send"] });
  });

  it("is never found in a token that is neither a client's nor a user's", async () => {
    await expectRefused(forge({ ...own, sub: "user-1" }), "another subject than the client");
    for (const sid of [null, 7, "", ["session-1"]]) {
      if (sid !== "") await expectRefused(forge({ ...own, sid }), `sid ${JSON.stringify(sid)}`);
    }
    for (const scope of [undefined, null, 7, ["otp:send"]]) await expectRefused(forge({ ...own, scope }), `scope ${scope}`);
    expect(await tokens.verifyAccess(forge({ ...own, sid: "session-1" }), now)).toMatchObject({ kind: "user" });
  });

  it("is recognized by its form before it is checked", () => {
    expect(looksLikeClientToken(forge(own))).toBe(true);
    for (const text of [forge({}), forge({ sub: "client" }), forge({ ...own, client_id: undefined }), "garbage", "a.b.c", ""]) {
      expect(looksLikeClientToken(text), text.slice(0, 20)).toBe(false);
    }
  });
});

describe("an id token and a proof of contact", () => {
  it("are for their client, of their own type, and say what they are for", async () => {
    const id = await tokens.signId(session, { ttlMs: accessTokenTtlMs, now });
    expect(decodeProtectedHeader(id).typ).toBe("JWT");
    expect(decodeJwt(id)).toMatchObject({ iss: issuer, aud: "client", sub: "user-1", sid: "session-1", amr: ["sms"] });
    const contact = { kind: "phone", value: "+46701234567" };
    const proof = await tokens.signProof(
      { clientId: "client", challengeId: "challenge-1", contact },
      { ttlMs: contactProofTtlMs, now },
    );
    expect(decodeProtectedHeader(proof).typ).toBe("latchkey-proof+jwt");
    const expected = { iss: issuer, aud: "client", jti: "challenge-1", contact, iat: seconds, exp: seconds + 300 };
    expect(decodeJwt(proof)).toEqual(expected);
  });
});
