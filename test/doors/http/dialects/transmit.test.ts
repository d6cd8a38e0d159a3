import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { runInNewContext } from "node:vm";
import { createLocalJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import { AppService } from "../../../../src/gen/latchkey/v1/app_service_pb.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import { startTestApp, type TestApp } from "../../../support/app.js";
import { addBackend } from "../../../support/backends.js";
import { wrongCode } from "../../../support/calls.js";
import { connectClient } from "../../../support/clients.js";
import { testEngines } from "../../../support/engines.js";
import { authenticateScript, sendScript } from "./transmit-scripts.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
const asAdmin = { authorization: `Basic ${Buffer.from(`${admin.clientId}:${admin.clientSecret}`).toString("base64")}` };
const [phone, stranger] = ["+12345678901", "+12345678902"];
const text = expect.stringMatching(/./);
const tokens = {
  access_token: text,
  id_token: text,
  refresh_token: text,
  token_type: "Bearer",
  expires_in: 3600,
  session_id: text,
};
const [byPhone, byStranger] = [phone, stranger].map((identifier) => ({ identifier_type: "phone_number", identifier }));
const minute = 60_000;

type Body = Readonly<Record<string, never>>;
interface Answer {
  readonly status: number;
  readonly body: Body;
}

const coded = (status: number, error_code: string) => ({ status, body: { error_code, message: text } });
const numbered = (status: number, message: unknown = text) => ({ status, body: { message, error_code: status } });

describe.each(testEngines())("Transmit's paths on $engine", ({ database }) => {
  let on: TestApp;
  let token: string;
  beforeEach(async () => {
    on = await startTestApp(await database(), { developmentClients: [admin, backend] });
    token = await clientToken(backend);
  });
  afterEach(() => on.stop());

  const at = (path: string) => `http://127.0.0.1:${on.app.httpPort}${path}`;
  const apps = () => connectClient(AppService, on.app, asAdmin);

  async function read(response: Response): Promise<Answer> {
    const answer = await response.text();
    return { status: response.status, body: answer === "" ? null : JSON.parse(answer) };
  }

  async function call(method: string, path: string, body?: unknown, bearer = token): Promise<Answer> {
    const headers = {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(bearer !== "" && { authorization: `Bearer ${bearer}` }),
    };
    const sent = typeof body === "string" ? body : JSON.stringify(body);
    return await read(await fetch(at(path), { method, headers, ...(body !== undefined && { body: sent }) }));
  }

  const askToken = async (form: Readonly<Record<string, string>>) =>
    await read(await fetch(at("/oidc/token"), { method: "POST", body: new URLSearchParams(form) }));

  async function clientToken({ clientId, clientSecret }: typeof backend): Promise<string> {
    const form = { grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret };
    const { status, body } = await askToken(form);
    expect({ status, body }).toEqual({ status: 200, body: { access_token: text, token_type: "Bearer", expires_in: 900 } });
    return body.access_token!;
  }

  const createUser = (body: unknown = { phone_number: phone }) => call("POST", "/cis/v1/users", body);
  const send = (more: object = {}) => call("POST", "/cis/v1/auth/otp/send", { channel: "sms", ...byPhone, ...more });
  const authenticate = (passcode: string, more: object = {}) =>
    call("POST", "/cis/v1/auth/otp/authenticate", { passcode, ...byPhone, ...more });
  const codeOf = async (to = phone, count = 1) => (await on.messages(to, count))[0]!.code;

  async function signIn(): Promise<Record<keyof typeof tokens, string>> {
    expect(await send()).toEqual({ status: 200, body: { message: "OTP sent" } });
    const { status, body } = await authenticate(await codeOf(phone));
    expect({ status, body }).toEqual({ status: 200, body: tokens });
    return body as unknown as Record<keyof typeof tokens, string>;
  }

  describe("the seed", () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "latchkey-transmit-"));
      const fetcher = join(folder, "node_modules/node-fetch");
      await mkdir(fetcher, { recursive: true });
      // Node's own fetch under the name that the scripts import.
      await writeFile(join(fetcher, "package.json"), '{"name":"node-fetch","type":"module","main":"index.js"}');
      await writeFile(join(fetcher, "index.js"), "export default globalThis.fetch;");
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    /** Runs a script with host, client token, phone number and code filled in, and returns the object that it prints. */
    async function run(script: string, code = ""): Promise<unknown> {
      const file = join(folder, "script.mjs");
      const filled = script
        .replace("https://api.transmitsecurity.io", at(""))
        .replace("[ACCESS_TOKEN]", token)
        .replace("[PHONE_NUMBER]", phone)
        .replace("[OTP]", code);
      await writeFile(file, filled);
      const { stdout } = await promisify(execFile)(process.execPath, [file]);
      return runInNewContext(`(${stdout})`);
    }

    it("steps 1 to 3: a user is created, and the two scripts send a code and get tokens for it", async () => {
      const { status, body } = await createUser();
      expect({ status, body }).toEqual({
        status: 201,
        body: {
          result: {
            user_id: text,
            phone_number: { value: phone, phone_number_verified: false },
            secondary_emails: [],
            secondary_phone_numbers: [],
            status: "Active",
            created_at: on.clock(),
            updated_at: on.clock(),
          },
        },
      });
      expect(await run(sendScript)).toEqual({ message: "OTP sent" });
      const given = (await run(authenticateScript, await codeOf())) as typeof tokens;
      expect(given).toEqual(tokens);

      const keys = (await call("GET", "/cis/oidc/jwks", undefined, "")).body as never;
      const { payload } = await jwtVerify(given.access_token, createLocalJWKSet(keys), { currentDate: new Date(on.clock()) });
      const { user_id } = body.result as unknown as { user_id: string };
      expect(payload).toMatchObject({ sub: user_id, client_id: backend.clientId });
      const { body: found } = await call("GET", `/cis/v1/users/${user_id}`);
      expect(found.result).toMatchObject({ phone_number: { value: phone, phone_number_verified: true, verified_at: text } });
    });

    it("customization: custom_message and sender_id, beside the other fields or in custom_sms_input", async () => {
      // Sweden takes names as senders.
      const identifier = "+46701234503";
      await createUser({ phone_number: identifier });
      await apps().updateWording({
        appId: "default",
        wording: { senderIds: ["Acme"] },
        updateMask: { paths: ["sender_ids"] },
      });
      const words = { custom_message: "{otp} opens {app}. Welcome.", sender_id: "Acme" };
      const codes = new Set<string>();
      for (const [count, more] of [words, { custom_sms_input: words }].entries()) {
        on.clock.advance(minute);
        expect(await send({ identifier, ...more })).toEqual({ status: 200, body: { message: "OTP sent" } });
        const [message] = await on.messages(identifier, count + 1);
        codes.add(message!.code);
        expect(message).toMatchObject({ text: expect.stringMatching(/^\d{6} opens .+\. Welcome\./), from: "Acme" });
      }
      expect(codes.size, "a live code is sent again with the same words").toBe(1);
      on.clock.advance(2 * minute);
      expect((await send({ identifier, custom_message: "{app}: {otp}" })).status).toBe(200);
      expect(codes).not.toContain(await codeOf(identifier, 3));
      const tooLong = { custom_message: `{otp} opens {app}. ${"x".repeat(130)}` };
      for (const more of [
        tooLong,
        { custom_sms_input: tooLong },
        { custom_message: "no placeholders" },
        { sender_id: "Other" },
      ])
        expect(await send(more), JSON.stringify(more)).toEqual(coded(400, "system_invalid_input"));
    });

    it("OTP settings: expiry, lockout and length are those of the app", async () => {
      await createUser();
      await apps().updatePolicy({
        appId: "default",
        policy: { codeTtl: { seconds: 120n }, codeLength: 8, lockoutFailures: 5, lockoutDuration: { seconds: 1200n } },
        updateMask: { paths: ["code_ttl", "code_length", "lockout_failures", "lockout_duration"] },
      });
      await send();
      const code = await codeOf();
      expect(code).toMatch(/^\d{8}$/);
      on.clock.advance(2 * minute);
      expect(await authenticate(code)).toEqual(coded(400, "auth_otp_passcode_expired"));
      await send();
      const next = await codeOf(phone, 2);
      for (let n = 0; n < 5; n += 1) await authenticate(wrongCode(next, n));
      expect(await authenticate(next)).toEqual(coded(403, "auth_locked"));
    });
  });

  it("access tokens live for an hour by default, and as long as the app says if it says so", async () => {
    await createUser();
    await signIn();
    await apps().updatePolicy({
      appId: "default",
      policy: { accessTokenTtl: { seconds: 300n } },
      updateMask: { paths: ["access_token_ttl"] },
    });
    on.clock.advance(minute);
    await send();
    expect((await authenticate(await codeOf(phone, 2))).body).toMatchObject({ expires_in: 300 });
  });

  it("tokens are refreshed, sessions listed and ended, and ended ones give none", async () => {
    await createUser();
    const { session_id, refresh_token, access_token } = await signIn();
    const { id_token: _, ...refreshedTokens } = tokens;
    const refreshed = await call("POST", "/cis/v1/auth/token/refresh", { refresh_token });
    expect(refreshed).toEqual({ status: 200, body: { ...refreshedTokens, session_id } });

    const { body } = await call("GET", `/cis/v1/users/phone-number/${phone}`);
    const { user_id } = body.result as unknown as { user_id: string };
    const listed = await call("GET", `/cis/v1/sessions/${user_id}`);
    expect(listed).toEqual({
      status: 200,
      body: [
        {
          session_id,
          client_id: backend.clientId,
          created_at: on.clock(),
          last_used_at: on.clock(),
          expires_at: expect.any(Number),
          ip_address: "127.0.0.1",
          user_agent: text,
        },
      ],
    });
    expect(await call("POST", "/cis/v1/auth/session/logout", { session_id })).toEqual({ status: 204, body: null });
    expect(await call("POST", "/cis/v1/auth/session/logout", { session_id })).toEqual(coded(404, "session_not_found"));
    expect(await call("POST", "/cis/v1/auth/session/logout", { session_id: "x" })).toEqual(coded(404, "user_not_found"));
    const again = await call("POST", "/cis/v1/auth/token/refresh", { refresh_token: refreshed.body.refresh_token });
    expect(again).toEqual(coded(400, "auth_invalid_credentials"));
    expect(await call("POST", "/cis/v1/auth/logout", undefined, access_token)).toEqual(numbered(401, "Invalid token"));

    on.clock.advance(minute);
    await send();
    const second = (await authenticate(await codeOf(phone, 2))).body;
    expect(await call("POST", "/cis/v1/auth/logout", undefined, second.access_token)).toEqual({
      status: 200,
      body: { sessions_count: 1 },
    });
    on.clock.advance(minute);
    await send();
    await authenticate(await codeOf(phone, 3));
    expect(await call("DELETE", `/cis/v1/sessions/${user_id}`)).toEqual({
      status: 200,
      body: { result: { deleted_count: 1 } },
    });
    expect(await call("GET", `/cis/v1/sessions/${user_id}`)).toEqual({ status: 200, body: [] });
    expect(await call("GET", "/cis/v1/sessions/3fa85f64-5717-4562-b3fc-2c963f66afa6")).toEqual(numbered(404));
  });

  it("users are created with their profile, found by each identifier, and refused if the app has them", async () => {
    const profile = {
      email: "ada@example.com",
      phone_number: phone,
      username: "ada",
      name: { first_name: "Ada", last_name: "Lovelace" },
      language: "en",
      external_user_id: "crm-1",
      custom_data: { tier: "gold" },
      custom_app_data: { seats: 2 },
    };
    const { body, status } = await createUser(profile);
    const user = {
      ...profile,
      user_id: text,
      email: { value: profile.email, email_verified: false },
      phone_number: { value: phone, phone_number_verified: false },
      secondary_emails: [],
      secondary_phone_numbers: [],
      status: "Active",
      created_at: on.clock(),
      updated_at: on.clock(),
    };
    expect({ status, body }).toEqual({ status: 201, body: { result: user } });
    const { user_id } = body.result as unknown as { user_id: string };
    const paths = [
      user_id,
      "email/ada@example.com",
      `phone-number/${phone}`,
      `phone/${encodeURIComponent(phone)}`,
      "username/ada",
      "external-user-id/crm-1",
      `identifier?identifier_name=phoneNumber&identifier_value=${phone}`,
      "identifier?identifier_name=externalUserId&identifier_value=crm-1",
    ];
    for (const path of paths) expect(await call("GET", `/cis/v1/users/${path}`), path).toEqual({ status: 200, body });
    for (const path of ["username/eve", "email/eve@example.com", "external-user-id/crm-2"])
      expect(await call("GET", `/cis/v1/users/${path}`), path).toEqual(numbered(404));
    expect(await call("GET", "/cis/v1/users/identifier?identifier_name=x&identifier_value=y")).toEqual(numbered(400, [text]));

    const names = [
      ["custom", "crm-1"],
      ["username", "ada"],
      ["user_id", user_id],
      ["email", "ada@example.com"],
    ];
    for (const [index, [identifier_type, identifier]] of names.entries()) {
      on.clock.advance(2 * minute);
      await send({ identifier_type, identifier });
      const answer = await authenticate(await codeOf(phone, index + 1), { identifier_type, identifier });
      expect(answer, identifier_type).toEqual({ status: 200, body: tokens });
    }

    const taken = { ...numbered(409), body: { message: text, error_code: 409, ts_error_code: "identifier_is_taken" } };
    expect(await createUser({ phone_number: phone })).toEqual(taken);
    expect(await createUser({ email: "eve@example.com", username: "ada" })).toEqual(taken);
    expect(await createUser({ username: "nobody" })).toEqual(numbered(400, [text]));
    expect(await createUser({ phone_number: stranger, credentials: { password: "x" } })).toEqual(numbered(400, [text]));
  });

  it("a person of another app of the pool joins, with the profile that the pool has", async () => {
    const { body } = await createUser({ phone_number: phone, name: { first_name: "Ada" } });
    await signIn();
    await apps().createApp({ appId: "shop", displayName: "Shop" });
    const shop = await addBackend(on, {
      clientId: "shop-backend",
      appId: "shop",
      scopes: ["otp:send", "otp:verify", "users:read", "users:write"],
      dialects: ["transmit"],
      verifyByIdentifier: true,
    });
    const shopToken = await clientToken(shop);
    const joined = await call("POST", "/cis/v1/users", { phone_number: phone, name: { first_name: "Eve" } }, shopToken);
    const { user_id } = body.result as unknown as { user_id: string };
    expect(joined).toMatchObject({ status: 201, body: { result: { user_id, name: { first_name: "Ada" } } } });
    const { access_token } = (await authenticate("000000")).body;
    expect(access_token).toBeUndefined();
    expect(await call("GET", `/cis/v1/sessions/${user_id}`, undefined, shopToken)).toEqual({ status: 200, body: [] });
  });

  it("a locked user looks like any other, and is user_not_active only in apps that reveal their users", async () => {
    const { user_id } = (await createUser()).body.result as unknown as { user_id: string };
    await send();
    const code = await codeOf();
    await connectClient(UserService, on.app, asAdmin).lockUser({ appId: "default", userId: user_id });
    expect(await authenticate(code)).toEqual(coded(400, "auth_invalid_credentials"));
    on.clock.advance(6 * minute);
    expect(await send()).toEqual({ status: 200, body: { message: "OTP sent" } });
    expect(await authenticate("123456")).toEqual(coded(400, "auth_invalid_credentials"));
    expect(await on.messages(phone)).toHaveLength(1);
    const updateMask = { paths: ["reveal_users"] };
    await apps().updatePolicy({ appId: "default", policy: { revealUsers: true }, updateMask });
    on.clock.advance(6 * minute);
    expect(await send()).toEqual(coded(403, "user_not_active"));
    expect((await call("GET", `/cis/v1/users/${user_id}`)).body.result).toMatchObject({ status: "Disabled" });
  });

  it("known, unknown and unregistered identifiers get answers of one shape", async () => {
    await createUser();
    await createUser({ phone_number: "+12345678903", external_user_id: "crm-3" });
    const names = [
      byPhone,
      byStranger,
      { identifier_type: "custom", identifier: "crm-3" },
      { identifier_type: "custom", identifier: "crm-9" },
      { identifier_type: "username", identifier: "nobody" },
      { identifier_type: "user_id", identifier: "3fa85f64-5717-4562-b3fc-2c963f66afa6" },
    ];
    for (const name of names)
      expect(await send(name), JSON.stringify(name)).toEqual({ status: 200, body: { message: "OTP sent" } });
    const wrong = wrongCode(await codeOf());
    const failed = await authenticate(wrong);
    expect(failed).toEqual(coded(400, "auth_invalid_credentials"));
    for (const name of names) expect(await authenticate(wrong, name), JSON.stringify(name)).toEqual(failed);
    for (const name of [byPhone, byStranger]) {
      for (let n = 0; n < 5; n += 1) await authenticate(wrong, name);
      expect(await authenticate(wrong, name)).toEqual(coded(403, "auth_locked"));
    }
  });

  it("an unknown identifier gets 404 user_not_found if the app reveals its users, and counts like any other", async () => {
    await createUser();
    const updateMask = { paths: ["reveal_users"] };
    await apps().updatePolicy({ appId: "default", policy: { revealUsers: true }, updateMask });
    const names = [
      byStranger,
      { identifier_type: "custom", identifier: "crm-9" },
      { identifier_type: "username", identifier: "nobody" },
      { identifier_type: "user_id", identifier: "3fa85f64-5717-4562-b3fc-2c963f66afa6" },
    ];
    for (const name of names) {
      expect(await send(name), JSON.stringify(name)).toEqual(coded(404, "user_not_found"));
      expect(await send(name), JSON.stringify(name)).toEqual(coded(429, "too_many_requests"));
    }
    expect(await (await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages`)).json()).toEqual([]);
    expect(await send()).toEqual({ status: 200, body: { message: "OTP sent" } });
  });

  it("a stranger's send between the owner's send and code changes nothing, and neither does a repeated one", async () => {
    await createUser();
    const [owner, other] = ["192.0.2.1", "198.51.100.7"].map((ip_address) => ({ client_attributes: { ip_address } }));
    await send(owner);
    const code = await codeOf();
    on.clock.advance(minute);
    await send(other);
    const codes = (await on.messages(phone, 2)).map((message) => message.code);
    expect(new Set(codes).size).toBe(2);
    on.clock.advance(minute);
    await send(owner);
    const again = (await on.messages(phone, 3)).map((message) => message.code);
    expect(again.filter((one) => one === code)).toHaveLength(2);
    expect((await authenticate(code, other)).status).toBe(400);
    expect((await authenticate(code, owner)).status).toBe(200);
    expect(await authenticate(code, owner)).toEqual(coded(400, "auth_otp_passcode_expired"));
  });

  it("a request id fits its contact alone, and the code works without it too", async () => {
    await createUser();
    const { status, body } = await send({ generate_request_id: true });
    expect({ status, body }).toEqual({ status: 200, body: { message: "OTP sent", request_id: text } });
    const { request_id } = body;
    const code = await codeOf();
    for (const other of [
      { request_id, ...byStranger },
      { request_id: "3fa85f64-5717-4562-b3fc-2c963f66afa6" },
      { request_id: "" },
    ])
      expect((await authenticate(code, other)).status, JSON.stringify(other)).toBe(400);
    const nameless = { request_id, identifier_type: "user_id", identifier: "" };
    expect((await authenticate(code, nameless)).status).toBe(400);
    expect(await authenticate(code, { request_id })).toEqual({ status: 200, body: tokens });
    on.clock.advance(minute);
    await send({ generate_request_id: true });
    expect(await authenticate(await codeOf(phone, 2))).toEqual({ status: 200, body: tokens });
    expect(await send({ generate_request_id: true, identifier_type: "username", identifier: "ada" })).toEqual(
      coded(400, "system_invalid_input"),
    );
  });

  it("a code lives as long as expires_in says, in minutes", async () => {
    await createUser();
    await send({ expires_in: 1 });
    const code = await codeOf();
    on.clock.advance(minute);
    expect(await authenticate(code)).toEqual(coded(400, "auth_otp_passcode_expired"));
    for (const expires_in of [0, -1, 11, 1e300]) expect((await send({ expires_in })).status).toBe(400);
  });

  it("a send too soon gets 429 with the wait", async () => {
    await createUser();
    await send();
    const response = await fetch(at("/cis/v1/auth/otp/send"), {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ channel: "sms", ...byPhone }),
    });
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await read(response)).toEqual(coded(429, "too_many_requests"));
  });

  it.each([
    ["direct codes", "/cis/v1/auth/otp/send", { channel: "direct", ...byPhone }],
    ["approval data", "/cis/v1/auth/otp/send", { channel: "sms", ...byPhone, approval_data: { sum: "200" } }],
    ["codes to other addresses", "/cis/v1/auth/otp/send", { channel: "email", ...byPhone, custom_email: "eve@example.com" }],
    ["codes to other numbers", "/cis/v1/auth/otp/send", { channel: "sms", ...byPhone, custom_phone_number: stranger }],
    ["sessions for session ids", "/cis/v1/auth/session/authenticate", { session_id: "x" }],
  ])("%s are refused in Transmit's shape, and nothing is sent", async (_, path, body) => {
    expect(await call("POST", path, body)).toEqual(coded(400, "system_invalid_input"));
    expect(await on.app.core.deps.store.outbox.nextDueAt()).toBeNull();
  });

  it("calls without the token of a client that speaks the dialect are refused", async () => {
    const mute = await addBackend(on, { clientId: "mute", scopes: ["otp:send", "users:read"] });
    const form = { grant_type: "client_credentials", client_id: "mute", client_secret: mute.clientSecret };
    const refusal = { error: text, error_description: text, message: text };
    expect(await askToken(form)).toEqual({ status: 401, body: { ...refusal, error: "invalid_client", error_code: 401 } });
    const { access_token } = (await read(await fetch(at("/oauth2/token"), { method: "POST", body: new URLSearchParams(form) })))
      .body;
    expect((await call("POST", "/cis/v1/auth/otp/send", { channel: "sms", ...byPhone }, access_token!)).status).toBe(401);

    await createUser();
    const user = await signIn();
    for (const bearer of ["", "x", user.access_token]) {
      for (const [method, path, body] of [
        ["GET", `/cis/v1/users/phone-number/${phone}`],
        ["DELETE", `/cis/v1/sessions/${decodeJwt(user.access_token).sub}`],
        ["POST", "/cis/v1/users", { phone_number: stranger }],
        ["POST", "/cis/v1/auth/otp/send", { channel: "sms", ...byPhone, generate_request_id: true }],
        ["POST", "/cis/v1/auth/otp/authenticate", { passcode: "123456", ...byPhone }],
        ["POST", "/cis/v1/auth/token/refresh", { refresh_token: user.refresh_token }],
      ] as const) {
        const answer = await call(method, path, body, bearer);
        expect(answer, `${method} ${path} as ${bearer.slice(0, 4)}`).toEqual(numbered(answer.status));
        expect([401, 403]).toContain(answer.status);
      }
    }
    expect(await call("POST", "/cis/v1/auth/otp/send", { channel: "sms", ...byPhone }, "")).toEqual(
      numbered(401, "Invalid token"),
    );
    expect((await on.messages(phone)).map(({ code }) => code)).toHaveLength(1);
    const { users } = await connectClient(UserService, on.app, asAdmin).listUsers({});
    expect(users.map(({ contacts }) => contacts.map(({ value }) => value))).toEqual([[phone]]);
    expect((await call("POST", "/cis/v1/auth/token/refresh", { refresh_token: user.refresh_token })).status).toBe(200);
    expect(await call("POST", "/cis/v1/auth/logout", undefined, token)).toEqual(numbered(401, "Invalid token"));

    const bad = { status: 400, body: { ...refusal, error: "invalid_request", error_code: 400 } };
    expect(await askToken({ ...form, client_id: backend.clientId })).toMatchObject({ status: 401 });
    expect(await askToken({ ...form, grant_type: "password" })).toEqual(bad);
    expect(await askToken({})).toEqual(bad);
    expect((await call("POST", "/oidc/token", { grant_type: "client_credentials" }, "")).status).toBe(415);
  });

  it("a client can do what its scopes allow, and no more", async () => {
    const sender = await addBackend(on, {
      clientId: "sender",
      scopes: ["otp:send"],
      dialects: ["transmit"],
      verifyByIdentifier: true,
    });
    const senderToken = await clientToken(sender);
    const tried = (method: string, path: string, body?: unknown) => call(method, path, body, senderToken);
    expect((await tried("POST", "/cis/v1/auth/otp/send", { channel: "sms", ...byPhone })).status).toBe(200);
    const authenticated = await tried("POST", "/cis/v1/auth/otp/authenticate", { passcode: "123456", ...byPhone });
    expect(authenticated).toEqual({
      status: 403,
      body: { error_code: "scope_missing", message: "The client lacks the scope otp:verify. Ask the operator for it." },
    });
    expect(await tried("POST", "/cis/v1/users", { phone_number: phone })).toEqual(numbered(403));
    expect(await tried("GET", `/cis/v1/users/phone-number/${phone}`)).toEqual(numbered(403));
  });

  it.each([
    ["no JSON", "{", 400],
    ["a list", "[]", 400],
    ["nothing", "", 400],
    ["no channel", JSON.stringify(byPhone), 400],
    ["an unknown channel", JSON.stringify({ channel: "pigeon", ...byPhone }), 400],
    ["an unknown identifier type", JSON.stringify({ channel: "sms", identifier_type: "dna", identifier: "x" }), 400],
    ["a number as identifier", '{"channel":"sms","identifier_type":"phone_number","identifier":12345678901}', 400],
    ["a phone number that is none", '{"channel":"sms","identifier_type":"phone_number","identifier":"soon"}', 400],
    ["a prototype key", `{"__proto__":${JSON.stringify({ channel: "sms", ...byPhone })}}`, 400],
    ["64 KiB and more", JSON.stringify({ channel: "sms", ...byPhone, more: "x".repeat(65_536) }), 413],
  ])("a body with %s is refused in Transmit's shape, and nothing is sent", async (_, body, status) => {
    expect(await call("POST", "/cis/v1/auth/otp/send", body)).toEqual(coded(status, "system_invalid_input"));
    expect(await on.app.core.deps.store.outbox.nextDueAt()).toBeNull();
    const created = await call("POST", "/cis/v1/users", body);
    expect(created).toEqual(numbered(status, status === 400 ? [text] : text));
  });

  it("unknown paths and methods are refused in Transmit's shape, and all others are described as OpenAPI", async () => {
    expect(await call("GET", "/cis/v1/auth/otp/send")).toEqual(coded(404, "no_path"));
    expect(await call("GET", "/cis/v1/apps")).toEqual(numbered(404));
    const { paths } = (await call("GET", "/openapi/transmit.json", undefined, "")).body as unknown as { paths: object };
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(["/oidc/token", "/cis/oidc/jwks", "/cis/v1/auth/otp/send", "/cis/v1/sessions/{user_id}"]),
    );
  });
});
