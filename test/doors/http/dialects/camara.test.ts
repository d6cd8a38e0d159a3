import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import { AppService } from "../../../../src/gen/latchkey/v1/app_service_pb.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import { startTestApp, type TestApp } from "../../../support/app.js";
import { addBackend, type TestBackend } from "../../../support/backends.js";
import { wrongCode } from "../../../support/calls.js";
import { connectClient } from "../../../support/clients.js";
import { testEngines } from "../../../support/engines.js";
import { postForm } from "../form.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
const basicOf = (one: typeof admin) => `Basic ${Buffer.from(`${one.clientId}:${one.clientSecret}`).toString("base64")}`;
const asAdmin = { authorization: basicOf(admin) };
const phone = "+34666111334";
const message = "{{code}} is your short code to authenticate with Cool App via SMS";
const scope = "one-time-password-sms:send-validate";
const correlator = "b4333c46-49c0-4f62-80d7-f0ef930f1c46";
const minute = 60_000;
const own = (name: string) => `ONE_TIME_PASSWORD_SMS.${name}`;

type Headers = Readonly<Record<string, string>>;
interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, string>> | null;
  readonly correlator: string | null;
}

/** An answer with the correlator that every call sends by default. */
const problem = (status: number, code: string, echoed: string | null = correlator) => ({
  status,
  body: { status, code, message: expect.stringMatching(/./) },
  correlator: echoed,
});
const invalid = problem(400, "INVALID_ARGUMENT");
const validated = { status: 204, body: null, correlator };

