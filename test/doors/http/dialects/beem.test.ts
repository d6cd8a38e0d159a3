import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import type { Provider } from "../../../../src/delivery/provider.js";
import { uuidOf } from "../../../../src/doors/http/dialects/ids.js";
import { AppService } from "../../../../src/gen/latchkey/v1/app_service_pb.js";
import { AuthService } from "../../../../src/gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../../../src/gen/latchkey/v1/challenge_pb.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import { json, startHookServer } from "../../../accounts/hook-server.js";
import { eventually, startTestApp, type TestApp } from "../../../support/app.js";
import { addBackend, type TestBackend } from "../../../support/backends.js";
import { wrongCode } from "../../../support/calls.js";
import { connectClient } from "../../../support/clients.js";
import { testEngines } from "../../../support/engines.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
const basicOf = ({ clientId, clientSecret }: typeof backend) =>
  `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`;
const [msisdn, stranger] = ["255701000000", "255701000001"];
const minute = 60_000;
const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
const text = expect.stringMatching(/./);

const coded = (code: number, message: unknown = text) => ({ data: { message: { code, message } } });
const answer = (status: number, code: number, message?: unknown) => ({ status, body: coded(code, message) });
const sentAnswer = {
  status: 200,
  body: { data: { pinId: uuid, message: { code: 100, message: "SMS sent successfully" } } },
};

