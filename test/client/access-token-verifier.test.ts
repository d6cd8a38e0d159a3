import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { AccessTokenError, type AccessTokenVerifierOptions, createAccessTokenVerifier } from "../../src/client/index.js";
import { createFakeClock } from "./support/fake-clock.js";

const issuer = "https://auth.test";
const clock = createFakeClock();
const nowSeconds = clock() / 1000;
const good = {
  iss: issuer,
  aud: issuer,
  sub: "user-1",
  sid: "session-1",
  client_id: "web",
  jti: "token-1",
  iat: nowSeconds,
  exp: nowSeconds + 600,
  auth_time: nowSeconds - 60,
  amr: ["latchkey:email"],
};

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
const algorithms = ["ES256", "EdDSA", "RS256", "ES384"] as const;
const keys = {} as Record<(typeof algorithms)[number] | "stranger", Keys>;
let published: object;

beforeAll(async () => {
  const jwks = await Promise.all(
    algorithms.map(async (alg) => {
      keys[alg] = await generateKeyPair(alg, { extractable: true });
      return { ...(await exportJWK(keys[alg].publicKey)), kid: alg, alg, use: "sig" };
    }),
  );
  keys.stranger = await generateKeyPair("ES256");
  published = { keys: jwks };
});

/** An issuer's documents, by address; counts what is fetched. */
function publish(documents: Record<string, unknown> = {}) {
  const fetched: string[] = [];
  const all: Record<string, unknown> = {
    [`${issuer}/.well-known/openid-configuration`]: { issuer, jwks_uri: `${issuer}/keys` },
    [`${issuer}/keys`]: published,
    ...documents,
  };
  const fetch = async (input: RequestInfo | URL) => {
    const url = String(input);
    fetched.push(url);
    const document = all[url];
    if (document === "down") throw new TypeError("fetch failed");
    return document === undefined ? new Response("", { status: 404 }) : Response.json(document);
  };
  return { fetch: fetch as typeof globalThis.fetch, fetched, all };
}

function sign(payload: JWTPayload = good, header: Record<string, unknown> = {}, key: Keys = keys.ES256): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid: "ES256", typ: "at+jwt", ...header }).sign(key.privateKey);
}

function verifier(options: Partial<AccessTokenVerifierOptions> = {}) {
  return createAccessTokenVerifier({ issuer, clock, fetch: publish().fetch, ...options });
}

async function reasonOf(call: Promise<unknown>): Promise<string | null> {
  const error: unknown = await call.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (error === null) return null;
  expect(error).toBeInstanceOf(AccessTokenError);
  return (error as AccessTokenError).reason;
}

describe("a good access token", () => {
  it("gives its claims, in milliseconds", async () => {
    expect(await verifier()(await sign())).toEqual({
      kind: "user",
      issuer,
      audience: [issuer],
      userId: "user-1",
      sessionId: "session-1",
      clientId: "web",
      tokenId: "token-1",
      issuedAt: clock(),
      expiresAt: clock() + 600_000,
      signedInAt: clock() - 60_000,
      amr: ["latchkey:email"],
      payload: good,
    });
  });

  it.each(["ES256", "EdDSA", "RS256"] as const)("may be signed with %s", async (alg) => {
    expect(await reasonOf(verifier()(await sign(good, { alg, kid: alg }, keys[alg])))).toBeNull();
  });

  it("may be for the audience asked for, among others", async () => {
    const token = await sign({ ...good, aud: ["https://other.test", "https://api.test"] });
    expect(await reasonOf(verifier({ audience: "https://api.test" })(token))).toBeNull();
  });

  it("may be for any of the audiences asked for", async () => {
    const verify = verifier({ audience: ["https://api.test", `${issuer}/apps/shop`] });
    expect(await reasonOf(verify(await sign({ ...good, aud: `${issuer}/apps/shop` })))).toBeNull();
    expect(await reasonOf(verify(await sign()))).toBe("TOKEN_INVALID");
  });

  it("may be read by a clock that is 5 s off", async () => {
    expect(await reasonOf(verifier()(await sign({ ...good, iat: nowSeconds + 5 })))).toBeNull();
    expect(await reasonOf(verifier()(await sign({ ...good, exp: nowSeconds - 4 })))).toBeNull();
  });
});

describe("a client's token", () => {
  const { sid: _, auth_time: __, amr: ___, ...rest } = good;
  const ofClient = { ...rest, sub: "backend", client_id: "backend", scope: "otp:send users:read" };

  it("gives its scopes and says that it is a client's", async () => {
    const claims = await verifier()(await sign(ofClient), { clientScopes: ["users:read"] });
    expect(claims).toEqual({
      kind: "client",
      issuer,
      audience: [issuer],
      clientId: "backend",
      scopes: ["otp:send", "users:read"],
      tokenId: "token-1",
      issuedAt: clock(),
      expiresAt: clock() + 600_000,
      payload: ofClient,
    });
  });

  it("is refused where only users may call", async () => {
    expect(await reasonOf(verifier()(await sign(ofClient)))).toBe("TOKEN_INVALID");
  });

  it.each([
    ["one of two scopes", ofClient],
    ["no scope", { ...ofClient, scope: "" }],
    ["a scope that only begins as the required one does", { ...ofClient, scope: "users:read users:write-all" }],
    ["no claim scope", { ...ofClient, scope: undefined }],
    ["a list as scope", { ...ofClient, scope: ["users:read", "users:write"] }],
  ])("with %s is SCOPE_MISSING, and the error names what is missing", async (_name, payload) => {
    const call = verifier()(await sign(payload), { clientScopes: ["users:read", "users:write"] });
    await expect(call).rejects.toThrow(/users:write/);
    expect(await reasonOf(call)).toBe("SCOPE_MISSING");
  });

  it("is refused for another audience even with every scope", async () => {
    const call = verifier()(await sign({ ...ofClient, aud: `${issuer}/apps/shop` }), { clientScopes: [] });
    expect(await reasonOf(call)).toBe("TOKEN_INVALID");
  });

  it("needs no more than its scopes, and a user's token needs none", async () => {
    const accept = { clientScopes: ["users:read", "users:write"] };
    expect(await verifier()(await sign({ ...ofClient, scope: accept.clientScopes.join(" ") }), accept)).toMatchObject({
      kind: "client",
    });
    expect(await verifier()(await sign(), accept)).toMatchObject({ kind: "user", userId: "user-1" });
  });

  it.each([
    ["a subject that is not the client", { ...ofClient, sub: "another" }],
    ["a session that is not a text", { ...ofClient, sid: 7 }],
  ])("with %s is TOKEN_INVALID", async (_name, payload) => {
    expect(await reasonOf(verifier()(await sign(payload), { clientScopes: [] }))).toBe("TOKEN_INVALID");
  });

  it("with a session is a user's, whatever its subject", async () => {
    const token = await sign({ ...ofClient, sid: "session-1" });
    expect(await verifier()(token, { clientScopes: [] })).toMatchObject({ kind: "user", userId: "backend" });
  });
});

