import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { decodeProtectedHeader } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { refresh, type SignIn, signIn } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { dist } from "./support/paths.js";
import {
  checkIdToken,
  discover,
  keyIdOf,
  publishedKeyIds,
  type ResourceServer,
  startResourceServers,
} from "./support/resource-servers.js";
import { until } from "./support/until.js";

const algorithms = ["ES256", "EdDSA", "RS256"] as const;

describe.each(algorithms)("with LATCHKEY_SIGNING_ALG=%s", (alg) => {
  let latchkey: Latchkey;
  let signedIn: SignIn;
  let servers: ResourceServer[];

  beforeAll(async () => {
    latchkey = await startLatchkey({ LATCHKEY_SIGNING_ALG: alg });
    signedIn = await signIn(latchkey, "ada@example.com");
    servers = await startResourceServers(latchkey);
  });
  afterAll(async () => {
    for (const server of servers) server.stop();
    await latchkey.stop();
  });

  it("tokens are signed with it, and metadata and keys say so", async () => {
    expect(decodeProtectedHeader(signedIn.tokens.accessToken)).toMatchObject({ alg, typ: "at+jwt" });
    expect(await discover(latchkey.issuer, "oidc")).toMatchObject({ id_token_signing_alg_values_supported: [alg] });
    expect(await publishedKeyIds(latchkey.issuer)).toEqual([keyIdOf(signedIn.tokens.accessToken)]);
  });

  it("oauth4webapi, jose and PyJWT accept the access tokens of a sign-in and of a refresh from the issuer's documents alone", async () => {
    const refreshed = await refresh(latchkey, signedIn.tokens.refreshToken);
    for (const server of servers) {
      for (const { accessToken } of [signedIn.tokens, refreshed]) {
        expect(await server.subjectOf(accessToken), server.name).toBe(signedIn.user.userId);
      }
    }
  });

  it("oauth4webapi, jose and PyJWT refuse an id token in an access token's place, and an access token with another's signature", async () => {
    const { accessToken, idToken } = signedIn.tokens;
    const [header, payload] = accessToken.split(".");
    const forged = `${header}.${payload}.${idToken!.split(".")[2]}`;
    for (const server of servers) {
      await expect(server.subjectOf(idToken!), server.name).rejects.toThrow();
      await expect(server.subjectOf(forged), server.name).rejects.toThrow();
    }
  });

  it("the id token passes an OpenID Connect client's checks, for the client that signed in and no other", async () => {
    const { accessToken, idToken } = signedIn.tokens;
    const tokens = { accessToken, idToken: idToken! };
    expect(await checkIdToken(latchkey.issuer, "default-web", tokens)).toMatchObject({
      iss: latchkey.issuer,
      aud: "default-web",
      sub: signedIn.user.userId,
      sid: signedIn.tokens.sessionId,
      amr: expect.arrayContaining([expect.any(String)]),
    });
    await expect(checkIdToken(latchkey.issuer, "another", tokens)).rejects.toThrow();
  });
});

it("the verifier of latchkey-client accepts an access token and refuses an id token", async () => {
  const latchkey = await startLatchkey();
  try {
    const { tokens, user } = await signIn(latchkey, "ada@example.com");
    const client: typeof import("../../src/client/index.js") = await import(pathToFileURL(join(dist, "client/index.js")).href);
    const verify = client.createAccessTokenVerifier({ issuer: latchkey.issuer });
    expect(await verify(tokens.accessToken)).toMatchObject({ userId: user.userId, sessionId: tokens.sessionId });
    await expect(verify(tokens.idToken!)).rejects.toThrow(client.AccessTokenError);
  } finally {
    await latchkey.stop();
  }
});

describe("a change of LATCHKEY_SIGNING_ALG", () => {
  let latchkey: Latchkey;
  let servers: ResourceServer[] = [];

  afterEach(async () => {
    for (const server of servers) server.stop();
    await latchkey.stop();
  });

  it("signs new tokens with the new algorithm from the next key on and leaves those of the old one valid", async () => {
    latchkey = await startLatchkey({ LATCHKEY_SIGNING_ALG: "ES256", LATCHKEY_KEY_LEAD: "0" });
    const before = await signIn(latchkey, "ada@example.com");
    await latchkey.restart({ LATCHKEY_SIGNING_ALG: "RS256" });
    const between = await refresh(latchkey, before.tokens.refreshToken);
    expect(decodeProtectedHeader(between.accessToken).alg).toBe("ES256");
    await latchkey.cli("keys", "rotate");
    await until("the new key", async () => (await publishedKeyIds(latchkey.issuer)).length === 2 || undefined);
    const after = await refresh(latchkey, between.refreshToken);
    expect(decodeProtectedHeader(after.accessToken).alg).toBe("RS256");
    servers = await startResourceServers(latchkey);
    for (const server of servers) {
      for (const { accessToken } of [before.tokens, after]) {
        expect(await server.subjectOf(accessToken), server.name).toBe(before.user.userId);
      }
    }
  });
});
