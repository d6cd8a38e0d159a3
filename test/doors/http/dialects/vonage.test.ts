import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import { uuidOf } from "../../../../src/doors/http/dialects/ids.js";
import { AppService } from "../../../../src/gen/latchkey/v1/app_service_pb.js";
import { AuthService } from "../../../../src/gen/latchkey/v1/auth_service_pb.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import { startTestApp, type TestApp } from "../../../support/app.js";
import { addBackend } from "../../../support/backends.js";
import { wrongCode } from "../../../support/calls.js";
import { basicOf, connectClient } from "../../../support/clients.js";
import { testEngines } from "../../../support/engines.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
const asBackend = basicOf(backend.clientId, backend.clientSecret);
const asAdmin = basicOf(admin.clientId, admin.clientSecret);
const [number, phone] = ["447700900123", "+447700900123"] as const;
const minute = 60_000;
const text = expect.stringMatching(/./);
const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
const scopes = ["otp:send", "otp:verify", "otp:manage"] as const;

type Fields = Readonly<Record<string, unknown>>;
interface Answer {
  readonly status: number;
  readonly body: Fields | null;
}

/** An error in Vonage's shape. */
const failed = (status: number, kind: string) => ({
  status,
  body: { type: `https://developer.vonage.com/api-errors/verify-v2#${kind}`, title: text, detail: text, instance: text },
});

