import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import { AppService } from "../../../../src/gen/latchkey/v1/app_service_pb.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import { twilioIdsOf } from "../../../../src/model/vendor-ids.js";
import { startTestApp, type TestApp } from "../../../support/app.js";
import { addBackend, type TestBackend } from "../../../support/backends.js";
import { wrongCode } from "../../../support/calls.js";
import { basicOf, connectClient } from "../../../support/clients.js";
import { testEngines } from "../../../support/engines.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
const own = twilioIdsOf({ clientId: backend.clientId, appId: "default" });
const asOwn = basicOf(own.accountSid, backend.clientSecret);
const phone = "+15017122661";
const minute = 60_000;
const text = expect.stringMatching(/./);
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const sidOf = (kind: string) => expect.stringMatching(new RegExp(`^${kind}[0-9a-f]{32}$`));

type Fields = Readonly<Record<string, unknown>>;
interface Answer {
  readonly status: number;
  readonly body: Fields;
}

/** An error in Twilio's shape. */
const failed = (status: number, code: number, message: unknown = text) => ({
  status,
  body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
});

describe.each(testEngines())("Twilio Verify's paths on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database(), { developmentClients: [admin, backend] });
  });
  afterEach(() => on.stop());

  const urlOf = (path: string, service = own.serviceSid) =>
    `http://127.0.0.1:${on.app.httpPort}/v2/Services/${service}/${path}`;

  async function call(path: string, form: Fields | null, given: { basic?: string; service?: string } = {}): Promise<Answer> {
    const body = form === null ? null : new URLSearchParams(form as Record<string, string>);
    const headers = { authorization: given.basic ?? asOwn, accept: "application/json" };
    const response = await fetch(urlOf(path, given.service), { method: form === null ? "GET" : "POST", headers, body });
    return { status: response.status, body: (await response.json()) as Fields };
  }

  const create = (more: Fields = {}, given = {}) => call("Verifications", { To: phone, Channel: "sms", ...more }, given);
  const check = (Code: string, more: Fields = { To: phone }, given = {}) => call("VerificationCheck", { Code, ...more }, given);
  const codeOf = async (to = phone, count = 1) => (await on.messages(to, count))[0]!.code;
  const sent = async (to = phone) => (await on.messages(to, 0)).length;

  const verification = (more: Fields = {}) => ({
    sid: sidOf("VE"),
    service_sid: own.serviceSid,
    account_sid: own.accountSid,
    to: phone,
    channel: "sms",
    status: "pending",
    valid: false,
    date_created: time,
    date_updated: time,
    lookup: {},
    amount: null,
    payee: null,
    send_code_attempts: [{ time, channel: "sms", attempt_sid: sidOf("VL") }],
    sna: null,
    url: text,
    ...more,
  });
  const checked = (more: Fields = {}) => {
    const { lookup: _, send_code_attempts: __, sna: ___, url: ____, ...common } = verification();
    return { ...common, sna_attempts_error_codes: [], ...more };
  };

  it("create, fetch, check: a code is sent, its verification is seen, and the code approves it", async () => {
    const created = await create();
    expect(created).toEqual({ status: 201, body: verification() });
    const { sid, url } = created.body as { sid: string; url: string };
    expect(url).toBe(`${on.settings.issuer}${new URL(urlOf(`Verifications/${sid}`)).pathname}`);
    expect(await call(`Verifications/${sid}`, null)).toEqual({ status: 200, body: created.body });
    const { text: message } = (await on.messages(phone))[0]!;
    const code = await codeOf();
    expect(message).toContain(code);
    expect(code).toMatch(/^\d{6}$/);
    expect(await check(code)).toEqual({ status: 200, body: checked({ sid, status: "approved", valid: true }) });
    const gone = failed(404, 20404, text);
    expect(await check(code)).toEqual(gone);
    expect(await check(code, { VerificationSid: sid })).toEqual(gone);
    expect(await call(`Verifications/${sid}`, null)).toEqual(gone);
    expect(await call(`Verifications/${phone}`, null)).toEqual(gone);
  });

  it("update: canceled ends a verification, approved redeems it without its code", async () => {
    for (const [status, valid] of [
      ["canceled", false],
      ["approved", true],
    ] as const) {
      on.clock.advance(minute);
      const { sid } = (await create()).body as { sid: string };
      const code = await codeOf();
      const updated = await call(`Verifications/${sid}`, { Status: status });
      expect(updated).toEqual({ status: 200, body: verification({ sid, status, valid }) });
      expect(await check(code)).toEqual(failed(404, 20404));
      expect(await call(`Verifications/${sid}`, { Status: "canceled" })).toEqual(failed(404, 20404));
    }
    expect(await call(`Verifications/VE${"0".repeat(32)}`, { Status: "approved" })).toEqual(failed(404, 20404));
    expect(await call(`Verifications/${phone}`, { Status: "denied" })).toEqual(failed(400, 60200));
  });

  it("a number with a raw plus sign, or an address, stands for a sid", async () => {
    const { body } = await create();
    for (const name of [phone, encodeURIComponent(phone)])
      expect(await call(`Verifications/${name}`, null), name).toEqual({ status: 200, body });
    await create({ To: "ada@example.com", Channel: "email" });
    const found = await call("Verifications/ada@example.com", null);
    expect(found.body).toMatchObject({ to: "ada@example.com", channel: "email" });
    const ended = await call(`Verifications/${phone}`, { Status: "canceled" });
    expect(ended.body).toMatchObject({ sid: body.sid, status: "canceled" });
    expect(await check(await codeOf("ada@example.com"), { To: "ada@example.com" })).toMatchObject({ body: { valid: true } });
  });

  it("a wrong code leaves the verification pending, and after 5 of them even the right one is refused", async () => {
    const { sid } = (await create()).body as { sid: string };
    const code = await codeOf();
    for (let n = 0; n < 5; n += 1)
      expect(await check(wrongCode(code, n))).toEqual({ status: 200, body: checked({ sid, status: "pending", valid: false }) });
    expect(await check(code)).toEqual(failed(429, 60202, "Max check attempts reached"));
    expect(await check(code, { VerificationSid: sid })).toEqual(failed(429, 60202, "Max check attempts reached"));
    expect(await call(`Verifications/${sid}`, null)).toMatchObject({ body: { status: "max_attempts_reached", valid: false } });
    expect(await call(`Verifications/${sid}`, { Status: "canceled" })).toMatchObject({ body: { status: "canceled" } });
    on.clock.advance(2 * minute);
    expect((await create()).body.sid).not.toBe(sid);
    expect(await check(await codeOf(phone, 2))).toMatchObject({ body: { status: "approved" } });
  });

  it("a repeated create sends the code of the pending verification again, 5 times in all", async () => {
    await connectClient(AppService, on.app, { authorization: basicOf(admin.clientId, admin.clientSecret) }).updatePolicy({
      appId: "default",
      policy: { resendCooldown: { seconds: 0n } },
      updateMask: { paths: ["resend_cooldown"] },
    });
    const { sid } = (await create()).body as { sid: string };
    const code = await codeOf();
    for (let n = 2; n <= 5; n += 1) {
      on.clock.advance(minute);
      const again = await create({ Channel: n === 5 ? "call" : "sms" });
      expect(again.status).toBe(201);
      expect(again.body.sid).toBe(sid);
      expect(again.body.send_code_attempts).toHaveLength(n);
      expect(again.body.channel).toBe(n === 5 ? "call" : "sms");
    }
    on.clock.advance(minute);
    expect(await create()).toEqual(failed(429, 60203, "Max send attempts reached"));
    expect(await on.messages(phone, 5)).toHaveLength(5);
    expect(await check(code)).toMatchObject({ body: { status: "approved" } });
  });

  it("a send too soon after another is refused with the time to wait, and the code still works", async () => {
    await create();
    const code = await codeOf();
    const response = await fetch(urlOf("Verifications"), {
      method: "POST",
      headers: { authorization: asOwn },
      body: new URLSearchParams({ To: phone, Channel: "sms" }),
    });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await response.json()).toEqual(failed(429, 60203).body);
    expect(await sent()).toBe(1);
    expect(await check(code)).toMatchObject({ body: { status: "approved" } });
  });

  it("codes live for 10 minutes by default, and as long as the app says if it says so", async () => {
    const { sid } = (await create()).body as { sid: string };
    const code = await codeOf();
    on.clock.advance(10 * minute - 1);
    expect((await call(`Verifications/${sid}`, null)).status).toBe(200);
    on.clock.advance(1);
    for (const answer of [
      await check(code),
      await check(code, { VerificationSid: sid }),
      await call(`Verifications/${sid}`, null),
    ])
      expect(answer).toEqual(failed(404, 20404));

    await connectClient(AppService, on.app, { authorization: basicOf(admin.clientId, admin.clientSecret) }).updatePolicy({
      appId: "default",
      policy: { codeTtl: { seconds: 120n }, codeLength: 8 },
      updateMask: { paths: ["code_ttl", "code_length"] },
    });
    await create();
    const next = await codeOf(phone, 2);
    expect(next).toMatch(/^\d{8}$/);
    on.clock.advance(2 * minute);
    expect(await check(next)).toEqual(failed(404, 20404));
  });

  it("parameters: a code and words of the caller, the language, channels", async () => {
    const numbers = ["+15017122662", "+15017122663", "+15017122664", "+15017122665", "+15017122666"] as const;
    await create({ To: numbers[0], CustomCode: "654321" });
    expect((await on.messages(numbers[0]))[0]!.code).toBe("654321");
    expect(await check("654321", { To: numbers[0] })).toMatchObject({ body: { valid: true } });
    await create({ To: numbers[1], CustomMessage: "Use {{code}} to go on." });
    expect((await on.messages(numbers[1]))[0]!.text).toMatch(/: Use \d{6} to go on\./);
    await create({ To: numbers[2], Locale: "de" });
    expect((await on.messages(numbers[2]))[0]!.text).not.toBe((await on.messages(numbers[1]))[0]!.text);
    for (const [to, channel, shown] of [
      [numbers[3], "call", "call"],
      [numbers[4], "auto", "sms"],
    ] as const)
      expect((await create({ To: to, Channel: channel })).body).toMatchObject({ channel: shown });
    for (const [index, ignored] of ["RateLimits", "ChannelConfiguration", "AppHash", "DeviceIp", "TemplateSid"].entries())
      expect(await create({ To: `+1501712268${index}`, [ignored]: "{}" }), ignored).toMatchObject({ status: 201 });
  });

  it("what Latchkey does not offer and what is not valid is refused, and nothing is sent", async () => {
    const wrong: readonly Fields[] = [
      { Amount: "39.99" },
      { Payee: "Acme" },
      { CustomFriendlyName: "Other" },
      { SendDigits: "1234" },
      { Channel: "sna" },
      { Channel: "constructor" },
      { Channel: "email" },
      { CustomCode: "12" },
      { CustomCode: "abcdef" },
      { CustomMessage: "no code here" },
      { Locale: "not a language" },
      { To: "5017122661" },
      { To: "" },
      { To: "__proto__" },
      { Channel: "" },
    ];
    for (const parameters of wrong) {
      const answer = await create(parameters);
      const isChannel = parameters.Channel === "email";
      expect(answer, JSON.stringify(parameters)).toEqual(failed(isChannel ? 403 : 400, isChannel ? 60223 : 60200));
    }
    expect((await create({ To: "abc" })).body.message).toMatch(/^Invalid parameter `To`: /);
    expect(await sent()).toBe(0);
    await create();
    for (const [code, more] of [
      ["", { To: phone }],
      ["abcdef", { To: phone }],
      ["123456", {}],
      ["123456", { To: phone, Amount: "1" }],
    ] as const)
      expect(await check(code, more), JSON.stringify(more)).toEqual(failed(400, 60200));
    expect(await check(await codeOf())).toMatchObject({ body: { valid: true } });
  });

  it("malformed bodies get Twilio's error shape", async () => {
    const post = async (body: string, type = "application/x-www-form-urlencoded", path = "Verifications") => {
      const headers = { authorization: asOwn, "content-type": type };
      const response = await fetch(urlOf(path), { method: "POST", headers, body });
      return { status: response.status, body: await response.json() };
    };
    expect(await post(`To=${phone}&To=${phone}&Channel=sms`)).toEqual(failed(400, 60200));
    expect(await post("__proto__=x&constructor=y")).toEqual(failed(400, 60200));
    expect(await post(`To=${"1".repeat(70_000)}`)).toEqual(failed(413, 60200));
    expect(await post("{}", "application/json")).toEqual(failed(415, 60200));
    expect(await post("%ff%fe=%00")).toEqual(failed(400, 60200));
    expect(await post("", "application/x-www-form-urlencoded", "VerificationCheck")).toEqual(failed(400, 60200));
    expect(await post("To=x", "application/x-www-form-urlencoded", "Nothing")).toEqual(failed(404, 20404));
    expect(await call("Verifications/%00", null)).toEqual(failed(400, 60200));
    expect(await call(`Verifications/VE${"z".repeat(32)}`, null)).toEqual(failed(400, 60200));
  });

  describe("credentials", () => {
    let shop: TestBackend;
    const [account, service] = [`AC${"a".repeat(32)}`, `VA${"b".repeat(32)}`] as const;
    beforeEach(async () => {
      const asAdmin = connectClient(AppService, on.app, { authorization: basicOf(admin.clientId, admin.clientSecret) });
      await asAdmin.createApp({ appId: "shop", displayName: "Shop" });
      shop = await addBackend(on, {
        clientId: "shop-backend",
        appId: "shop",
        scopes: ["otp:send", "otp:verify", "otp:manage"],
        dialects: ["twilio"],
        verifyByIdentifier: true,
        aliases: [account, service],
      });
    });

    it("ids that a company has at Twilio work as aliases, beside those that Latchkey makes", async () => {
      const made = twilioIdsOf({ clientId: "shop-backend", appId: "shop" });
      for (const [index, account_sid] of [account, made.accountSid].entries()) {
        for (const service_sid of [service, made.serviceSid]) {
          const given = { basic: basicOf(account_sid, shop.clientSecret), service: service_sid };
          on.clock.advance(minute);
          const { status, body } = await create({ To: `+1501712267${index}` }, given);
          expect({ status, body }).toMatchObject({ status: 201, body: { account_sid, service_sid } });
        }
      }
    });

    it("wrong ones, none and those of others reach nothing", async () => {
      const { sid } = (await create()).body as { sid: string };
      const code = await codeOf();
      const denied = failed(401, 20003);
      for (const basic of [
        "",
        "Bearer x",
        basicOf(own.accountSid, "lk_wrong"),
        basicOf(`AC${"0".repeat(32)}`, backend.clientSecret),
      ])
        expect(await call(`Verifications/${sid}`, null, { basic }), basic).toEqual(denied);
      const asShop = { basic: shop.basic, service };
      const missing = failed(404, 20404);
      expect(await call(`Verifications/${sid}`, null, asShop)).toEqual(missing);
      expect(await call(`Verifications/${sid}`, { Status: "canceled" }, asShop)).toEqual(missing);
      expect(await check(code, { VerificationSid: sid }, asShop)).toEqual(missing);
      expect(await check(code, { To: phone }, asShop)).toEqual(missing);
      // The service of another app, and none.
      for (const foreign of [own.serviceSid, `VA${"0".repeat(32)}`, "shop", "shop-backend"]) {
        expect(await call("Verifications", { To: phone, Channel: "sms" }, { ...asShop, service: foreign })).toEqual(missing);
      }
      expect(await sent()).toBe(1);
      expect(await create({ CustomCode: "123456", To: "+15017122671" }, asShop)).toEqual(failed(403, 20403));
      expect(await check(code)).toMatchObject({ body: { valid: true } });
    });

    it("a client that does not speak the dialect is refused", async () => {
      const mute = await addBackend(on, { clientId: "mute", scopes: ["otp:send", "otp:verify", "otp:manage"] });
      expect(await create({}, { basic: mute.basic })).toEqual(failed(401, 20003));
      expect(await sent()).toBe(0);
    });
  });

  it("known and unknown people get equal answers, and a proof makes no user", async () => {
    const users = connectClient(UserService, on.app, { authorization: basicOf(backend.clientId, backend.clientSecret) });
    await users.createUser({ phone });
    const [known, unknown] = [phone, "+15017122669"];
    const answers: unknown[] = [];
    for (const to of [known, unknown]) {
      const { body, status } = await create({ To: to });
      const code = await codeOf(to);
      const wrong = await check(wrongCode(code), { To: to });
      const right = await check(code, { To: to });
      answers.push(
        JSON.parse(
          JSON.stringify({ status, body, wrong, right })
            .replaceAll(to, "")
            .replaceAll(/V[EL][0-9a-f]{32}/g, ""),
        ),
      );
    }
    expect(answers[0]).toEqual(answers[1]);
    await expect(users.getUser({ key: { case: "phone", value: unknown } })).rejects.toThrow();
  });

  it("a stranger's send between the owner's send and the owner's code never makes that code fail", async () => {
    await create();
    const code = await codeOf();
    on.clock.advance(minute);
    // Over the same backend: the same code again. Over another client: another challenge.
    await create();
    await on.authFrom("203.0.113.7").sendOtp({ identifier: { case: "phone", value: phone }, createUserIfMissing: true });
    expect(await codeOf(phone, 2)).toMatch(/^\d{6}$/);
    expect(await check(code)).toMatchObject({ body: { status: "approved", valid: true } });
  });
});
