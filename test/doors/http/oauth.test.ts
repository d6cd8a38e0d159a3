import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.js";
import { refused, signIn } from "../../support/calls.js";
import { addApp, addClient, authWith, type MadeClient } from "../../support/clients.js";
import { testEngines } from "../../support/engines.js";
import { type FormAnswer, postForm } from "./form.js";

describe.each(testEngines())("OAuth over HTTP on $engine", ({ database }) => {
  let app: TestApp;
  let backend: MadeClient;
  let plain: MadeClient;
  let camara: MadeClient;
  let foreign: MadeClient;

  beforeAll(async () => {
    app = await startTestApp(await database());
    backend = await addClient(app, { clientId: "backend", scopes: ["otp:send", "otp:verify", "tokens:introspect"] });
    plain = await addClient(app, { clientId: "plain", scopes: ["otp:send", "otp:verify"] });
    camara = await addClient(app, {
      clientId: "camara",
      scopes: ["otp:send", "otp:verify", "otp:options", "users:read"],
    });
    await addApp(app, "other");
    foreign = await addClient(app, { clientId: "foreign", appId: "other", scopes: ["tokens:introspect"] });
  });
  afterAll(() => app.stop());

  type Headers = Readonly<Record<string, string>>;
  const post = (path: string, params: Headers | string, headers: Headers = {}): Promise<FormAnswer> =>
    postForm(`http://127.0.0.1:${app.app.httpPort}/oauth2/${path}`, params, headers);
  const asClient = (client: MadeClient): Headers => ({ authorization: client.basic });
  const token = async (client = backend): Promise<string> => {
    const { json } = await post("token", { grant_type: "client_credentials" }, asClient(client));
    return json?.access_token as string;
  };

  describe("the token endpoint", () => {
    it("gives a client a token with its scopes, as RFC 9068 says, that no cache keeps", async () => {
      const answer = await post("token", { grant_type: "client_credentials" }, asClient(backend));
      expect(answer).toMatchObject({ status: 200, json: { token_type: "Bearer", expires_in: 900 } });
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.json?.scope).toBe("otp:send otp:verify tokens:introspect");
      expect(Object.keys(answer.json!).sort()).toEqual(["access_token", "expires_in", "scope", "token_type"]);
      const accessToken = answer.json?.access_token as string;
      expect(decodeProtectedHeader(accessToken).typ).toBe("at+jwt");
      const seconds = app.clock() / 1000;
      expect(decodeJwt(accessToken)).toEqual({
        iss: app.settings.issuer,
        aud: app.settings.issuer,
        sub: "backend",
        client_id: "backend",
        scope: "otp:send otp:verify tokens:introspect",
        jti: expect.any(String),
        iat: seconds,
        exp: seconds + 900,
      });
    });

    it("takes the secret in the body as well", async () => {
      const body = { client_id: backend.clientId, client_secret: backend.clientSecret };
      const answer = await post("token", { grant_type: "client_credentials", scope: "otp:send", ...body });
      expect(answer).toMatchObject({ status: 200, json: { scope: "otp:send" } });
    });

    it("narrows the scopes, and refuses one that the client does not have", async () => {
      const ask = (scope: string) => post("token", { grant_type: "client_credentials", scope }, asClient(plain));
      expect((await ask("otp:verify")).json?.scope).toBe("otp:verify");
      expect((await ask("otp:verify otp:verify")).json?.scope).toBe("otp:verify");
      for (const scope of ["otp:send users:read", "apps:admin", "OTP:SEND", "nothing", "otp:send  otp:verify", '"']) {
        expect(await ask(scope), scope).toMatchObject({ status: 400, json: { error: "invalid_scope" } });
      }
    });

    it("takes CAMARA's name for its three scopes, if the client has them all", async () => {
      const scope = "one-time-password-sms:send-validate";
      const ask = (client: MadeClient, asked = scope) =>
        post("token", { grant_type: "client_credentials", scope: asked }, asClient(client));
      const answer = await ask(camara);
      expect(answer).toMatchObject({ status: 200, json: { scope } });
      expect(decodeJwt(answer.json?.access_token as string).scope).toBe("otp:send otp:verify otp:options");
      const more = await ask(camara, `users:read ${scope} otp:send`);
      expect(more.json?.scope).toBe(`users:read ${scope} otp:send`);
      expect(decodeJwt(more.json?.access_token as string).scope).toBe("users:read otp:send otp:verify otp:options");
      expect(await ask(plain)).toMatchObject({ status: 400, json: { error: "invalid_scope" } });
      const metadata = await fetch(`http://127.0.0.1:${app.app.httpPort}/.well-known/openid-configuration`);
      expect(await metadata.json()).toMatchObject({ scopes_supported: expect.arrayContaining([scope, "otp:send"]) });
    });

    it.each([
      ["a wrong secret", () => ({ authorization: basic("backend", `lk_${"A".repeat(43)}`) })],
      ["the secret of another client", () => ({ authorization: basic("backend", plain.clientSecret) })],
      ["an unknown client", () => ({ authorization: basic("nobody", backend.clientSecret) })],
      ["a public client", () => ({ authorization: basic("default-web", backend.clientSecret) })],
      ["an empty secret", () => ({ authorization: basic("backend", "") })],
      ["a header that is no pair", () => ({ authorization: "Basic Zm9v" })],
      ["no credentials", () => ({})],
      ["the token of a client", async () => ({ authorization: `Bearer ${await token()}` })],
    ])("refuses %s with one and the same answer", async (_what, headers) => {
      const answer = await post("token", { grant_type: "client_credentials" }, await headers());
      expect(answer).toMatchObject({
        status: 401,
        json: {
          error: "invalid_client",
          error_description: expect.stringContaining("Check the client id and the secret or key."),
        },
      });
      expect(answer.headers.get("www-authenticate")).toMatch(/^Basic realm=/);
      expect(answer.headers.get("cache-control")).toBe("no-store");
    });

    it("refuses requests that RFC 6749 refuses, and says what is wrong", async () => {
      const right = asClient(backend);
      const grant = "grant_type=client_credentials";
      const secret = `client_id=backend&client_secret=${backend.clientSecret}`;
      const cases: readonly (readonly [body: string, headers: Headers, error: string])[] = [
        ["", right, "invalid_request"],
        ["scope=otp:send", right, "invalid_request"],
        ["grant_type=", right, "invalid_request"],
        ["grant_type=password&username=a&password=b", right, "unsupported_grant_type"],
        ["grant_type=authorization_code&code=a", right, "unsupported_grant_type"],
        [`${grant}&${grant}`, right, "invalid_request"],
        [`${grant}&scope=otp:send&scope=otp:verify`, right, "invalid_request"],
        [`${grant}&${secret}`, right, "invalid_request"],
        [`${grant}&${secret}&client_assertion=a.b.c`, {}, "invalid_request"],
        ["grant_type=refresh_token", right, "invalid_request"],
        ["grant_type=refresh_token&refresh_token=garbage", right, "invalid_grant"],
        [`grant_type=refresh_token&refresh_token=${"x".repeat(5000)}`, right, "invalid_grant"],
        ["grant_type=refresh_token&refresh_token=garbage&scope=users:read", right, "invalid_scope"],
      ];
      for (const [body, headers, error] of cases) {
        const answer = await post("token", body, headers);
        expect(answer, body.slice(0, 80)).toMatchObject({
          status: 400,
          json: { error, error_description: expect.any(String) },
        });
        expect(answer.json?.error_description).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
      }
      const mismatch = await post("token", `${grant}&client_id=plain`, right);
      expect(mismatch).toMatchObject({ status: 401, json: { error: "invalid_client" } });
      const type = { client_assertion: "a.b.c", client_assertion_type: "saml2" };
      expect((await post("token", { grant_type: "client_credentials", ...type })).json?.error).toBe("invalid_client");
    });

    it("takes nothing from the URL, and no other method or media type", async () => {
      const url = `http://127.0.0.1:${app.app.httpPort}/oauth2/token`;
      const query = new URLSearchParams({
        grant_type: "client_credentials",
        client_id: "backend",
        client_secret: backend.clientSecret,
      });
      expect(await post(`token?${query}`, "")).toMatchObject({ status: 400, json: { error: "invalid_request" } });
      expect((await fetch(`${url}?${query}`)).status).toBe(405);
      expect((await fetch(url, { method: "PUT", body: "a=b" })).headers.get("allow")).toBe("POST");
      const json = { method: "POST", headers: asClient(backend), body: '{"grant_type":"client_credentials"}' };
      for (const type of ["application/json", "text/plain", "multipart/form-data; boundary=x"]) {
        const answer = await fetch(url, { ...json, headers: { ...json.headers, "content-type": type } });
        expect([answer.status, (await answer.json()).error], type).toEqual([415, "invalid_request"]);
      }
      const charset = { ...asClient(backend), "content-type": "application/x-www-form-urlencoded; charset=UTF-8" };
      expect((await post("token", { grant_type: "client_credentials" }, charset)).status).toBe(200);
      const zipped = { ...asClient(backend), "content-encoding": "gzip" };
      expect((await post("token", { grant_type: "client_credentials" }, zipped)).status).toBe(415);
    });

    it("reads at most 64 KiB", async () => {
      const padded = (bytes: number) => `grant_type=client_credentials&padding=${"x".repeat(bytes)}`;
      expect((await post("token", padded(64 * 1024 - 100), asClient(backend))).status).toBe(200);
      expect(await post("token", padded(64 * 1024), asClient(backend))).toMatchObject({
        status: 413,
        json: { error: "invalid_request" },
      });
    });
  });

  describe("refresh", () => {
    it("gives a public client the next tokens, once, and a second use ends the session", async () => {
      const { tokens } = await signIn(app, "ada@example.com");
      const refresh = (refreshToken: string, clientId = "default-web") =>
        post("token", { grant_type: "refresh_token", refresh_token: refreshToken, client_id: clientId });
      const next = await refresh(tokens.refreshToken);
      expect(next).toMatchObject({
        status: 200,
        json: { token_type: "Bearer", expires_in: 600, access_token: expect.any(String) },
      });
      const latest = await refresh(next.json?.refresh_token as string);
      app.clock.advance(60_000);
      expect(await refresh(tokens.refreshToken)).toMatchObject({ status: 400, json: { error: "invalid_grant" } });
      expect(await refresh(latest.json?.refresh_token as string)).toMatchObject({ json: { error: "invalid_grant" } });
    });

    it("of a confidential client's session needs that client's authentication", async () => {
      const { tokens } = await signIn({ messageOf: app.messageOf, auth: authWith(app, backend) }, "bob@example.com");
      const params = { grant_type: "refresh_token", refresh_token: tokens.refreshToken };
      for (const clientId of ["backend", "default-web"]) {
        expect((await post("token", { ...params, client_id: clientId })).status, clientId).toBeGreaterThanOrEqual(400);
      }
      expect(await post("token", params, asClient(plain))).toMatchObject({ json: { error: "invalid_grant" } });
      expect(await post("token", { ...params, client_id: "backend" })).toMatchObject({ json: { error: "invalid_client" } });
      const renewed = await post("token", params, asClient(backend));
      expect(renewed.status).toBe(200);
      // RPC and HTTP alike.
      const next = { refreshToken: renewed.json?.refresh_token as string };
      expect(await refused(app.auth.refreshToken(next))).toMatchObject({ reason: "SESSION_ENDED" });
      expect(await refused(app.authAs("backend").refreshToken(next))).toMatchObject({ reason: "CLIENT_INVALID" });
      expect((await authWith(app, backend).refreshToken(next)).tokens?.accessToken).toBeTruthy();
    });
  });

  describe("introspection", () => {
    const introspect = async (text: string, client = backend) => {
      const answer = await post("introspect", { token: text, token_type_hint: "access_token" }, asClient(client));
      expect(answer).toMatchObject({ status: 200 });
      expect(answer.headers.get("cache-control")).toBe("no-store");
      return answer.json;
    };

    it("tells what each kind of token of the own app means", async () => {
      const { tokens, user, sessionId } = await signIn(app, "carl@example.com");
      const seconds = Math.floor(app.clock() / 1000);
      const { issuer } = app.settings;
      const common = { active: true, client_id: "default-web", sub: user?.userId, iss: issuer, sid: sessionId };
      expect(await introspect(tokens.accessToken)).toEqual({
        ...common,
        token_type: "Bearer",
        aud: issuer,
        iat: seconds,
        exp: seconds + 600,
        jti: decodeJwt(tokens.accessToken).jti,
      });
      const exp = seconds + app.settings.policy.refreshIdleMs / 1000;
      expect(await introspect(tokens.refreshToken)).toEqual({ ...common, token_type: "refresh_token", iat: seconds, exp });
      const own = await token(plain);
      expect(await introspect(own)).toMatchObject({
        active: true,
        sub: "plain",
        client_id: "plain",
        scope: "otp:send otp:verify",
      });
      expect(await introspect(own)).not.toHaveProperty("sid");
    });

    it("answers exactly active:false for everything else", async () => {
      const { tokens } = await signIn(app, "dora@example.com");
      const foreignToken = await token(foreign);
      const garbage = ["garbage", "a.b.c", `lkc_${"A".repeat(43)}`, "lk1.k.x", "\u0000", "ü", "x".repeat(5000), tokens.idToken];
      for (const text of [...garbage, foreignToken])
        expect(await introspect(text), text.slice(0, 40)).toEqual({ active: false });
      for (const text of [tokens.accessToken, tokens.refreshToken, await token()]) {
        expect(await introspect(text, foreign), "of another app").toEqual({ active: false });
      }
    });

    it("sees a sign-out at once, and which refresh token is the newest", async () => {
      const { tokens } = await signIn(app, "emma@example.com");
      const { tokens: next } = await app.auth.refreshToken({ refreshToken: tokens.refreshToken });
      expect(await introspect(tokens.refreshToken)).toEqual({ active: false });
      expect(await introspect(next!.refreshToken)).toMatchObject({ active: true });
      expect(await introspect(tokens.accessToken)).toMatchObject({ active: true });
      await app.auth.revokeToken({ token: next!.refreshToken });
      for (const one of [tokens.accessToken, next!.accessToken, next!.refreshToken]) {
        expect(await introspect(one)).toEqual({ active: false });
      }
    });

    it("needs an authenticated client with the scope", async () => {
      const { tokens } = await signIn(app, "finn@example.com");
      const ask = (headers: Headers, params: Headers = {}) =>
        post("introspect", { token: tokens.accessToken, ...params }, headers);
      expect(await ask({})).toMatchObject({ status: 401, json: { error: "invalid_client" } });
      expect(await ask({}, { client_id: "default-web" })).toMatchObject({ status: 401, json: { error: "invalid_client" } });
      expect(await ask(asClient(plain))).toMatchObject({ status: 403, json: { error: "insufficient_scope" } });
      expect(await ask({ authorization: `Bearer ${tokens.accessToken}` })).toMatchObject({ status: 403 });
      expect(await ask({ authorization: `Bearer ${await token()}` })).toMatchObject({ status: 200, json: { active: true } });
      for (const authorization of ["Basic", "Basic ???", "Basic bm9jb2xvbg=="]) {
        const refused = await ask({ authorization });
        expect(refused).toMatchObject({ status: 401, json: { error: "invalid_client" } });
        expect(refused.headers.get("www-authenticate")).toMatch(/^Basic /);
      }
      const invalid = await ask({ authorization: "Bearer garbage" });
      expect(invalid).toMatchObject({ status: 401, json: { error: "invalid_token" } });
      expect(invalid.headers.get("www-authenticate")).toContain('error="invalid_token"');
      expect(await post("introspect", {}, asClient(backend))).toMatchObject({
        status: 400,
        json: { error: "invalid_request" },
      });
    });
  });

  describe("revocation", () => {
    it("ends the session of a refresh token and of an access token, and answers unknown tokens alike", async () => {
      for (const kind of ["refreshToken", "accessToken"] as const) {
        const { tokens } = await signIn(app, `${kind.toLowerCase()}@example.com`);
        const gone = await post("revoke", { token: tokens[kind], client_id: "default-web" });
        expect([gone.status, gone.json], kind).toEqual([200, null]);
        expect(await refused(app.auth.refreshToken({ refreshToken: tokens.refreshToken }))).toMatchObject({
          reason: "SESSION_ENDED",
        });
        for (const text of [tokens[kind], "garbage", "ü", "x".repeat(5000)]) {
          const again = await post("revoke", { token: text, client_id: "default-web" });
          expect([again.status, again.json]).toEqual([200, null]);
        }
      }
      expect(await post("revoke", {})).toMatchObject({ status: 400, json: { error: "invalid_request" } });
    });

    it("of a confidential client's refresh token needs that client's authentication", async () => {
      const { tokens, sessionId } = await signIn(
        { messageOf: app.messageOf, auth: authWith(app, backend) },
        "hugo@example.com",
      );
      const { accessToken, refreshToken } = tokens;
      expect((await post("revoke", { token: refreshToken, client_id: "default-web" })).status).toBe(200);
      expect((await post("revoke", { token: refreshToken }, asClient(plain))).status).toBe(200);
      const unproven = await post("revoke", { token: refreshToken, client_id: "backend" });
      expect(unproven).toMatchObject({ json: { error: "invalid_client" } });
      const user = { headers: { authorization: `Bearer ${accessToken}` } };
      expect((await app.auth.listSessions({}, user)).sessions.map((one) => one.sessionId)).toContain(sessionId);
      expect((await post("revoke", { token: refreshToken }, asClient(backend))).status).toBe(200);
      expect(await refused(app.auth.listSessions({}, user))).toMatchObject({ reason: "TOKEN_INVALID" });
    });

    it.each(["RevokeSession", "RevokeToken"])("by the user's own access token ends that session: %s", async (method) => {
      const { tokens, sessionId } = await signIn(
        { messageOf: app.messageOf, auth: authWith(app, backend) },
        `${method.toLowerCase()}@example.com`,
      );
      const user = { headers: { authorization: `Bearer ${tokens.accessToken}` } };
      if (method === "RevokeSession") await app.auth.revokeSession({ sessionId }, user);
      else await post("revoke", { token: tokens.accessToken, client_id: "default-web" });
      expect(await refused(app.auth.listSessions({}, user))).toMatchObject({ reason: "TOKEN_INVALID" });
    });

    it("does not pretend to end a client's own token", async () => {
      const own = await token();
      expect(await post("revoke", { token: own }, asClient(backend))).toMatchObject({
        status: 400,
        json: { error: "unsupported_token_type" },
      });
      expect(await post("revoke", { token: own }, asClient(plain))).toMatchObject({ status: 200, json: null });
    });
  });

  it("paths beside the endpoints do not exist", async () => {
    for (const path of ["", "token/", "tokens", "../oauth2", "%2e", "%ff", "token/%"]) {
      expect((await post(path, "a=b")).status, path).toBe(404);
    }
  });
});

function basic(clientId: string, secret: string): string {
  return `Basic ${Buffer.from(`${clientId}:${secret}`).toString("base64")}`;
}

it("the endpoints are at the root and below the path of the issuer, as the metadata says", async () => {
  const app = await startTestApp({ LATCHKEY_ISSUER: "http://localhost:8080/auth" });
  try {
    const { basic: authorization } = await addClient(app, { clientId: "backend", scopes: ["otp:send"] });
    const base = `http://127.0.0.1:${app.app.httpPort}`;
    const metadata = await (await fetch(`${base}/auth/.well-known/openid-configuration`)).json();
    expect(metadata.token_endpoint).toBe("http://localhost:8080/auth/oauth2/token");
    for (const path of ["/oauth2/token", new URL(metadata.token_endpoint).pathname]) {
      const answer = await postForm(`${base}${path}`, { grant_type: "client_credentials" }, { authorization });
      expect(answer, path).toMatchObject({ status: 200, json: { scope: "otp:send" } });
    }
  } finally {
    await app.stop();
  }
});