describe("TOKEN_INVALID", () => {
  const without = (claim: keyof typeof good) => {
    const { [claim]: _, ...rest } = good;
    return rest;
  };
  it.each<[string, () => Promise<string>]>([
    ["garbage", async () => "garbage"],
    ["nothing", async () => ""],
    ["too long", async () => `${await sign()}${"a".repeat(5000)}`],
    ["an id token", () => sign(good, { typ: "JWT" })],
    ["no typ", () => sign(good, { typ: undefined })],
    ["a contact proof", () => sign(good, { typ: "latchkey-proof+jwt" })],
    ["an algorithm that is not on the list", () => sign(good, { alg: "ES384", kid: "ES384" }, keys.ES384)],
    ["alg none", async () => `${btoa('{"alg":"none","typ":"at+jwt"}')}.${btoa(JSON.stringify(good))}.`.replaceAll("=", "")],
    ["HS256 with a public key", () => hmacSigned()],
    ["another issuer", () => sign({ ...good, iss: "https://auth.test/" })],
    ["another audience", () => sign({ ...good, aud: "https://api.test" })],
    ["no audience", () => sign(without("aud"))],
    ["expired", () => sign({ ...good, exp: nowSeconds - 6 })],
    ["not valid yet", () => sign({ ...good, nbf: nowSeconds + 60 })],
    ["issued in the future", () => sign({ ...good, iat: nowSeconds + 6 })],
    ["a number as subject", () => sign({ ...good, sub: 1 as unknown as string })],
    ["a key that nobody published", () => sign(good, {}, keys.stranger)],
    ["a key id that nobody published", () => sign(good, { kid: "x" })],
    ["a changed claim", async () => tampered(await sign())],
    ...(["sub", "sid", "client_id", "jti", "iat", "exp"] as const).map((claim): [string, () => Promise<string>] => [
      `no ${claim}`,
      () => sign(without(claim)),
    ]),
  ])("%s", async (_name, token) => {
    expect(await reasonOf(verifier()(await token()))).toBe("TOKEN_INVALID");
  });

  async function hmacSigned(): Promise<string> {
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(keys.ES256.publicKey)));
    return await new SignJWT(good).setProtectedHeader({ alg: "HS256", kid: "ES256", typ: "at+jwt" }).sign(secret);
  }

  function tampered(token: string): string {
    const [header, , signature] = token.split(".");
    return `${header}.${btoa(JSON.stringify({ ...good, sub: "user-2" })).replaceAll("=", "")}.${signature}`;
  }
});

describe("the issuer's keys", () => {
  it("are found by discovery, once for many tokens at once", async () => {
    const { fetch, fetched } = publish();
    const verify = verifier({ fetch });
    const token = await sign();
    await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    expect(fetched).toEqual([`${issuer}/.well-known/openid-configuration`, `${issuer}/keys`]);
  });

  it("are read from an address that is given, without discovery", async () => {
    const { fetch, fetched } = publish({ "https://keys.test/jwks": published });
    await verifier({ fetch, jwksUri: "https://keys.test/jwks" })(await sign());
    expect(fetched).toEqual(["https://keys.test/jwks"]);
  });

  const discovery = `${issuer}/.well-known/openid-configuration`;
  it.each([
    ["discovery is down", { [discovery]: "down" }],
    ["discovery is missing", { [discovery]: undefined }],
    ["discovery is another issuer's", { [discovery]: { issuer: "https://evil.test", jwks_uri: `${issuer}/keys` } }],
    ["discovery names no keys", { [discovery]: { issuer } }],
    ["the keys are down", { [`${issuer}/keys`]: "down" }],
    ["the keys are missing", { [`${issuer}/keys`]: undefined }],
    ["the keys are no keys", { [`${issuer}/keys`]: { hello: "world" } }],
  ])("are unavailable when %s, and asked for again a second later", async (_name, documents) => {
    const { fetch, fetched, all } = publish(documents);
    const startingClock = createFakeClock();
    const verify = verifier({ fetch, clock: startingClock });
    const token = await sign();
    expect(await reasonOf(verify(token))).toBe("KEYS_UNAVAILABLE");
    Object.assign(all, publish().all);
    const before = fetched.length;
    expect(await reasonOf(verify(token))).toBe("KEYS_UNAVAILABLE");
    expect(fetched).toHaveLength(before);
    startingClock.advance(1000);
    expect(await reasonOf(verify(token))).toBeNull();
  });
});
