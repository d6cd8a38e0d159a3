import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Server, startServer } from "../support/postgres-server.js";
import { refresh, refusal, signIn } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";

const scope = "otp:send";

describe.each(["SQLite", "PostgreSQL"])("on %s", (engine) => {
  let database: Server | undefined;
  let latchkey: Latchkey;
  let issuer: URL;
  /** The client authenticates with this key. */
  let key: CryptoKey;
  const byKey = "by-key";

  beforeAll(async () => {
    if (engine === "PostgreSQL") database = await startServer();
    latchkey = await startLatchkey(database === undefined ? {} : { LATCHKEY_DATABASE_URL: database.url });
    issuer = new URL(latchkey.issuer);
    const pair = await generateKeyPair("ES256", { extractable: true });
    key = pair.privateKey;
    const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: "1", alg: "ES256" }] };
    writeFileSync(join(latchkey.folder, "jwks.json"), JSON.stringify(jwks));
    const rights = ["--kind", "confidential", "--scopes", "otp:send,tokens:introspect", "--jwks", "jwks.json"];
    await latchkey.cli("client", "create", "--app", "default", "--id", byKey, ...rights);
  });
  afterAll(async () => {
    await latchkey.stop();
    await database?.stop();
  });

  const methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"] as const;
  type Method = (typeof methods)[number];

  describe("openid-client", () => {
    const configure = (clientId: string, auth: openid.ClientAuth, algorithm: "oidc" | "oauth2" = "oidc") =>
      openid.discovery(issuer, clientId, undefined, auth, { algorithm, execute: [openid.allowInsecureRequests] });
    const backend = (method: Method) => {
      const { clientId, clientSecret } = latchkey.backend;
      if (method === "client_secret_basic") return configure(clientId, openid.ClientSecretBasic(clientSecret));
      if (method === "client_secret_post") return configure(clientId, openid.ClientSecretPost(clientSecret), "oauth2");
      return configure(byKey, openid.PrivateKeyJwt({ key, kid: "1" }));
    };

    it.each(methods)("discovers the endpoints, gets a client token by %s, and introspects it", async (method) => {
      const config = await backend(method);
      const tokens = await openid.clientCredentialsGrant(config, { scope });
      expect(tokens).toMatchObject({ token_type: "bearer", scope });
      expect(tokens.expiresIn()).toBeGreaterThan(890);
      const { clientId } = latchkey.backend;
      const own = method === "private_key_jwt" ? byKey : clientId;
      const introspected = await openid.tokenIntrospection(config, tokens.access_token);
      expect(introspected).toMatchObject({ active: true, client_id: own, sub: own, scope, iss: latchkey.issuer });
    });

    it("reads refusals: a wrong secret, a scope that the client lacks, a used refresh token", async () => {
      const wrong = await configure(latchkey.backend.clientId, openid.ClientSecretBasic(`lk_${"A".repeat(43)}`));
      await expect(openid.clientCredentialsGrant(wrong)).rejects.toMatchObject({ status: 401, cause: [{ scheme: "basic" }] });
      const right = await backend("client_secret_basic");
      await expect(openid.clientCredentialsGrant(right, { scope: "operator" })).rejects.toMatchObject({
        error: "invalid_scope",
      });
      await expect(openid.refreshTokenGrant(right, "garbage")).rejects.toMatchObject({ error: "invalid_grant" });
    });

    it("refreshes and revokes the tokens of a user as a public client, and sees the end of the session", async () => {
      const { tokens, user } = await signIn(latchkey, `openid-client-${engine}@example.com`);
      const web = await configure("default-web", openid.None());
      const next = await openid.refreshTokenGrant(web, tokens.refreshToken);
      expect(next).toMatchObject({ token_type: "bearer", refresh_token: expect.any(String) });
      const api = await backend("client_secret_basic");
      const introspect = (token: string) => openid.tokenIntrospection(api, token);
      expect(await introspect(next.access_token)).toMatchObject({ active: true, sub: user.userId, client_id: "default-web" });
      expect(await introspect(next.refresh_token!)).toMatchObject({ active: true, token_type: "refresh_token" });
      await openid.tokenRevocation(web, next.refresh_token!);
      await openid.tokenRevocation(web, next.refresh_token!);
      for (const token of [next.access_token, next.refresh_token!]) expect(await introspect(token)).toEqual({ active: false });
      expect(await refusal(refresh(latchkey, next.refresh_token!))).toBe("SESSION_ENDED");
    });
  });

  describe("oauth4webapi", () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const discover = async () =>
      await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...insecure, algorithm: "oauth2" }));

    it.each(methods)("gets a client token by %s, introspects it, and learns that it can't be revoked", async (method) => {
      const server = await discover();
      const { clientId, clientSecret } = latchkey.backend;
      const client = { client_id: method === "private_key_jwt" ? byKey : clientId };
      const auth = {
        client_secret_basic: oauth.ClientSecretBasic(clientSecret),
        client_secret_post: oauth.ClientSecretPost(clientSecret),
        private_key_jwt: oauth.PrivateKeyJwt({ key, kid: "1" }),
      }[method];
      const granted = await oauth.processClientCredentialsResponse(
        server,
        client,
        await oauth.clientCredentialsGrantRequest(server, client, auth, { scope }, insecure),
      );
      const introspected = await oauth.processIntrospectionResponse(
        server,
        client,
        await oauth.introspectionRequest(server, client, auth, granted.access_token, insecure),
      );
      expect(introspected).toMatchObject({ active: true, client_id: client.client_id, scope });
      const revoked = await oauth.revocationRequest(server, client, auth, granted.access_token, insecure);
      await expect(oauth.processRevocationResponse(revoked)).rejects.toMatchObject({ error: "unsupported_token_type" });
    });

    it("refreshes and revokes the tokens of a user as a public client", async () => {
      const server = await discover();
      const client = { client_id: "default-web" };
      const { tokens } = await signIn(latchkey, `oauth4webapi-${engine}@example.com`);
      const next = await oauth.processRefreshTokenResponse(
        server,
        client,
        await oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refreshToken, insecure),
      );
      const revoked = await oauth.revocationRequest(server, client, oauth.None(), next.refresh_token!, insecure);
      await oauth.processRevocationResponse(revoked);
      expect(await refusal(refresh(latchkey, next.refresh_token!))).toBe("SESSION_ENDED");
    });
  });
});