describe.each(testEngines())("CAMARA's One Time Password SMS on $engine", ({ database }) => {
  let on: TestApp;
  let token: string;
  beforeEach(async () => {
    on = await startTestApp(await database(), { developmentClients: [admin, backend] });
    token = await clientToken({ authorization: basicOf(backend) });
  });
  afterEach(() => on.stop());

  const at = (path: string) => `http://127.0.0.1:${on.app.httpPort}${path}`;
  const apps = () => connectClient(AppService, on.app, asAdmin);

  async function clientToken(headers: Headers, more: Headers = { scope }): Promise<string> {
    const { status, json } = await postForm(at("/oauth2/token"), { grant_type: "client_credentials", ...more }, headers);
    expect({ status, scope: json?.scope }).toMatchObject({ status: 200, ...more });
    return json?.access_token as string;
  }

  async function call(path: string, body: unknown, more: Headers = {}, method = "POST"): Promise<Answer> {
    const headers: Record<string, string> = {
      ...(body !== undefined && { "content-type": "application/json" }),
      authorization: `Bearer ${token}`,
      "x-correlator": correlator,
      ...more,
    };
    for (const [name, value] of Object.entries(headers)) if (value === "") delete headers[name];
    const sent = typeof body === "string" ? body : JSON.stringify(body);
    const url = at(`/one-time-password-sms/v1/${path}`);
    const response = await fetch(url, { method, headers, ...(body !== undefined && { body: sent }) });
    const text = await response.text();
    if (text !== "") expect(response.headers.get("content-type")).toMatch(/^application\/json\b/);
    return {
      status: response.status,
      body: text === "" ? null : JSON.parse(text),
      correlator: response.headers.get("x-correlator"),
    };
  }

  const sendCode = (more: object = {}, headers: Headers = {}) =>
    call("send-code", { phoneNumber: phone, message, ...more }, headers);
  const validateCode = (authenticationId: unknown, code: unknown, headers: Headers = {}) =>
    call("validate-code", { authenticationId, code }, headers);
  const codeOf = async (count = 1, to = phone) => (await on.messages(to, count))[0]!.code;

  /** Sends the nth code, and returns it with its id. */
  async function sent(count = 1, headers: Headers = {}) {
    const { status, body } = await sendCode({}, headers);
    expect(status).toBe(200);
    return { id: body!.authenticationId!, code: await codeOf(count) };
  }
  const nothingSent = async () => expect(await on.app.core.deps.store.outbox.nextDueAt()).toBeNull();

  describe("send-code", () => {
    it("otp_send_code_01: success", async () => {
      const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
      expect(await sendCode()).toEqual({ status: 200, body: { authenticationId: uuid }, correlator });
      const [one] = await on.messages(phone);
      expect(one!.text).toBe(`Latchkey: ${one!.code} is your short code to authenticate with Cool App via SMS`);
    });

    it("otp_send_code_02: success without x-correlator", async () => {
      expect(await sendCode({}, { "x-correlator": "" })).toMatchObject({ status: 200, correlator: null });
    });

    it.each([
      ["400.1 no request body", undefined],
      ["400.2 empty request body", {}],
      ["400.3 incorrect phone number", { phoneNumber: "3301", message }],
      ["400.3 a number that no telephone has", { phoneNumber: "+999123", message }],
      ["400.4 missing message", { phoneNumber: phone }],
      ["400.5 missing {{code}} in message", { phoneNumber: phone, message: "message without code" }],
      ["400.6 message too long", { phoneNumber: phone, message: `{{code}} ${"x".repeat(152)}` }],
      ["an unknown property", { phoneNumber: phone, message, more: 1 }],
      ["two labels", { phoneNumber: phone, message: "{{code}} {{code}}" }],
      ["a link", { phoneNumber: phone, message: "{{code}} at https://evil.example.com" }],
      ["a list", []],
      ["no JSON", "{"],
      ["a prototype key", `{"__proto__":{},"phoneNumber":"${phone}","message":"{{code}}"}`],
      ["64 KiB and more", { phoneNumber: phone, message: "x".repeat(66_000) }],
    ])("otp_send_code_%s", async (_, body) => {
      expect(await call("send-code", body)).toEqual(invalid);
      await nothingSent();
    });

    it("401.1 no authorization header, 401.2 an expired and 401.3 an invalid access token", async () => {
      const refused = problem(401, "UNAUTHENTICATED");
      expect(await sendCode({}, { authorization: "" })).toEqual(refused);
      expect(await sendCode({}, { authorization: "Bearer invalid" })).toEqual(refused);
      on.clock.advance(16 * minute);
      expect(await sendCode()).toEqual(refused);
      await nothingSent();
    });

    it("403.1: too many codes for a phone number", async () => {
      await sent();
      expect(await sendCode()).toEqual(problem(403, own("MAX_OTP_CODES_EXCEEDED")));
      expect(await on.messages(phone)).toHaveLength(1);
    });

    it("403.2: a phone number that may get no SMS", async () => {
      await apps().updatePolicy({
        appId: "default",
        policy: { smsCountries: { codes: ["DE"] } },
        updateMask: { paths: ["sms_countries"] },
      });
      expect(await sendCode()).toEqual(problem(403, own("PHONE_NUMBER_NOT_ALLOWED")));
      await nothingSent();
    });
  });

  describe("validate-code", () => {
    it("otp_validate_code_01 and 02: success, with and without x-correlator, and no user is made", async () => {
      const { id, code } = await sent();
      expect(await validateCode(id, code)).toEqual(validated);
      on.clock.advance(minute);
      const second = await sent(2);
      expect(await validateCode(second.id, second.code, { "x-correlator": "" })).toEqual({ ...validated, correlator: null });
      const users = connectClient(UserService, on.app, asAdmin);
      expect((await users.listUsers({ appId: "default" })).users).toEqual([]);
    });

    it.each([
      ["400.1 no request body", undefined],
      ["400.2 empty request body", {}],
      ["400.3 missing authenticationId", { code: "123456" }],
      ["400.10 missing code", { authenticationId: "ea0840f3-3663-4149-bd10-c7c6b8912105" }],
      ["400.4 code too long", { authenticationId: "x", code: "thisCodeExceedsTenCharacters" }],
      ["an empty code", { authenticationId: "x", code: "" }],
      ["a number as code", { authenticationId: "x", code: 123456 }],
      ["an id that is too long", { authenticationId: "x".repeat(37), code: "123456" }],
      ["an unknown property", { authenticationId: "x", code: "123456", more: 1 }],
    ])("otp_validate_code_%s", async (_, body) => {
      expect(await call("validate-code", body)).toEqual(invalid);
    });

    it("400.5 invalid OTP, in digits and in letters, until 400.9: the last wrong one that is allowed and those after it", async () => {
      const { id, code } = await sent();
      for (const wrong of [wrongCode(code), "AJY3", wrongCode(code, 1), "٣٣٣٣٣٣"])
        expect(await validateCode(id, wrong)).toEqual(problem(400, own("INVALID_OTP")));
      expect(await validateCode(id, wrongCode(code, 2))).toEqual(problem(400, own("VERIFICATION_FAILED")));
      expect(await validateCode(id, code)).toEqual(problem(400, own("VERIFICATION_FAILED")));
    });

    const expired = problem(400, own("VERIFICATION_EXPIRED"));
    it("400.6 verification expired: the time is over", async () => {
      const { id, code } = await sent();
      on.clock.advance(5 * minute);
      expect(await validateCode(id, code)).toEqual(expired);
    });

    it("400.7 verification expired: a new one was requested for the phone number", async () => {
      const { id, code } = await sent();
      on.clock.advance(minute);
      const second = await sent(2);
      expect(await validateCode(id, code)).toEqual(expired);
      expect(await validateCode(second.id, second.code)).toEqual(validated);
      expect(await validateCode(id, code)).toEqual(expired);
    });

    it("400.8 verification expired: it was used", async () => {
      const { id, code } = await sent();
      expect(await validateCode(id, code)).toEqual(validated);
      expect(await validateCode(id, code)).toEqual(expired);
    });

    it("401.1 no authorization header, 401.2 an expired and 401.3 an invalid access token, which spend no try", async () => {
      const refused = problem(401, "UNAUTHENTICATED");
      on.clock.advance(13 * minute);
      const { id, code } = await sent();
      expect(await validateCode(id, code, { authorization: "" })).toEqual(refused);
      expect(await validateCode(id, code, { authorization: "Bearer invalid" })).toEqual(refused);
      on.clock.advance(3 * minute);
      expect(await validateCode(id, code)).toEqual(refused);
      token = await clientToken({ authorization: basicOf(backend) });
      expect(await validateCode(id, code)).toEqual(validated);
    });

    it("404: an unknown authenticationId", async () => {
      for (const id of ["ea0840f3-3663-4149-bd10-c7c6b8912105", "x", "æøå"])
        expect(await validateCode(id, "123456")).toEqual(problem(404, "NOT_FOUND"));
    });
  });

  it("a stranger's send, for another end user, leaves the code of the owner", async () => {
    const [owner, stranger] = ["203.0.113.1", "203.0.113.2"].map((address) => ({ "x-latchkey-end-user-ip": address }));
    const { id, code } = await sent(1, owner);
    on.clock.advance(minute);
    await sent(2, stranger);
    expect(await validateCode(id, code, owner)).toEqual(validated);
  });

  it("phone numbers of users, of locked users and of strangers get the same answers", async () => {
    const [known, locked, unknown] = ["+34666111331", "+34666111332", "+34666111333"] as const;
    const users = connectClient(UserService, on.app, asAdmin);
    await users.createUser({ appId: "default", phone: known });
    const { user } = await users.createUser({ appId: "default", phone: locked });
    await users.lockUser({ appId: "default", userId: user!.userId });
    for (const phoneNumber of [known, locked, unknown]) {
      const { status, body } = await sendCode({ phoneNumber });
      expect(status, phoneNumber).toBe(200);
      const code = await codeOf(1, phoneNumber);
      expect(await validateCode(body!.authenticationId, wrongCode(code))).toEqual(problem(400, own("INVALID_OTP")));
      expect(await validateCode(body!.authenticationId, code)).toEqual(validated);
    }
  });

  it("a malformed x-correlator is refused and not repeated", async () => {
    for (const value of ["a b", "x".repeat(257), "a,b", "\u00e9"])
      expect(await sendCode({}, { "x-correlator": value })).toEqual(problem(400, "INVALID_ARGUMENT", null));
    await nothingSent();
    const longest = "aZ0-_:;./<>{}".padEnd(256, "x");
    expect(await sendCode({}, { "x-correlator": longest })).toMatchObject({ status: 200, correlator: longest });
  });

  it("a client without one of the scopes, one that speaks no CAMARA, and another app's reach nothing", async () => {
    const given = { appId: "default", scopes: ["otp:send", "otp:verify", "otp:options"], dialects: ["camara"] } as const;
    await apps().createApp({ appId: "shop", displayName: "Shop" });
    const clients = [
      { ...given, clientId: "no-options", scopes: ["otp:send", "otp:verify"] },
      { ...given, clientId: "no-send", scopes: ["otp:options", "otp:verify"] },
      { ...given, clientId: "silent", dialects: [] },
      { ...given, clientId: "shop-backend", appId: "shop" },
      { ...given, clientId: "no-verify", scopes: ["otp:send", "otp:options"] },
    ] as const;
    const [noOptions, noSend, silent, shop, noVerify] = (await Promise.all(
      clients.map((client) => addBackend(on, client as never)),
    )) as [TestBackend, TestBackend, TestBackend, TestBackend, TestBackend];
    const denied = problem(403, "PERMISSION_DENIED");
    const as = async (client: TestBackend) => ({
      authorization: `Bearer ${await clientToken({ authorization: client.basic }, {})}`,
    });
    for (const client of [noOptions, noSend, silent])
      expect(await sendCode({}, await as(client)), client.clientId).toEqual(denied);
    await nothingSent();
    const { id, code } = await sent();
    expect(await validateCode(id, code, await as(shop))).toEqual(problem(404, "NOT_FOUND"));
    expect(await validateCode(id, code, await as(noVerify))).toEqual(denied);
    expect(await validateCode(id, code)).toEqual(validated);
  });

  it("the scope is granted in the token as Latchkey's three scopes", async () => {
    expect(decodeJwt(token).scope).toBe("otp:send otp:verify otp:options");
  });

  it("the app decides about length, life and attempts, over all paths", async () => {
    await apps().updatePolicy({
      appId: "default",
      policy: { codeLength: 8, codeTtl: { seconds: 120n } },
      updateMask: { paths: ["code_length", "code_ttl"] },
    });
    const { id, code } = await sent();
    expect(code).toMatch(/^\d{8}$/);
    on.clock.advance(2 * minute);
    expect(await validateCode(id, code)).toEqual(problem(400, own("VERIFICATION_EXPIRED")));
  });

  it("unknown paths and methods, other content types and bodies in other encodings get CAMARA's error body", async () => {
    expect(await call("resend-code", {})).toEqual(problem(404, "NOT_FOUND"));
    expect(await call("send-code", undefined, {}, "GET")).toEqual(problem(404, "NOT_FOUND"));
    expect(await sendCode({}, { "content-type": "text/plain" })).toEqual(invalid);
    expect(await sendCode({}, { "content-encoding": "gzip" })).toEqual(invalid);
    const { paths } = (await (await fetch(at("/openapi/camara.json"))).json()) as { paths: object };
    expect(Object.keys(paths)).toEqual(["/one-time-password-sms/v1/send-code", "/one-time-password-sms/v1/validate-code"]);
  });
});