describe.each(testEngines())("Vonage Verify's paths on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database(), { developmentClients: [admin, backend] });
  });
  afterEach(() => on.stop());

  const at = (path: string) => `http://127.0.0.1:${on.app.httpPort}/v2/verify${path}`;

  async function call(method: string, path: string, body?: unknown, authorization = asBackend): Promise<Answer> {
    const headers = { "content-type": "application/json", ...(authorization !== "" && { authorization }) };
    const sent = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(at(path), { method, headers, ...(body !== undefined && { body: sent }) });
    const answer = await response.text();
    const type = response.headers.get("content-type");
    if (response.status >= 400) expect(type).toMatch(/^application\/problem\+json/);
    else if (answer !== "") expect(type).toMatch(/^application\/json/);
    return { status: response.status, body: answer === "" ? null : JSON.parse(answer) };
  }

  const start = (more: object = {}, authorization = asBackend) =>
    call("POST", "", { brand: "ACME, Inc", workflow: [{ channel: "sms", to: number }], ...more }, authorization);
  const check = (id: string, code: unknown, authorization = asBackend) => call("POST", `/${id}`, { code }, authorization);
  const codeOf = async (to: string = phone, count = 1) => (await on.messages(to, count))[0]!.code;
  const sent = async (to: string = phone) => (await on.messages(to, 0)).length;

  async function started(more: object = {}): Promise<string> {
    const { status, body } = await start(more);
    expect({ status, body }).toEqual({ status: 202, body: { request_id: uuid } });
    return body!.request_id as string;
  }

  it("new request, check code: a code is sent, and the request is completed by it once", async () => {
    const id = await started();
    const code = await codeOf();
    expect(await check(id, code)).toEqual({ status: 200, body: { request_id: id, status: "completed" } });
    expect(await check(id, code)).toEqual(failed(404, "not-found"));
  });

  it("cancel: 204, and the code no longer works", async () => {
    const id = await started();
    const code = await codeOf();
    expect(await call("DELETE", `/${id}`)).toEqual({ status: 204, body: null });
    expect(await call("DELETE", `/${id}`)).toEqual(failed(404, "not-found"));
    expect(await check(id, code)).toEqual(failed(404, "not-found"));
  });

  it("a challenge of another purpose is no request: it is not cancelled, checked or sent again", async () => {
    const { challenge } = await connectClient(AuthService, on.app, { authorization: asBackend }).sendOtp({
      identifier: { case: "phone", value: phone },
      createUserIfMissing: true,
    });
    const { challengeId } = challenge!;
    const code = await codeOf();
    for (const [method, path] of [
      ["DELETE", ""],
      ["POST", "/next_workflow"],
    ] as const)
      expect(await call(method, `/${uuidOf(challengeId)}${path}`)).toEqual(failed(404, "not-found"));
    expect((await check(uuidOf(challengeId), code)).status).toBe(404);
    const auth = connectClient(AuthService, on.app, { authorization: asBackend });
    expect((await auth.verifyOtp({ challengeId, code })).isNewUser).toBe(true);
  });

  it("next workflow: the same code goes over the next channel, until there is none", async () => {
    for (const [index, steps] of [["sms", "voice", "whatsapp"], ["whatsapp", "sms"], ["voice"]].entries()) {
      const to = `44770090013${index}`;
      const id = await started({ workflow: steps.map((channel) => ({ channel, to })) });
      const code = await codeOf(`+${to}`);
      for (let n = 1; n < steps.length; n += 1) {
        on.clock.advance(1.5 * minute);
        expect(await call("POST", `/${id}/next_workflow`), steps.join()).toEqual({ status: 200, body: {} });
        const [message] = await on.messages(`+${to}`, 1 + n);
        expect(message).toMatchObject({ channel: steps[n], code });
      }
      expect(await call("POST", `/${id}/next_workflow`)).toEqual(failed(404, "not-found"));
      expect(await sent(`+${to}`)).toBe(steps.length);
    }
  });

  it("a workflow by e-mail has steps by e-mail", async () => {
    const to = "ada@example.com";
    const id = await started({
      workflow: [
        { channel: "email", to },
        { channel: "email", to },
      ],
    });
    on.clock.advance(minute);
    expect((await call("POST", `/${id}/next_workflow`)).status).toBe(200);
    expect((await check(id, await codeOf(to, 2))).status).toBe(200);
  });

  it("a wrong code, the last attempt, and an expired request have answers of their own", async () => {
    const id = await started();
    const code = await codeOf();
    for (let n = 0; n < 4; n += 1) expect(await check(id, wrongCode(code, n))).toEqual(failed(400, "invalid-code"));
    expect(await check(id, wrongCode(code, 4))).toEqual(failed(410, "expired"));
    expect(await check(id, code)).toEqual(failed(410, "expired"));
    on.clock.advance(2 * minute);
    const next = await started();
    const late = await codeOf(phone, 2);
    on.clock.advance(10 * minute);
    expect(await check(next, late)).toEqual(failed(404, "not-found"));
    expect(await check("c11236f4-00bf-4b89-84ba-88b25df97315", "123456")).toEqual(failed(404, "not-found"));
    for (const id of ["x", "__proto__", "constructor"]) expect(await check(id, "123456"), id).toEqual(failed(404, "not-found"));
  });

  it("code, length and timeout of a request are those of its code, within the bounds", async () => {
    const scoped = await addBackend(on, {
      clientId: "options",
      scopes: [...scopes, "otp:options"],
      dialects: ["vonage"],
    });
    const asOptions = (more: object, to: string) => start({ workflow: [{ channel: "sms", to }], ...more }, scoped.basic);
    expect((await asOptions({ code: "654321" }, "447700900124")).status).toBe(202);
    expect(await codeOf("+447700900124")).toBe("654321");
    expect((await asOptions({ code_length: 8 }, "447700900125")).status).toBe(202);
    expect(await codeOf("+447700900125")).toMatch(/^\d{8}$/);
    const { body } = await asOptions({ channel_timeout: 90 }, "447700900126");
    const code = await codeOf("+447700900126");
    on.clock.advance(90_000);
    expect(await check(body!.request_id as string, code, scoped.basic)).toEqual(failed(404, "not-found"));
    for (const wrong of [{ code: "abcd" }, { code: "1234" }, { code_length: 4 }, { code_length: 11 }, { channel_timeout: 14 }])
      expect(await asOptions(wrong, "447700900127"), JSON.stringify(wrong)).toEqual(failed(422, "invalid-params"));
    const limited = await addBackend(on, { clientId: "limited", scopes: [...scopes], dialects: ["vonage"] });
    expect(await start({ code_length: 8 }, limited.basic)).toEqual(failed(403, "forbidden"));
    expect(await sent("+447700900127")).toBe(0);
    expect(await sent()).toBe(0);
  });

  it("the sender of an SMS is one of the app's, and the language that of the request", async () => {
    const to = "46701234503";
    const apps = connectClient(AppService, on.app, { authorization: asAdmin });
    await apps.updateWording({ appId: "default", wording: { senderIds: ["Acme"] }, updateMask: { paths: ["sender_ids"] } });
    await started({ workflow: [{ channel: "sms", to, from: "Acme" }], locale: "de-de" });
    const [message] = await on.messages(`+${to}`);
    expect(message).toMatchObject({ from: "Acme" });
    await started({ workflow: [{ channel: "sms", to: "46701234504" }], locale: "en-us" });
    expect((await on.messages("+46701234504"))[0]!.text).not.toBe(message!.text);
    const other = [{ channel: "sms", to: number, from: "Other" }];
    expect(await start({ workflow: other })).toEqual(failed(422, "invalid-params"));
  });

  it("what Latchkey does not offer and malformed requests get Vonage's error shape, and nothing is sent", async () => {
    const to = number;
    const sms = { channel: "sms", to };
    const wrong: readonly unknown[] = [
      { brand: "A" },
      { brand: "", workflow: [sms] },
      { brand: "a".repeat(17), workflow: [sms] },
      { brand: "A", workflow: [] },
      { brand: "A", workflow: [sms, sms, sms, sms] },
      { brand: "A", workflow: [{ channel: "silent_auth", to }] },
      { brand: "A", workflow: [{ channel: "fax", to }] },
      { brand: "A", workflow: [sms, { channel: "email", to: "ada@example.com" }] },
      { brand: "A", workflow: [sms, { channel: "sms", to: "447700900999" }] },
      { brand: "A", workflow: [{ channel: "sms", to: "12" }] },
      { brand: "A", workflow: [{ channel: "email", to }] },
      { brand: "A", workflow: [sms], locale: "not a language" },
      { brand: {}, workflow: "x" },
      [],
      "[",
      '{"__proto__":{"brand":"A"}}',
      '{"brand":"\\ud800","workflow":[]}',
      "null",
      "",
    ];
    for (const body of wrong) expect(await call("POST", "", body), JSON.stringify(body)).toEqual(failed(422, "invalid-params"));
    expect((await call("POST", "", JSON.stringify({ brand: "x".repeat(70_000) }))).status).toBe(413);
    const typed = await fetch(at(""), {
      method: "POST",
      headers: { authorization: asBackend, "content-type": "text/plain" },
      body: "x",
    });
    expect({ status: typed.status, body: await typed.json() }).toEqual(failed(415, "invalid-params"));
    const id = await started();
    const code = await codeOf();
    for (const bad of ["", "abcdef", {}, null]) expect(await check(id, bad)).toEqual(failed(422, "invalid-params"));
    expect(await call("GET", `/${id}`)).toEqual(failed(404, "not-found"));
    expect(await call("GET", "/templates")).toEqual(failed(404, "not-found"));
    expect(await sent()).toBe(1);
    expect((await check(id, code)).status).toBe(200);
  });

  it("a second request too soon after the first is refused with the time to wait, and the code still works", async () => {
    const id = await started();
    const response = await fetch(at(""), {
      method: "POST",
      headers: { authorization: asBackend, "content-type": "application/json" },
      body: JSON.stringify({ brand: "A", workflow: [{ channel: "sms", to: number }] }),
    });
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect({ status: response.status, body: await response.json() }).toEqual(failed(429, "throttled"));
    const code = await codeOf();
    expect(await sent()).toBe(1);
    expect((await check(id, code)).status).toBe(200);
  });

  it("a stranger's request between the owner's request and the owner's code never makes that code fail", async () => {
    const id = await started();
    const code = await codeOf();
    on.clock.advance(2 * minute);
    await started();
    await on.authFrom("203.0.113.7").sendOtp({ identifier: { case: "phone", value: phone }, createUserIfMissing: true });
    expect(await check(id, code)).toEqual({ status: 200, body: { request_id: id, status: "completed" } });
  });

  it("known and unknown people get equal answers, and a proof makes no user", async () => {
    const users = connectClient(UserService, on.app, { authorization: asBackend });
    await users.createUser({ phone });
    const unknown = "447700900128";
    const answers: unknown[] = [];
    for (const to of [number, unknown]) {
      const id = await started({ workflow: [{ channel: "sms", to }] });
      const code = await codeOf(`+${to}`);
      const { body: wrong } = await check(id, wrongCode(code));
      const { body: right } = await check(id, code);
      answers.push([
        { ...wrong, instance: "" },
        { ...right, request_id: "" },
      ]);
    }
    expect(answers[0]).toEqual(answers[1]);
    await expect(users.getUser({ key: { case: "phone", value: `+${unknown}` } })).rejects.toThrow();
  });

  describe("credentials", () => {
    const denied = failed(401, "unauthorized");
    /** The UUID of an application at Vonage. */
    const application = "78d335fa-323d-0114-9c3d-d6f0d48968cf";
    let key: CryptoKey;
    beforeEach(async () => {
      const pair = await generateKeyPair("RS256", { extractable: true });
      key = pair.privateKey;
      const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), alg: "RS256" }] });
      await addBackend(on, { clientId: "signing", scopes: [...scopes], dialects: ["vonage"], jwks, aliases: [application] });
    });

    /** As Vonage's libraries make it. */
    async function signed(claims: Fields = {}, { by = key, algorithm = "RS256", type = "JWT" } = {}): Promise<string> {
      const iat = on.clock() / 1000;
      const payload = { jti: "0d2b6a", iat, exp: iat + 900, application_id: application, ...claims };
      return `Bearer ${await new SignJWT(payload).setProtectedHeader({ alg: algorithm, typ: type }).sign(by)}`;
    }

    it("a JWT of the application works until it expires", async () => {
      const token = await signed();
      const { status, body } = await start({}, token);
      expect({ status, body }).toEqual({ status: 202, body: { request_id: uuid } });
      const id = body!.request_id as string;
      expect(await check(id, await codeOf()), "the request is another client's").toEqual(failed(404, "not-found"));
      expect((await check(id, await codeOf(), token)).status).toBe(200);
      on.clock.advance(16 * minute);
      expect(await start({}, token)).toEqual(denied);
      const named = await signed({ application_id: "signing", acl: { paths: { "/*/verify/**": {} } } });
      expect((await start({}, named)).status).toBe(202);
    });

    it("other JWTs and wrong credentials reach nothing", async () => {
      const foreign = (await generateKeyPair("RS256")).privateKey;
      const now = on.clock() / 1000;
      const tokens = [
        await signed({}, { by: foreign }),
        await signed({ application_id: backend.clientId }),
        await signed({ application_id: "unknown" }),
        await signed({ application_id: 7 }),
        await signed({ exp: now - 60 }),
        await signed({ exp: now + 2 * 86_400 }),
        await signed({ iat: now + 120 }),
        await signed({ aud: "https://other.example" }),
        await signed({ jti: undefined }),
        await signed({ jti: 5 }),
        await signed({ sub: "alice", acl: { paths: { "/*/users/**": {} } } }),
        await signed({ acl: { paths: { "/*/rtc/**": {} } } }),
        await signed({}, { type: "at+jwt" }),
        "Bearer x.y.z",
        "",
        basicOf(backend.clientId, "lk_wrong"),
      ];
      const id = await started();
      const code = await codeOf();
      for (const token of tokens) {
        expect(await start({ workflow: [{ channel: "sms", to: "447700900129" }] }, token), token).toEqual(denied);
        expect(await check(id, code, token)).toEqual(denied);
        expect(await call("DELETE", `/${id}`, undefined, token)).toEqual(denied);
      }
      expect(await sent("+447700900129")).toBe(0);
      expect((await check(id, code)).status).toBe(200);
    });

    it("the JWT of an application works only through this dialect", async () => {
      const headers = { authorization: await signed(), "content-type": "application/json", "connect-protocol-version": "1" };
      const url = `http://127.0.0.1:${on.app.httpPort}/latchkey.v1.AuthService/SendOtp`;
      const response = await fetch(url, {
        method: "POST",
        headers,
        body: JSON.stringify({ phone, purpose: "PURPOSE_VERIFY_CONTACT" }),
      });
      expect(response.status).toBe(401);
      expect(await sent()).toBe(0);
    });

    it("a client that does not speak the dialect is refused", async () => {
      const mute = await addBackend(on, { clientId: "mute", scopes: [...scopes] });
      expect(await start({}, mute.basic)).toEqual(denied);
      expect(await sent()).toBe(0);
    });
  });
});
