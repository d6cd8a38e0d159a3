import { generateKeyPairSync } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppService, PolicySource } from "../../src/client/gen.js";
import { newClientSecret } from "../../src/crypto/client-secret.js";
import { policyFields, policyKeys } from "../../src/model/policy-fields.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { testEngines } from "../support/engines.js";

const credentials = (clientId: string) => ({ clientId, clientSecret: newClientSecret().secret });
const admin = credentials("default-admin");
const backend = credentials("default-backend");
const basic = ({ clientId, clientSecret }: typeof admin) =>
  `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`;

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes
  readonly body: any;
}

describe.each(testEngines())("AppService on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp({ ...(await database()), LATCHKEY_CODE_TTL: "240s" }, { developmentClients: [admin, backend] });
  });
  afterEach(() => on.stop());

  /** Calls a method over Connect with JSON, by default as the administrator. */
  async function call(method: string, request: object, headers: Record<string, string> = { authorization: basic(admin) }) {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/latchkey.v1.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-protocol-version": "1", ...headers },
      body: JSON.stringify(request),
    });
    return { status: response.status, body: await response.json() } as Answer;
  }
  /** Returns what a client with the scope to introspect learns of a token. JSON leaves out `active` if it is false. */
  async function introspect(token: string) {
    const checker = { appId: "default", kind: "CLIENT_KIND_CONFIDENTIAL", scopes: ["tokens:introspect"] };
    const { client, clientSecret } = (await call("AppService/CreateClient", checker)).body;
    const authorization = basic({ clientId: client.clientId, clientSecret });
    const { body } = await call("TokenService/IntrospectToken", { token }, { authorization });
    return body;
  }
  const reasonOf = ({ body }: Answer): string => body.details[0].debug.reason;
  let sends = 0;
  /** The length of the codes that a client has sent, each to another address. */
  async function lengthFor(clientId: string): Promise<number> {
    sends += 1;
    const { challenge } = await on.authAs(clientId).sendOtp({ identifier: { case: "email", value: `a${sends}@example.com` } });
    return challenge!.codeLength;
  }

  it("the examples of the docs work as written, and each change acts before its answer", async () => {
    const app = await call("AppService/CreateApp", { appId: "shop", displayName: "Shop" });
    expect(app).toMatchObject({
      status: 200,
      body: { app: { appId: "shop", displayName: "Shop", poolId: "main", number: 2, state: "APP_STATE_ACTIVE" } },
    });
    const web = await call("AppService/CreateClient", { appId: "shop", clientId: "shop-web", kind: "CLIENT_KIND_PUBLIC" });
    expect(web).toMatchObject({ status: 200, body: { client: { clientId: "shop-web", kind: "CLIENT_KIND_PUBLIC" } } });
    expect(web.body).not.toHaveProperty("clientSecret");
    expect(await lengthFor("shop-web")).toBe(6);
    const confidential = await call("AppService/CreateClient", {
      appId: "shop",
      clientId: "shop-backend",
      kind: "CLIENT_KIND_CONFIDENTIAL",
      scopes: ["otp:send"],
    });
    expect(confidential.body.clientSecret).toMatch(/^lk_[A-Za-z0-9_-]{43}$/);
    const policy = await call("AppService/UpdatePolicy", {
      appId: "shop",
      policy: { codeLength: 8, codeTtl: "120s", autoRegistration: true },
      updateMask: "codeLength,codeTtl,autoRegistration",
    });
    expect(policy).toEqual({ status: 200, body: { policy: { codeLength: 8, codeTtl: "120s", autoRegistration: true } } });
    expect(await lengthFor("shop-web")).toBe(8);
    const authorization = basic({ clientId: "shop-backend", clientSecret: confidential.body.clientSecret });
    const sent = await call("AuthService/SendOtp", { email: "ada@example.com" }, { authorization });
    expect(sent).toMatchObject({ status: 200, body: { challenge: { codeLength: 8 } } });
  });

  it("the mask of a change of policy may name every value", async () => {
    const updateMask = policyKeys
      .map((key) => policyFields[key].name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()))
      .join(",");
    const policy = { smsCountries: { codes: ["DE"] } };
    const changed = await call("AppService/UpdatePolicy", { appId: "default", policy, updateMask });
    expect(changed).toEqual({ status: 200, body: { policy } });
    const taken = await call("AppService/UpdatePolicy", { appId: "default", updateMask });
    expect(taken).toEqual({ status: 200, body: { policy: {} } });
  });

  it("an app has a list of roles, which UpdateApp replaces, and an organization that stays", async () => {
    const { body } = await call("AppService/CreateApp", { appId: "shop", roles: ["admin", "editor"] });
    const { ownerOrganization } = body.app;
    expect(body.app.roles).toEqual(["admin", "editor"]);
    expect(ownerOrganization).toMatch(/^[0-9a-f-]{36}$/);
    const changed = await call("AppService/UpdateApp", { appId: "shop", roles: ["reader"], updateMask: "roles" });
    expect(changed.body.app).toMatchObject({ roles: ["reader"], ownerOrganization });
    const kept = await call("AppService/UpdateApp", {
      appId: "shop",
      displayName: "Shop",
      roles: ["x"],
      updateMask: "displayName",
    });
    expect(kept.body.app.roles).toEqual(["reader"]);
    for (const roles of [["a b"], ["a", "a"], ["x".repeat(33)], Array.from({ length: 65 }, (_, index) => `role-${index}`)]) {
      expect(reasonOf(await call("AppService/UpdateApp", { appId: "shop", roles, updateMask: "roles" }))).toBe(
        "REQUEST_INVALID",
      );
    }
    expect((await call("AppService/GetApp", { appId: "shop" })).body.app.roles).toEqual(["reader"]);
  });

  it("the effective policy says where each value comes from", async () => {
    await call("AppService/UpdatePolicy", { appId: "default", policy: { codeLength: 8 }, updateMask: "codeLength" });
    const { body } = await call("AppService/GetEffectivePolicy", { appId: "default" });
    expect(body.policy).toMatchObject({ codeLength: 8, codeTtl: "240s", sessionsMax: 50, refreshIdle: "604800s" });
    expect(body.origins.slice(0, 3)).toEqual([
      { field: "code_length", source: "POLICY_SOURCE_APP" },
      { field: "code_ttl", source: "POLICY_SOURCE_SETTING", setting: "LATCHKEY_CODE_TTL" },
      { field: "attempts_max", source: "POLICY_SOURCE_DEFAULT" },
    ]);
  });

  it("only a confidential client with apps:admin may call, and a refused call changes nothing", async () => {
    const request = { appId: "shop" };
    const { challenge } = await on.auth.sendOtp({
      identifier: { case: "email", value: "ada@example.com" },
      createUserIfMissing: true,
    });
    const { challengeId, code } = await on.messageOf(challenge);
    const { tokens } = await on.auth.verifyOtp({ challengeId, code });
    const callers = {
      nobody: {},
      public: { "x-latchkey-client": "default-web" },
      wrong: { authorization: basic({ ...admin, clientSecret: backend.clientSecret }) },
      user: { authorization: `Bearer ${tokens!.accessToken}` },
      backend: { authorization: basic(backend) },
    };
    const reasons: Record<string, string> = {};
    for (const [name, headers] of Object.entries(callers)) {
      reasons[name] = reasonOf(await call("AppService/CreateApp", request, headers as Record<string, string>));
    }
    expect(reasons).toEqual({
      nobody: "CLIENT_INVALID",
      public: "CLIENT_INVALID",
      wrong: "CLIENT_INVALID",
      user: "SCOPE_MISSING",
      backend: "SCOPE_MISSING",
    });
    expect((await call("AppService/ListApps", {})).body.apps).toHaveLength(1);
  });

  it("names the fields of an invalid request, from the hard bounds and from rules between values", async () => {
    const fields = ({ body }: Answer): string[] =>
      body.details[1].debug.fieldViolations.map(({ field }: { field: string }) => field);
    const policy = { appId: "default", updateMask: "codeLength,codeTtl" };
    const beyond = await call("AppService/UpdatePolicy", { ...policy, policy: { codeLength: 5, codeTtl: "601s" } });
    expect([reasonOf(beyond), fields(beyond)]).toEqual(["REQUEST_INVALID", ["policy.code_length", "policy.code_ttl"]]);
    const joint = { appId: "default", policy: { refreshIdle: "2678400s" }, updateMask: "refreshIdle" };
    expect(fields(await call("AppService/UpdatePolicy", joint))).toEqual(["policy.refresh_idle"]);
    expect(fields(await call("AppService/UpdatePolicy", { appId: "default", updateMask: "roles" }))).toEqual(["update_mask"]);
    const escalation = { clientId: "default-backend", scopes: ["apps:admin"], updateMask: "scopes" };
    expect(fields(await call("AppService/UpdateClient", escalation))).toEqual(["scopes"]);
    const twice = { appId: "default", clientId: "web", kind: "CLIENT_KIND_PUBLIC", hosts: ["a.b", "a.b"] };
    expect(fields(await call("AppService/CreateClient", twice))).toEqual(["hosts"]);
    expect((await call("AppService/GetEffectivePolicy", { appId: "default" })).body.policy.codeLength).toBe(6);
  });

  it("a secret works at once, ends at once where the rotation says so, and is in no log line", async () => {
    const client = { clientId: "default-backend" };
    const rotated = await call("AppService/RotateClientSecret", { ...client, oldSecretsExpireIn: "0s" });
    const { clientSecret, clientSecretId } = rotated.body;
    const send = (secret: string) =>
      call("AuthService/SendOtp", { email: "ada@example.com" }, { authorization: basic({ ...client, clientSecret: secret }) });
    expect((await send(clientSecret)).status).toBe(200);
    expect(reasonOf(await send(backend.clientSecret))).toBe("CLIENT_INVALID");
    await call("AppService/RevokeClientSecret", { ...client, secretId: clientSecretId });
    expect(reasonOf(await send(clientSecret))).toBe("CLIENT_INVALID");
    expect(JSON.stringify(on.log.lines)).not.toContain(clientSecret);
    expect(on.log.lines.map(({ message }) => message)).toEqual(
      expect.arrayContaining(["made a client secret", "revoked a client secret"]),
    );
  });

  it("a registration hook is shown with its app, its secret only when it is put, and a URL that is refused is named", async () => {
    const url = "https://192.0.2.1/?token=hunter2";
    const refused = await call("AppService/PutRegistrationHook", { appId: "default", url });
    expect([reasonOf(refused), refused.body.details[1].debug.fieldViolations[0].field]).toEqual(["REQUEST_INVALID", "url"]);
    expect((await call("AppService/GetApp", { appId: "default" })).body.app).not.toHaveProperty("registrationHook");
    const put = await call("AppService/PutRegistrationHook", { appId: "default", url: "http://localhost:3000/" });
    const registrationHook = { url: "http://localhost:3000/", onFailure: "HOOK_FAILURE_REFUSE" };
    const secret = expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(put.body).toEqual({ app: expect.objectContaining({ registrationHook }), secret });
    const shown = await call("AppService/GetApp", { appId: "default" });
    expect(shown.body).toEqual({ app: put.body.app });
    const deleted = await call("AppService/DeleteRegistrationHook", { appId: "default" });
    expect(deleted.body.app).not.toHaveProperty("registrationHook");
    const log = JSON.stringify(on.log.lines);
    for (const hidden of ["hunter2", put.body.secret]) expect(log).not.toContain(hidden);
  });

  it("ten keys of 4096 bits fit into a request, and come back as they were given", async () => {
    const { n, e } = generateKeyPairSync("rsa", { modulusLength: 4096 }).publicKey.export({ format: "jwk" });
    const keys = Array.from({ length: 10 }, (_, index) => ({ kty: "RSA", n, e, kid: `k${index}`, alg: "PS256" }));
    const request = { appId: "default", clientId: "signer", kind: "CLIENT_KIND_CONFIDENTIAL", jwks: { keys } };
    const { status, body } = await call("AppService/CreateClient", request);
    expect([status, body.client.jwks, body.clientSecret]).toEqual([200, { keys }, undefined]);
    expect((await call("AppService/GetClient", { clientId: "signer" })).body.client.jwks).toEqual({ keys });
  });

  it("the same fields work over gRPC", async () => {
    const transport = createGrpcTransport({
      baseUrl: `http://127.0.0.1:${on.app.grpcPort}`,
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", basic(admin));
          return next(request);
        },
      ],
    });
    const apps = createClient(AppService, transport);
    await apps.createApp({ appId: "shop" });
    const policy = { codeTtl: { seconds: 120n }, channels: { channels: [1] } };
    await apps.updatePolicy({ appId: "shop", policy, updateMask: { paths: ["code_ttl", "channels"] } });
    const { policy: effective, origins } = await apps.getEffectivePolicy({ appId: "shop" });
    expect(effective).toMatchObject({ codeTtl: { seconds: 120n }, channels: { channels: [1] } });
    expect(origins.filter(({ source }) => source === PolicySource.APP).map(({ field }) => field)).toEqual([
      "code_ttl",
      "channels",
    ]);
    expect(await apps.deleteApp({ appId: "shop" })).toMatchObject({ archived: false });
    expect((await apps.listApps({})).apps.map(({ appId }) => appId)).toEqual(["default"]);
  });

  it("a deleted client's sessions and tokens do not work again when another client gets its id", async () => {
    const identifier = { case: "email", value: "ada@example.com" } as const;
    await call("AppService/CreateClient", { appId: "default", clientId: "gone-web", kind: "CLIENT_KIND_PUBLIC" });
    const { challenge } = await on.authAs("gone-web").sendOtp({ identifier, createUserIfMissing: true });
    const { code } = await on.messageOf(challenge!);
    const { tokens } = await on.authAs("gone-web").verifyOtp({ challengeId: challenge!.challengeId, code });
    const made = { appId: "default", clientId: "gone-backend", kind: "CLIENT_KIND_CONFIDENTIAL", scopes: ["otp:send"] };
    const { clientSecret } = (await call("AppService/CreateClient", made)).body;
    const issued = await call("TokenService/IssueClientToken", { clientId: "gone-backend", clientSecret }, {});
    const asClient = { authorization: `Bearer ${issued.body.accessToken}` };
    expect((await call("AuthService/SendOtp", { email: "grace@example.com" }, asClient)).status).toBe(200);

    expect((await call("AppService/DeleteClient", { clientId: "gone-web" })).body).toEqual({ sessionsEnded: 1 });
    expect((await call("AppService/DeleteClient", { clientId: "gone-backend" })).body).toEqual({});
    on.clock.advance(60_000);
    await call("AppService/CreateClient", { appId: "default", clientId: "gone-web", kind: "CLIENT_KIND_PUBLIC" });
    await call("AppService/CreateClient", made);
    const asUser = { authorization: `Bearer ${tokens!.accessToken}` };
    expect(reasonOf(await call("AuthService/GetCurrentUser", {}, asUser))).toBe("TOKEN_INVALID");
    const refresh = await call(
      "AuthService/RefreshToken",
      { refreshToken: tokens!.refreshToken },
      { "x-latchkey-client": "gone-web" },
    );
    expect(reasonOf(refresh)).toBe("SESSION_ENDED");
    expect(reasonOf(await call("AuthService/SendOtp", { email: "eve@example.com" }, asClient))).toBe("TOKEN_INVALID");
    expect(await introspect(issued.body.accessToken)).toEqual({});
  });

  it("a deleted client's token does not work as that of an older client that gets its id as an alias", async () => {
    const gone = await call("AppService/CreateClient", {
      appId: "default",
      clientId: "gone-backend",
      kind: "CLIENT_KIND_CONFIDENTIAL",
      scopes: ["otp:send"],
    });
    const { clientSecret } = gone.body;
    const { accessToken } = (await call("TokenService/IssueClientToken", { clientId: "gone-backend", clientSecret }, {})).body;
    expect(await introspect(accessToken)).toMatchObject({ active: true, scope: "otp:send" });
    await call("AppService/DeleteClient", { clientId: "gone-backend" });
    const alias = { clientId: "default-backend", aliases: ["gone-backend"], updateMask: "aliases" };
    expect((await call("AppService/UpdateClient", alias)).status).toBe(200);
    const asClient = { authorization: `Bearer ${accessToken}` };
    expect(reasonOf(await call("AuthService/SendOtp", { email: "eve@example.com" }, asClient))).toBe("TOKEN_INVALID");
    expect(await introspect(accessToken)).toEqual({});
  });

  it("a deleted app with sessions is archived, and its clients are refused from then on", async () => {
    await call("AppService/CreateApp", { appId: "shop" });
    await call("AppService/CreateClient", { appId: "shop", clientId: "shop-web", kind: "CLIENT_KIND_PUBLIC" });
    const auth = on.authAs("shop-web");
    const { challenge } = await auth.sendOtp({
      identifier: { case: "email", value: "ada@example.com" },
      createUserIfMissing: true,
    });
    const { challengeId, code } = await on.messageOf(challenge);
    await auth.verifyOtp({ challengeId, code });
    expect((await call("AppService/DeleteApp", { appId: "shop" })).body).toEqual({ archived: true });
    const refused = await call("AuthService/SendOtp", { email: "ada@example.com" }, { "x-latchkey-client": "shop-web" });
    expect(reasonOf(refused)).toBe("CLIENT_UNKNOWN");
    await call("AppService/UpdateApp", { appId: "shop", state: "APP_STATE_ACTIVE", updateMask: "state" });
    const again = await call("AuthService/SendOtp", { email: "eve@example.com" }, { "x-latchkey-client": "shop-web" });
    expect(again.status).toBe(200);
  });
});
