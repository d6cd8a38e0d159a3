import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AuthService } from "../../../../src/gen/latchkey/v1/auth_service_pb.js";
import { ClientKind } from "../../../../src/gen/latchkey/v1/client_pb.js";
import { SessionKind } from "../../../../src/gen/latchkey/v1/session_pb.js";
import { connectClient } from "../../../support/clients.js";
import { testEngines } from "../../../support/engines.js";
import { bearer, email, failed, origin, phone, result, type Supabase, startSupabase, text } from "./supabase-fixtures.js";

/** A key of a project of Supabase: a JWT that Latchkey did not sign. */
const anonKey = `${["{}", '{"role":"anon"}'].map((part) => Buffer.from(part).toString("base64url")).join(".")}.c2lnbmF0dXJl`;
const otp = { email };

describe.each(testEngines())("Supabase's callers on $engine", ({ database }) => {
  let on: Supabase;
  beforeEach(async () => {
    on = await startSupabase(await database());
  });
  afterEach(() => on.stop());

  it.each(["default-web", anonKey, "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH", ""])(
    "apikey %s, also as bearer token, signs in and out",
    async (apikey) => {
      const headers = { apikey, authorization: `Bearer ${apikey}`, "x-client-info": "supabase-js-node/2.109.0" };
      expect(await on.otp(otp, headers)).toEqual({ status: 200, body: {} });
      const { status, body } = await on.verify({ type: "email", email, token: await on.codeTo(email) }, headers);
      expect(status).toBe(200);
      const signedIn = { apikey, ...bearer(body as never) };
      expect((await on.call("GET", "/user", undefined, signedIn)).body).toMatchObject({ email });
      expect(result(await on.call("GET", "/user", undefined, headers))).toEqual(failed(403, "bad_jwt"));
      expect((await on.call("POST", "/logout", undefined, signedIn)).status).toBe(204);
    },
  );

  it("apikey of an unknown, a confidential or another client reaches nothing", async () => {
    await on.apps.createApp({ appId: "shop", displayName: "Shop" });
    await on.apps.createClient({ appId: "shop", clientId: "shop-web", kind: ClientKind.PUBLIC });
    const session = await on.signIn();
    for (const apikey of ["nobody", "shop-web", "default-admin"]) {
      const headers = { apikey };
      const refused = failed(401, "client_unknown");
      expect(await on.otp({ phone }, headers), apikey).toEqual(refused);
      expect(await on.verify({ type: "sms", phone, token: "123456" }, headers), apikey).toEqual(refused);
      const { refresh_token } = session;
      expect(result(await on.call("POST", "/token?grant_type=refresh_token", { refresh_token }, headers))).toEqual(refused);
      expect(result(await on.call("GET", "/user", undefined, { ...headers, ...bearer(session) }))).toEqual(refused);
      expect(result(await on.call("GET", "/settings", undefined, headers))).toEqual(refused);
    }
    expect(await on.inbox()).toEqual([email]);
    expect((await on.call("GET", "/user", undefined, bearer(session))).status).toBe(200);
  });

  it("a session credential that a backend got reads and changes its user", async () => {
    const { client, clientSecret } = await on.apps.createClient({
      appId: "default",
      clientId: "pages",
      kind: ClientKind.CONFIDENTIAL,
      scopes: ["otp:send", "otp:verify"],
      dialects: ["supabase"],
    });
    const authorization = `Basic ${Buffer.from(`${client!.clientId}:${clientSecret}`).toString("base64")}`;
    const auth = connectClient(AuthService, on.app, { authorization });
    const identifier = { case: "email", value: email } as const;
    const { challenge } = await auth.sendOtp({ identifier, createUserIfMissing: true });
    const code = await on.codeTo(email);
    const { sessionCredential } = await auth.verifyOtp({
      challengeId: challenge!.challengeId,
      code,
      session: SessionKind.CREDENTIAL,
    });
    const headers = { authorization: `Bearer ${sessionCredential}` };
    const { body } = await on.call("GET", "/user", undefined, headers);
    expect(body).toMatchObject({ email });
    expect(body).not.toHaveProperty("last_sign_in_at");
    expect((await on.call("PUT", "/user", { data: { plan: "free" } }, headers)).body).toMatchObject({
      user_metadata: { plan: "free" },
    });
  });

  it("of several clients the apikey, the host or the origin decides, and a code of one is none of the other", async () => {
    await on.apps.createApp({ appId: "shop", displayName: "Shop" });
    const page = "https://shop.example.com";
    await on.apps.createClient({
      appId: "shop",
      clientId: "shop-web",
      kind: ClientKind.PUBLIC,
      dialects: ["supabase"],
      allowedOrigins: [page],
      verifyByIdentifier: true,
    });
    expect(await on.otp(otp)).toEqual(failed(404, "no_speaker"));
    expect(await on.otp(otp, { apikey: "shop-web" })).toEqual({ status: 200, body: {} });
    const body = { type: "email", email, token: await on.codeTo(email) };
    expect(await on.verify(body, { apikey: "default-web" })).toEqual(failed(403, "otp_expired"));
    expect((await on.verify(body, { origin: page })).status).toBe(200);
  });

  it("pages of allowed origins may send what Supabase's clients send and read its headers; others may not call", async () => {
    const preflight = await on.call("OPTIONS", "/user", undefined, {
      origin,
      "access-control-request-method": "PUT",
      "access-control-request-headers": "apikey,authorization,content-type,x-client-info,x-supabase-api-version",
    });
    const list = (name: string) => (preflight.headers.get(name) ?? "").toLowerCase().split(", ");
    expect(list("access-control-allow-headers")).toEqual(
      expect.arrayContaining(["apikey", "authorization", "content-type", "x-client-info", "x-supabase-api-version"]),
    );
    expect(list("access-control-allow-methods")).toEqual(expect.arrayContaining(["get", "post", "put"]));
    expect(list("access-control-expose-headers")).toEqual(
      expect.arrayContaining(["x-supabase-api-version", "x-sb-error-code"]),
    );
    expect(await on.otp(otp, { origin })).toEqual({ status: 200, body: {} });
    expect(await on.otp({ phone }, { origin: "https://evil.example" })).toEqual(failed(403, "origin_not_allowed"));
    await on.messages(email);
    expect(await on.inbox()).toEqual([email]);
  });

  it("a client that may not verify by identifier learns it", async () => {
    await on.apps.updateClient({
      clientId: "default-web",
      verifyByIdentifier: false,
      updateMask: { paths: ["verify_by_identifier"] },
    });
    expect((await on.otp(otp)).status).toBe(200);
    const verified = await on.verify({ type: "email", email, token: await on.codeTo(email) });
    expect(verified).toEqual(failed(400, "validation_failed", expect.stringContaining("this client")));
  });

  it("settings, health and keys are those of the app and the server", async () => {
    const settings = async () => result(await on.call("GET", "/settings"));
    const body = {
      external: { anonymous_users: false, email: true, phone: true },
      disable_signup: false,
      mailer_autoconfirm: false,
      phone_autoconfirm: false,
      sms_provider: "",
      mfa_enabled: false,
      saml_enabled: false,
    };
    expect(await settings()).toEqual({ status: 200, body });
    await on.apps.updatePolicy({
      appId: "default",
      policy: { autoRegistration: false },
      updateMask: { paths: ["auto_registration"] },
    });
    expect(await settings()).toEqual({ status: 200, body: { ...body, disable_signup: true } });
    const health = { version: text, name: "GoTrue", description: text };
    expect(result(await on.call("GET", "/health"))).toEqual({ status: 200, body: health });
    expect((await on.call("GET", "/.well-known/jwks.json")).body).toEqual({
      keys: expect.arrayContaining([expect.anything()]),
    });
  });

  it.each([
    ["POST", "/signup", { email, password: "secret" }, 400, "signup_disabled"],
    ["POST", "/token?grant_type=password", { email, password: "secret" }, 400, "provider_disabled"],
    ["POST", "/token?grant_type=pkce", { auth_code: "a", code_verifier: "b" }, 400, "provider_disabled"],
    ["GET", "/authorize?provider=github", undefined, 400, "provider_disabled"],
    ["POST", "/recover", { email }, 400, "validation_failed"],
    ["GET", "/verify?token=a&type=magiclink", undefined, 400, "validation_failed"],
    ["GET", "/admin/users", undefined, 400, "validation_failed"],
    ["POST", "/nothing", {}, 404, "no_path"],
  ])("%s %s is refused with a sentence", async (method, path, body, status, code) => {
    expect(result(await on.call(method, path, body))).toEqual(failed(status, code, expect.stringMatching(/^[A-Z].*\.$/)));
    expect(await on.inbox()).toEqual([]);
  });

  it.each([
    ["no body", "/otp", ""],
    ["half a body", "/otp", "{"],
    ["null", "/otp", "null"],
    ["a list", "/otp", "[]"],
    ["a number as address", "/otp", '{"email":1}'],
    ["a list as data", "/otp", '{"email":"ada@example.com","data":[]}'],
    ["a text as flag", "/otp", '{"email":"ada@example.com","create_user":"yes"}'],
    ["a prototype", "/otp", '{"email":"ada@example.com","__proto__":{"x":1}}'],
    ["a prototype in the data", "/otp", '{"email":"ada@example.com","data":{"__proto__":{"x":1}}}'],
    ["a lone surrogate", "/otp", '{"email":"ada@example.com","data":{"a":"\\ud800"}}'],
    ["20,000 levels", "/otp", `{"email":"ada@example.com","data":{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}}`],
    ["a number as code", "/verify", '{"type":"email","email":"ada@example.com","token":123456}'],
    ["a list as type", "/verify", '{"type":["email"],"email":"ada@example.com","token":"123456"}'],
    ["an object as address", "/resend", '{"type":"signup","email":{}}'],
    ["an object as token", "/token?grant_type=refresh_token", '{"refresh_token":{}}'],
    ["two grants", "/token?grant_type=refresh_token&grant_type=password", '{"refresh_token":"a"}'],
    ["two scopes", "/logout?scope=local&scope=global", "{}"],
  ])("a request with %s is refused in Supabase's shape", async (_, path, body) => {
    const answer = await on.call("POST", path, body);
    expect(result(answer)).toEqual(failed(400, expect.stringMatching(/^(bad_json|validation_failed)$/) as never));
    expect(await on.inbox()).toEqual([]);
  });

  it("its description is served as OpenAPI, with each path", async () => {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/openapi/supabase.json`);
    const { paths } = (await response.json()) as { paths: object };
    const served = ["otp", "verify", "resend", "token", "user", "logout", "settings", "health", ".well-known/jwks.json"];
    expect(Object.keys(paths).sort()).toEqual(served.map((path) => `/auth/v1/${path}`).sort());
  });

  it("bodies that are too large or no JSON have the status of their fault", async () => {
    expect(await on.otp({ email, data: { text: "x".repeat(70_000) } })).toEqual(failed(413, "bad_json"));
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect(result(await on.call("POST", "/otp", "email=ada%40example.com", form))).toEqual(failed(415, "bad_json"));
    expect(await on.inbox()).toEqual([]);
  });
});