describe.each(testEngines())("Beem's paths on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database(), { developmentClients: [admin, backend] });
  });
  afterEach(() => on.stop());

  const apps = () => connectClient(AppService, on.app, { authorization: basicOf(admin) });

  async function ask(path: string, init: RequestInit & { readonly as?: string | null } = {}) {
    const { as = basicOf(backend), headers, ...rest } = init;
    const given = { ...(as !== null && { authorization: as }), ...(headers as Record<string, string>) };
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}${path}`, { ...rest, headers: given });
    return { status: response.status, headers: response.headers, body: (await response.json()) as never };
  }
  async function post(path: string, body: unknown, as?: string | null, headers: Readonly<Record<string, string>> = {}) {
    const sent = typeof body === "string" ? body : JSON.stringify(body);
    const init = { method: "POST", body: sent, headers: { "content-type": "application/json", ...headers } };
    const { status, body: got } = await ask(path, as === undefined ? init : { ...init, as });
    return { status, body: got };
  }
  const request = (body: unknown = { appId: 1, msisdn }, as?: string | null) => post("/v1/request", body, as);
  const verify = (pinId: unknown, pin: unknown, path = "/v1/verify") => post(path, { pinId, pin });
  const nothingSent = async () => expect(await on.app.core.deps.store.outbox.nextDueAt()).toBeNull();

  /** Requests a pin. Returns its id, and the pin that arrived. */
  async function requested(to = msisdn, count = 1): Promise<{ readonly pinId: string; readonly pin: string }> {
    const { status, body } = await request({ appId: 1, msisdn: to });
    expect({ status, body }).toEqual(sentAnswer);
    const [message] = await on.messages(`+${to}`, count);
    return { pinId: (body as { data: { pinId: string } }).data.pinId, pin: message!.code };
  }

  describe("the samples", () => {
    it("request a pin with the application id as a number or as a text", async () => {
      expect(await request({ appId: 1, msisdn })).toEqual(sentAnswer);
      expect(await request({ appId: "1", msisdn: stranger })).toEqual(sentAnswer);
      expect(await request({ appId: 1, msisdn: 255_701_000_002 })).toEqual(sentAnswer);
    });

    it.each(["/v1/verify", "/api/v1/verify"])("verify it at %s, and no account is made", async (path) => {
      const { pinId, pin } = await requested();
      expect(await verify(pinId, pin, path)).toEqual(answer(200, 117, "Valid Pin"));
      const users = connectClient(UserService, on.app, { authorization: basicOf(admin) });
      expect((await users.listUsers({})).users).toEqual([]);
    });
  });

  it("a wrong, expired, used, exhausted and unknown pin have their codes, with status 200", async () => {
    const { pinId, pin } = await requested();
    expect(await verify(pinId, wrongCode(pin))).toEqual(answer(200, 114, "Incorrect Pin"));
    expect(await verify(pinId, "soon")).toEqual(answer(200, 114));
    const badAddress = { "x-latchkey-end-user-ip": "somewhere" };
    expect(await post("/v1/verify", { pinId, pin }, undefined, badAddress)).toEqual(answer(400, 101));
    expect(await verify(pinId, pin)).toEqual(answer(200, 117));
    expect(await verify(pinId, pin)).toEqual(answer(200, 118, "Duplicate Pin"));

    on.clock.advance(2 * minute);
    const second = await requested(msisdn, 2);
    on.clock.advance(6 * minute);
    expect(await verify(second.pinId, second.pin)).toEqual(answer(200, 115, "Pin timeout"));

    const third = await requested(stranger);
    for (let n = 0; n < 5; n += 1) expect(await verify(third.pinId, wrongCode(third.pin, n))).toEqual(answer(200, 114));
    expect(await verify(third.pinId, third.pin)).toEqual(answer(200, 116, "Attempts exceeded"));

    for (const unknown of ["8fa81447-4a14-4c2f-925b-78be40047c63", "x"])
      expect(await verify(unknown, "241663")).toEqual(answer(200, 113, "Pin id not found"));
  });

  it("a pin that comes as a number gets its leading zeros back", async () => {
    await apps().updatePolicy({ appId: "default", policy: { codeLength: 8 }, updateMask: { paths: ["code_length"] } });
    const { challenge } = await connectClient(AuthService, on.app, { authorization: basicOf(backend) }).sendOtp({
      identifier: { case: "phone", value: `+${msisdn}` },
      purpose: Purpose.VERIFY_CONTACT,
      customCode: "00123456",
    });
    expect(await verify(uuidOf(challenge!.challengeId), 123_456)).toEqual(answer(200, 117));
  });

  it("another pin for the same number, requested by a stranger, leaves the owner's alone", async () => {
    const owner = await requested();
    on.clock.advance(minute);
    const other = await requested(msisdn, 2);
    expect(other.pinId).not.toBe(owner.pinId);
    for (let n = 0; n < 5; n += 1) await verify(other.pinId, wrongCode(other.pin, n));
    expect(await verify(owner.pinId, owner.pin)).toEqual(answer(200, 117));
  });

  it("numbers of users, of strangers and of locked users have equal answers", async () => {
    const users = connectClient(UserService, on.app, { authorization: basicOf(admin) });
    await users.createUser({ appId: "default", phone: `+${msisdn}` });
    const { user } = await users.createUser({ appId: "default", phone: `+${stranger}` });
    await users.lockUser({ appId: "default", userId: user!.userId });
    for (const to of [msisdn, stranger, "255701000002"]) {
      const { pinId, pin } = await requested(to);
      expect(await verify(pinId, wrongCode(pin))).toEqual(answer(200, 114, "Incorrect Pin"));
      expect(await verify(pinId, pin)).toEqual(answer(200, 117, "Valid Pin"));
    }
  });

  it.each([
    ["the number", { appId: 1 }, 400, 103],
    ["the application id", { msisdn }, 400, 104],
    ["a number, which is empty,", { appId: 1, msisdn: "" }, 400, 103],
    ["a valid number", { appId: 1, msisdn: "0701" }, 400, 102],
    ["its own application id", { appId: 2, msisdn }, 404, 106],
    ["an application id that is a number", { appId: "shop", msisdn }, 404, 106],
  ])("a request without %s has its code, and nothing is sent", async (_, body, status, code) => {
    expect(await request(body)).toEqual(answer(status, code));
    await nothingSent();
  });

  it("a check without pin or pin id has its code", async () => {
    expect(await post("/v1/verify", { pinId: "8fa81447-4a14-4c2f-925b-78be40047c63" })).toEqual(answer(400, 111));
    expect(await post("/v1/verify", { pin: "123456" })).toEqual(answer(400, 112));
  });

  it("a credential names its own app: the numbers of other apps are refused alike, and their pins are unknown", async () => {
    await apps().createApp({ appId: "shop" });
    const shop = await addBackend(on, {
      clientId: "shop-backend",
      appId: "shop",
      scopes: ["otp:send", "otp:verify"],
      dialects: ["beem"],
    });
    const number = (await apps().getApp({ appId: "shop" })).app!.number;
    for (const appId of [1, 999, "1"])
      expect(await request({ appId, msisdn }, shop.basic)).toEqual(answer(404, 106, "Application not found"));
    await nothingSent();
    expect(await request({ appId: number, msisdn }, shop.basic)).toEqual(sentAnswer);
    const { pinId, pin } = await requested(stranger);
    expect(await post("/v1/verify", { pinId, pin }, shop.basic)).toEqual(answer(200, 113));
    expect(await verify(pinId, pin)).toEqual(answer(200, 117));
  });

  it("calls without the credentials of a client that speaks the dialect are refused, and nothing is sent", async () => {
    const mute = await addBackend(on, { clientId: "mute", scopes: ["otp:send", "otp:verify", "messages:read"] });
    const wrong = basicOf({ ...backend, clientSecret: newClientSecret().secret });
    for (const as of [null, wrong, mute.basic, "Basic x", "Bearer x", "Digest x"]) {
      const sent = await ask("/v1/request", {
        method: "POST",
        body: JSON.stringify({ appId: 1, msisdn }),
        headers: { "content-type": "application/json" },
        as,
      });
      expect({ status: sent.status, body: sent.body }, String(as)).toEqual(answer(401, 110));
      expect(sent.headers.get("www-authenticate")).toBe('Basic realm="latchkey"');
      expect(await post("/v1/verify", { pinId: "x", pin: "123456" }, as)).toEqual(answer(401, 110));
      const reported = await ask(`/public/v1/delivery-reports?dest_addr=${msisdn}&request_id=x`, { as });
      expect({ status: reported.status, body: reported.body }).toEqual(answer(401, 110));
    }
    await nothingSent();
  });

  it("a client can do what its scopes allow, and no more", async () => {
    const sender = await addBackend(on, { clientId: "sender", scopes: ["otp:send"], dialects: ["beem"] });
    expect(await request({ appId: 1, msisdn }, sender.basic)).toEqual(sentAnswer);
    const lacks = (scope: string) => answer(403, 110, `The client lacks the scope ${scope}. Ask the operator for it.`);
    expect(await post("/v1/verify", { pinId: "x", pin: "123456" }, sender.basic)).toEqual(lacks("otp:verify"));
    const { status, body } = await ask(`/public/v1/delivery-reports?dest_addr=${msisdn}&request_id=x`, { as: sender.basic });
    expect({ status, body }).toEqual(lacks("messages:read"));
  });

  it("the app's policy says how long pins are and live", async () => {
    await apps().updatePolicy({
      appId: "default",
      policy: { codeTtl: { seconds: 60n }, codeLength: 8 },
      updateMask: { paths: ["code_ttl", "code_length"] },
    });
    const { pinId, pin } = await requested();
    expect(pin).toMatch(/^\d{8}$/);
    on.clock.advance(minute);
    expect(await verify(pinId, pin)).toEqual(answer(200, 115));
  });

  it("too many requests have status 429, a code and retry-after", async () => {
    const body = JSON.stringify({ appId: 1, msisdn });
    let last = await ask("/v1/request", { method: "POST", body, headers: { "content-type": "application/json" } });
    for (let n = 0; n < 10 && last.status === 200; n += 1)
      last = await ask("/v1/request", { method: "POST", body, headers: { "content-type": "application/json" } });
    expect({ status: last.status, body: last.body }).toEqual(answer(429, 101));
    expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it.each([
    ["no JSON", "{", 400],
    ["a list", "[]", 400],
    ["nothing", "", 400],
    ["a list as number", JSON.stringify({ appId: 1, msisdn: [msisdn] }), 400],
    ["an object as application id", JSON.stringify({ appId: {}, msisdn }), 400],
    ["null as number", JSON.stringify({ appId: 1, msisdn: null }), 400],
    ["a prototype key", `{"__proto__":{"appId":1},"msisdn":"${msisdn}"}`, 400],
    ["half a character", '{"appId":1,"msisdn":"\\ud800"}', 400],
    ["64 KiB and more", JSON.stringify({ appId: 1, msisdn, more: "x".repeat(65_536) }), 413],
  ])("a body with %s is refused in Beem's shape, and nothing is sent", async (_, body, status) => {
    expect(await request(body)).toEqual(answer(status, 101));
    await nothingSent();
    const checked = await post("/v1/verify", body.replace("msisdn", "pin").replace("appId", "pinId"));
    expect(checked).toEqual(answer(checked.status, expect.any(Number) as never));
    expect([400, 413]).toContain(checked.status);
  });

  it("a body of another type is refused in Beem's shape", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect(await post("/v1/request", `appId=1&msisdn=${msisdn}`, undefined, form)).toEqual(answer(415, 101));
  });

  it("is described as OpenAPI", async () => {
    const { body } = await ask("/openapi/beem.json", { as: null });
    expect(Object.keys((body as { paths: object }).paths)).toEqual([
      "/v1/request",
      "/v1/verify",
      "/api/v1/verify",
      "/public/v1/delivery-reports",
    ]);
  });
});

describe.each(testEngines())("Beem's delivery reports on $engine", ({ database }) => {
  const keys: string[] = [];
  const carrier: Provider = {
    name: "sms-main",
    channels: ["sms"],
    async send({ sendKey }) {
      keys.push(sendKey);
      return { kind: "sent", detail: "", providerMessageId: `SM${keys.length}` };
    },
    close: async () => {},
    readReports: async ({ body }) => ({ kind: "reports", reports: [JSON.parse(body.toString())] }),
  };
  let on: TestApp;
  let reader: TestBackend;
  beforeEach(async () => {
    keys.length = 0;
    on = await startTestApp(await database(), { providers: [carrier], developmentClients: [admin, backend] });
    reader = await addBackend(on, {
      clientId: "reader",
      scopes: ["otp:send", "messages:read"],
      dialects: ["beem"],
    });
  });
  afterEach(() => on.stop());

  const at = (path: string) => `http://127.0.0.1:${on.app.httpPort}${path}`;

  /** Requests a pin and waits until the carrier has it. */
  async function send(): Promise<string> {
    const response = await fetch(at("/v1/request"), {
      method: "POST",
      headers: { "content-type": "application/json", authorization: reader.basic },
      body: JSON.stringify({ appId: 1, msisdn }),
    });
    const { data } = (await response.json()) as { data: { pinId: string } };
    await eventually("the message at the carrier", async () => keys[0]);
    return data.pinId;
  }
  const reported = (status: string) =>
    fetch(at("/delivery/reports/sms-main"), {
      method: "POST",
      body: JSON.stringify({ sendKey: keys[0], status, cause: "" }),
    });
  async function pull(query: Readonly<Record<string, string>>, as = reader.basic) {
    const url = at(`/public/v1/delivery-reports?${new URLSearchParams(query)}`);
    const response = await fetch(url, { headers: { authorization: as } });
    return { status: response.status, body: (await response.json()) as unknown };
  }

  it("are posted to the customer's URL in Beem's shape", async () => {
    const hook = await startHookServer();
    hook.answer((response, { body }) => json({ request_id: body.request_id, successful: "true" })(response));
    try {
      const apps = connectClient(AppService, on.app, { authorization: basicOf(admin) });
      await apps.putDeliveryReportHook({ appId: "default", url: hook.url, format: 2 });
      const pinId = await send();
      await reported("delivered");
      const heard = await eventually("the report at the customer", async () => hook.questions[0]);
      expect(heard.body).toEqual({
        request_id: pinId,
        recipient_id: expect.any(Number),
        dest_addr: msisdn,
        Status: "DELIVERED",
      });
      const taken = 'latchkey_delivery_reports_forwarded_total{result="taken"} 1';
      const metrics = async () => await (await fetch(`http://127.0.0.1:${on.app.metricsPort}/metrics`)).text();
      await eventually("the metric", async () => ((await metrics()).includes(taken) ? true : undefined));
    } finally {
      hook.stop();
    }
  });

  it("are pulled by number and pin id", async () => {
    const request_id = await send();
    const query = { dest_addr: msisdn, request_id };
    const report = { ...query, status: "PENDING", timestamp: new Date(on.clock()).toISOString() };
    await eventually("the message", async () => ((await pull(query)).status === 200 ? true : undefined));
    expect(await pull(query)).toEqual({ status: 200, body: report });
    on.clock.advance(1_000);
    await reported("delivered");
    const timestamp = new Date(on.clock()).toISOString();
    await eventually("the report", async () => {
      const { body } = await pull(query);
      return (body as typeof report).status === "DELIVERED" ? true : undefined;
    });
    expect(await pull(query)).toEqual({ status: 200, body: { ...query, status: "DELIVERED", timestamp } });

    expect(await pull({ ...query, dest_addr: stranger })).toEqual(answer(404, 113));
    expect(await pull({ ...query, request_id: "8fa81447-4a14-4c2f-925b-78be40047c63" })).toEqual(answer(404, 113));
    expect(await pull({ dest_addr: msisdn })).toEqual(answer(400, 112));
    expect(await pull({ request_id })).toEqual(answer(400, 103));
    expect(await pull({ ...query, dest_addr: "x" })).toEqual(answer(400, 102));
  });

  it("of another app's messages do not exist", async () => {
    const request_id = await send();
    const apps = connectClient(AppService, on.app, { authorization: basicOf(admin) });
    await apps.createApp({ appId: "shop" });
    const other = await addBackend(on, {
      clientId: "other",
      appId: "shop",
      scopes: ["messages:read"],
      dialects: ["beem"],
    });
    expect(await pull({ dest_addr: msisdn, request_id }, other.basic)).toEqual(answer(404, 113));
  });
});
