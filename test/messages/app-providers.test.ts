import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BadRequestSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Channel } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { DeliveryService, ProviderState } from "../../src/gen/latchkey/v1/delivery_service_pb.js";
import { type Message, MessageStatus } from "../../src/gen/latchkey/v1/message_pb.js";
import type { Scope } from "../../src/model/scope.js";
import { startApp } from "../../src/server/app.js";
import { type CarrierServer, startAnswering } from "../delivery/providers/carrier-server.js";
import { login as smppLogin, startCenter } from "../delivery/providers/smpp-center.js";
import { eventually, fakeClock, keptLog, startTestApp, type TestApp } from "../support/app.js";
import { addBackend } from "../support/backends.js";
import { explained, refused } from "../support/calls.js";
import { addApp, authWith, connectClient, type MadeClient } from "../support/clients.js";
import { testEngines } from "../support/engines.js";
import { queryRaw } from "../support/raw-database.js";
import { type MailServer, startMailServer } from "../support/smtp.js";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Delivery = Client<typeof DeliveryService>;
const login = { user: "shop", password: "own-mail-password" };

async function mailServer(options: Parameters<typeof startMailServer>[0] = {}): Promise<MailServer> {
  const server = await startMailServer(options);
  closers.push(server.stop);
  return server;
}

async function gatewayServer(): Promise<CarrierServer> {
  const server = await startAnswering({ status: 200, body: { id: "m-1" } });
  closers.push(server.stop);
  return server;
}

function mailUrl({ port }: MailServer, password = login.password): string {
  return `smtp://${login.user}:${password}@127.0.0.1:${port}?from=codes@shop.example&starttls=never`;
}

function gatewayOf(origin: string, more: object = {}): string {
  return JSON.stringify({
    channels: ["sms"],
    secrets: { key: "own-gateway-key", report: "own-report-secret" },
    request: {
      url: `${origin}/messages`,
      headers: { Authorization: "Bearer {secrets.key}" },
      body: { json: { to: "{to}", text: "{text}", report: "{report_url}" } },
    },
    reports: {
      authentication: { type: "query", name: "key", value: "{secrets.report}" },
      message_id: "/id",
      status: "/status",
      statuses: { ok: "delivered" },
    },
    success: { message_id: "/id" },
    ...more,
  });
}

const asUrl = (value: string) => ({ case: "url", value }) as const;
const asGateway = (value: string) => ({ case: "gateway", value }) as const;
const mail = (value: string) => ({ name: "mail", channel: Channel.EMAIL, settings: asUrl(value) });

async function deliveryOf(on: TestApp, clientId: string, scopes: readonly Scope[], appId = "shop") {
  const client = await addBackend(on, { clientId, scopes, appId });
  return { client, delivery: connectClient(DeliveryService, on.app, { authorization: client.basic }) };
}

/** The only violation of a refused call, as a sentence. */
async function violationOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (failure: unknown) => failure,
  );
  if (!(error instanceof ConnectError)) throw new Error("the call was not refused");
  const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  expect(violations).toHaveLength(1);
  return `${violations[0]!.field} ${violations[0]!.description}`;
}

/** The newest message to a contact, when it has left. */
function sentMessage(delivery: Delivery, recipient: { case: "email" | "phone"; value: string }): Promise<Message> {
  return eventually("the message", async () => {
    const [newest] = (await delivery.listMessages({ recipient, pageSize: 1 })).messages;
    return newest === undefined || newest.status === MessageStatus.QUEUED ? undefined : newest;
  });
}

describe.each(testEngines())("the carriers of an app on $engine", ({ database }) => {
  let on: TestApp;
  let shared: MailServer;
  let shop: MadeClient;
  let delivery: Delivery;
  const start = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
    shared = await mailServer();
    const smtp = `smtp://127.0.0.1:${shared.port}?from=codes@example.org&starttls=never#shared`;
    on = await startTestApp({ ...(await database()), LATCHKEY_SMTP_URL: smtp, ...env });
    closers.push(() => on.stop());
    await addApp(on, "shop");
    const scopes = ["otp:send", "messages:read", "messages:admin"] as const;
    ({ client: shop, delivery } = await deliveryOf(on, "of-shop", scopes));
  };
  const sendMail = (client: MadeClient, value: string) =>
    authWith(on, client).sendOtp({ identifier: { case: "email", value }, createUserIfMissing: true });
  const own = async () => (await delivery.listProviders({})).providers.filter(({ appId }) => appId !== "");
  const storedKeys = async () => (await on.app.core.deps.store.keys.list({ use: "carrier" })).length;

  describe("with loopback allowed", () => {
    beforeEach(() => start());

    it("carry its mail, and the deployment's that of the other apps", async () => {
      const server = await mailServer({ login });
      await delivery.putProvider(mail(mailUrl(server)));
      const { client: other } = await deliveryOf(on, "of-default", ["otp:send"], "default");
      await sendMail(shop, "ada@example.com");
      await sendMail(other, "bob@example.com");
      const message = await sentMessage(delivery, { case: "email", value: "ada@example.com" });
      expect(message).toMatchObject({ provider: "shop/mail", status: MessageStatus.SENT });
      await eventually("the mail of the other app", async () => shared.mails[0]);
      expect(server.mails.map(({ recipients, user }) => [recipients, user])).toEqual([[["ada@example.com"], "shop"]]);
      expect(server.mails[0]!.parsed.from?.value).toEqual([{ address: "codes@shop.example", name: "shop" }]);
      expect(shared.mails.map(({ recipients }) => recipients)).toEqual([["bob@example.com"]]);
      const filtered = await delivery.listMessages({ provider: "shop/mail" });
      expect(filtered.messages.map(({ messageId }) => messageId)).toEqual([message.messageId]);
    });

    it("are labelled in metrics by their kind, because apps choose names without limit", async () => {
      await delivery.putProvider(mail(mailUrl(await mailServer({ login }))));
      await sendMail(shop, "ada@example.com");
      await sentMessage(delivery, { case: "email", value: "ada@example.com" });
      const metrics = await (await fetch(`http://127.0.0.1:${on.app.metricsPort}/metrics`)).text();
      expect(metrics).toContain('latchkey_delivery_tries_total{channel="email",provider="app/smtp",outcome="sent"} 1');
      expect(metrics).not.toContain("shop/mail");
    });

    it("take messages by an HTTP gateway, whose reports come below the app", async () => {
      const gateway = await gatewayServer();
      await delivery.putProvider({ name: "sms", channel: Channel.SMS, settings: asGateway(gatewayOf(gateway.origin)) });
      const identifier = { case: "phone", value: "+46701234567" } as const;
      await authWith(on, shop).sendOtp({ identifier, createUserIfMissing: true });
      expect(await sentMessage(delivery, identifier)).toMatchObject({ provider: "shop/sms", status: MessageStatus.SENT });
      const [asked] = gateway.asked;
      expect(asked!.headers.authorization).toBe("Bearer own-gateway-key");
      const { to, report } = JSON.parse(asked!.body);
      expect([to, report]).toEqual(["+46701234567", "http://localhost:8080/delivery/reports/shop/sms?key=own-report-secret"]);
      const post = (path: string) =>
        fetch(`http://127.0.0.1:${on.app.httpPort}/delivery/reports/${path}`, {
          method: "POST",
          body: JSON.stringify({ id: "m-1", status: "ok" }),
        });
      expect((await post("shop/sms?key=guessed-secret-00")).status).toBe(403);
      expect((await post("default/sms?key=own-report-secret")).status).toBe(404);
      expect((await sentMessage(delivery, identifier)).status).toBe(MessageStatus.SENT);
      expect((await post("shop/sms?key=own-report-secret")).status).toBe(200);
      expect((await sentMessage(delivery, identifier)).status).toBe(MessageStatus.DELIVERED);
    });

    it("keep their credentials from every answer, log line and file of the database", async () => {
      const server = await mailServer({ login });
      const gateway = await gatewayServer();
      const answers = [
        await delivery.putProvider(mail(mailUrl(server))),
        await delivery.putProvider({ name: "sms", channel: Channel.SMS, settings: asGateway(gatewayOf(gateway.origin)) }),
        await delivery.testProvider({ name: "mail" }),
      ];
      await sendMail(shop, "ada@example.com");
      await sentMessage(delivery, { case: "email", value: "ada@example.com" });
      const rows = [...(await queryRaw(on, "SELECT * FROM keys")), ...(await queryRaw(on, "SELECT * FROM apps"))];
      const shown = [
        JSON.stringify([answers, (await delivery.listProviders({})).providers, on.log.lines], (_key, value: unknown) =>
          typeof value === "bigint" ? String(value) : value,
        ),
        ...rows
          .flatMap((row) => Object.values(row))
          .map((value) => (Buffer.isBuffer(value) ? value.toString("latin1") : `${value}`)),
        ...readdirSync(on.folder).map((file) => readFileSync(join(on.folder, file), "latin1")),
      ];
      for (const text of shown) for (const secret of [login.password, "own-gateway-key"]) expect(text).not.toContain(secret);
      expect(on.log.lines.filter(({ message }) => message === "set a carrier").map(({ fields }) => fields)).toMatchObject([
        {
          by: "of-shop",
          app: "shop",
          provider: "mail",
          channel: "email",
          kind: "smtp",
          origin: `smtp://127.0.0.1:${server.port}`,
        },
        { app: "shop", provider: "sms", channel: "sms", kind: "http-gateway", origin: gateway.origin },
      ]);
    });

    it("are listed before the deployment's in their order, are replaced in their place, moved and removed, each with its key", async () => {
      const url = (host: string) => asUrl(`smtp://${host}?from=codes@shop.example`);
      const put = (name: string, position = 0) =>
        delivery.putProvider({ name, channel: Channel.EMAIL, settings: url(`${name}.example.com`), position });
      const names = async () => (await delivery.listProviders({})).providers.map(({ name }) => name);
      for (const name of ["a", "b", "c"]) await put(name);
      expect(await names()).toEqual(["shop/a", "shop/b", "shop/c", "shared"]);
      await put("b");
      expect(await names()).toEqual(["shop/a", "shop/b", "shop/c", "shared"]);
      await put("c", 1);
      expect(await names()).toEqual(["shop/c", "shop/a", "shop/b", "shared"]);
      await put("c", 2);
      expect(await names()).toEqual(["shop/a", "shop/c", "shop/b", "shared"]);
      await put("a", 10);
      expect(await names()).toEqual(["shop/c", "shop/b", "shop/a", "shared"]);
      expect(await storedKeys()).toBe(3);
      expect((await own())[0]).toMatchObject({ appId: "shop", kind: "smtp", channel: Channel.EMAIL, state: ProviderState.UP });
      await delivery.deleteProvider({ name: "b" });
      expect(await names()).toEqual(["shop/c", "shop/a", "shared"]);
      expect(await storedKeys()).toBe(2);
      expect((await refused(delivery.deleteProvider({ name: "b" }))).reason).toBe("PROVIDER_NOT_FOUND");
      expect((await refused(delivery.deleteProvider({ name: "shared" }))).reason).toBe("PROVIDER_NOT_FOUND");
    });

    it("are at most ten, of which one can still be replaced", async () => {
      const put = (name: string) => delivery.putProvider({ ...mail("smtp://mail.example.com?from=codes@shop.example"), name });
      for (let n = 1; n <= 10; n += 1) await put(`mail-${n}`);
      expect(await explained(put("mail-11"))).toMatchObject({ reason: "REQUEST_INVALID", fields: ["name"] });
      await put("mail-10");
      expect([(await own()).length, await storedKeys()]).toEqual([10, 10]);
    });

    it("change for the next message, also from one that refused the login, and the deployment's count again without them", async () => {
      const [first, second] = [await mailServer({ login }), await mailServer({ login })];
      await delivery.putProvider(mail(mailUrl(first, "wrong-password")));
      await sendMail(shop, "ada@example.com");
      await eventually("the refusal", async () => ((await own())[0]?.state === ProviderState.DOWN ? true : undefined));
      expect((await own())[0]!.lastError).toMatch(/^The mail server refused the login \(535[^)]*\): check .* in its URL\.$/);
      expect(shared.mails).toEqual([]);
      await delivery.putProvider(mail(mailUrl(second)));
      await sendMail(shop, "bob@example.com");
      expect(await sentMessage(delivery, { case: "email", value: "bob@example.com" })).toMatchObject({ provider: "shop/mail" });
      await delivery.deleteProvider({ name: "mail" });
      await sendMail(shop, "cy@example.com");
      expect(await sentMessage(delivery, { case: "email", value: "cy@example.com" })).toMatchObject({ provider: "shared" });
      expect(first.mails).toEqual([]);
    });

    it("act in the other processes within a second", async () => {
      const server = await mailServer({ login });
      const other = await startApp(on.settings, keptLog(), { clock: on.clock, print: () => {} });
      closers.push(() => other.stop());
      await delivery.putProvider(mail(mailUrl(server)));
      const there = connectClient(DeliveryService, other, { authorization: shop.basic });
      await eventually("the carrier in the other process", async () =>
        (await there.listProviders({})).providers.find(({ name }) => name === "shop/mail"),
      );
      await on.app.stop();
      const identifier = { case: "email", value: "ada@example.com" } as const;
      const auth = connectClient(AuthService, other, { authorization: shop.basic });
      await auth.sendOtp({ identifier, createUserIfMissing: true });
      expect(await sentMessage(there, identifier)).toMatchObject({ provider: "shop/mail", status: MessageStatus.SENT });
      expect(server.mails).toHaveLength(1);
    });

    it("may have descriptions of 16,384 characters, and no longer ones", async () => {
      const sms = { name: "sms", channel: Channel.SMS };
      const bare = gatewayOf("https://8.8.8.8", { $comment: "" }).length;
      const ofLength = (length: number) => gatewayOf("https://8.8.8.8", { $comment: "x".repeat(length - bare) });
      await delivery.putProvider({ ...sms, settings: asGateway(ofLength(16_384)) });
      expect((await refused(delivery.putProvider({ ...sms, settings: asGateway(ofLength(16_385)) }))).reason).toBe(
        "REQUEST_INVALID",
      );
      expect((await own()).length).toBe(1);
    });

    it("can be tested without sending: the answer says what is wrong, and whether the carrier could be asked", async () => {
      const server = await mailServer({ login });
      const gateway = await gatewayServer();
      await delivery.putProvider(mail(mailUrl(server, "wrong-password")));
      const { tested, problem } = await delivery.testProvider({ name: "mail" });
      expect([tested, problem]).toEqual([true, expect.stringMatching(/^The mail server refused the login \(535/)]);
      expect(problem).not.toContain("wrong-password");
      await delivery.putProvider(mail(mailUrl(server)));
      expect(await delivery.testProvider({ name: "mail" })).toMatchObject({ tested: true, problem: "" });
      const sms = { name: "sms", channel: Channel.SMS };
      await delivery.putProvider({ ...sms, settings: asGateway(gatewayOf(gateway.origin)) });
      expect(await delivery.testProvider({ name: "sms" })).toMatchObject({ tested: false, problem: "" });
      const check = { check: `${gateway.origin}/account` };
      await delivery.putProvider({ ...sms, settings: asGateway(gatewayOf(gateway.origin, check)) });
      expect(await delivery.testProvider({ name: "sms" })).toMatchObject({ tested: true, problem: "" });
      expect((await refused(delivery.testProvider({ name: "nothing" }))).reason).toBe("PROVIDER_NOT_FOUND");
      expect(server.mails).toEqual([]);
    });

    it("whose settings can't be opened are down with the cause, and nothing else stops", async () => {
      await delivery.putProvider(mail(mailUrl(await mailServer({ login }))));
      await queryRaw(on, "DELETE FROM keys WHERE use = 'carrier'");
      await sendMail(shop, "ada@example.com");
      await eventually("the cause", async () => ((await own())[0]?.state === ProviderState.DOWN ? true : undefined));
      expect((await own())[0]!.lastError).toMatch(/^Its settings can't be opened, .* set the carrier again\.$/);
      expect((await delivery.testProvider({ name: "mail" })).problem).toMatch(/^Its settings can't be opened/);
      expect(shared.mails).toEqual([]);
      const { client: other } = await deliveryOf(on, "of-default", ["otp:send"], "default");
      await sendMail(other, "bob@example.com");
      await eventually("the mail of the other app", async () => shared.mails[0]);
    });

    it("are no business of another app's clients, and need messages:admin; operators manage them for any app", async () => {
      const put = mail("smtp://mail.example.com?from=codes@shop.example");
      const { delivery: foreign } = await deliveryOf(on, "of-default", ["messages:read", "messages:admin"], "default");
      const { delivery: reader } = await deliveryOf(on, "reader", ["messages:read"]);
      const calls = (client: Delivery, appId: string) => [
        client.putProvider({ ...put, appId }),
        client.deleteProvider({ appId, name: "mail" }),
        client.testProvider({ appId, name: "mail" }),
      ];
      const of = [...calls(foreign, "shop"), foreign.listProviders({ appId: "shop" }), ...calls(reader, "")];
      for (const { reason } of await Promise.all(of.map(refused))) expect(reason).toBe("SCOPE_MISSING");
      expect(await storedKeys()).toBe(0);
      const { delivery: operator } = await deliveryOf(on, "op", ["messages:read", "messages:admin", "operator"], "default");
      await operator.putProvider({ ...put, appId: "shop" });
      expect((await own()).map(({ name }) => name)).toEqual(["shop/mail"]);
      expect((await foreign.listProviders({})).providers.map(({ name }) => name)).toEqual(["shared"]);
      expect((await refused(operator.putProvider({ ...put, appId: "nowhere" }))).reason).toBe("APP_NOT_FOUND");
    });
  });

  describe("without allowed addresses", () => {
    beforeEach(() => start({ LATCHKEY_OUTBOUND_ALLOWED: "10.99.99.99" }));

    const access = `AC${"0".repeat(32)}:token`;
    it.each([
      ["a mail server on loopback", Channel.EMAIL, "smtp://127.0.0.1:2525?from=a@b.example", /must not lead to a loopback/],
      ["a mail server in decimal", Channel.EMAIL, "smtp://2130706433?from=a@b.example", /normal form/],
      ["a name of loopback", Channel.EMAIL, "smtps://localhost?from=a@b.example", /must not lead to a loopback/],
      ["an address of metadata", Channel.EMAIL, "smtp://169.254.169.254?from=a@b.example", /must not lead to a loopback/],
      ["a message center in a private network", Channel.SMS, "smpp://s:p@192.168.1.1", /must not lead to a loopback/],
      ["a message center on loopback", Channel.SMS, "smpps://s:p@[::1]", /must not lead to a loopback/],
      ["Twilio elsewhere", Channel.SMS, `twilio://${access}@127.0.0.1:8443?from=Shop`, /must not lead to a loopback/],
      ["Vonage elsewhere", Channel.SMS, "vonage://abcd1234:secret@10.0.0.1?from=Shop", /must not lead to a loopback/],
      [
        "a file as authority",
        Channel.EMAIL,
        "smtps://mail.example.com?from=a@b.example&ca=/etc/passwd",
        /must not name a file/,
      ],
      [
        "a file as authority of Twilio",
        Channel.SMS,
        `twilio://${access}@api.twilio.com?from=Shop&ca=/x`,
        /must not name a file/,
      ],
      [
        "a file as key",
        Channel.EMAIL,
        "smtp://mail.example.com?from=a@b.example&dkim_selector=a&dkim_key=/x",
        /must not name a file/,
      ],
      ["insecure mail", Channel.EMAIL, "smtps://mail.example.com?from=a@b.example&insecure=1", /must not have `insecure`/],
      ["insecure SMPP", Channel.SMS, "smpps://s:p@smsc.example.com?insecure=1", /must not have `insecure`/],
      ["insecure Twilio", Channel.SMS, `twilio://${access}@api.twilio.com?from=Shop&insecure=1`, /must not have `insecure`/],
      ["the credentials of this machine", Channel.EMAIL, "ses://eu-central-1?from=a@b.example", /the id of an access key/],
      ["a gateway's file", Channel.SMS, "http-gateway:///etc/latchkey/sms.json", /must not name a file of this machine/],
      ["a name in the URL", Channel.EMAIL, "smtp://mail.example.com?from=a@b.example#mail", /must have no "#"/],
      ["another channel's protocol", Channel.VOICE, "smpp://s:p@smsc.example.com", /must begin with/],
    ])("%s is refused in one sentence, and nothing is stored", async (_what, channel, value, expected) => {
      const violation = await violationOf(delivery.putProvider({ name: "own", channel, settings: asUrl(value) }));
      expect(violation).toMatch(expected);
      expect(violation).toMatch(/^url must /);
      expect([await own(), await storedKeys()]).toEqual([[], 0]);
    });

    it.each([
      ["a private address", gatewayOf("https://10.0.0.1"), /must not lead to a loopback/],
      ["http", gatewayOf("http://8.8.8.8"), /must be an https URL/],
      [
        "a token from a private address",
        gatewayOf("https://8.8.8.8", { check: "https://[::1]/" }),
        /must not lead to a loopback/,
      ],
      [
        "a secret of the environment",
        gatewayOf("https://8.8.8.8", { secrets: { key: { env: "PATH" } } }),
        /must be the secret itself/,
      ],
      ["no JSON", "{{", /must be JSON/],
    ])("a gateway with %s is refused, and nothing is stored", async (_what, value, expected) => {
      const put = delivery.putProvider({ name: "own", channel: Channel.SMS, settings: asGateway(value) });
      const violation = await violationOf(put);
      expect(violation).toMatch(expected);
      expect(violation).toMatch(/^gateway must /);
      expect([await own(), await storedKeys()]).toEqual([[], 0]);
    });
  });
});

describe("a channel that only the app's own carrier has, in production", () => {
  it("can be used by that app alone, within the countries of the deployment, and its receipts arrive", async () => {
    const center = await startCenter();
    closers.push(center.stop);
    const clock = fakeClock(Date.now());
    const env = {
      LATCHKEY_MODE: "production",
      LATCHKEY_ISSUER: "https://auth.example.com",
      LATCHKEY_TLS: "terminated",
      LATCHKEY_AUTO_REGISTRATION: "on",
      LATCHKEY_DRAIN_DELAY: "0",
      LATCHKEY_SMS_COUNTRIES: "DE",
      LATCHKEY_OUTBOUND_ALLOWED: "127.0.0.1",
      LATCHKEY_SMTP_URL: "smtp://127.0.0.1:1?from=codes@example.com&starttls=never",
    };
    const on = await startTestApp(env, { clock });
    closers.push(() => on.stop());
    await addApp(on, "shop");
    const { client, delivery } = await deliveryOf(on, "of-shop", ["otp:send", "messages:read", "messages:admin"]);
    const { client: other } = await deliveryOf(on, "of-default", ["otp:send"], "default");
    const send = (by: MadeClient, value: string) =>
      authWith(on, by).sendOtp({ identifier: { case: "phone", value }, channel: Channel.SMS, createUserIfMissing: true });
    const number = "+4915112345678";
    expect((await refused(send(client, number))).reason).toBe("CHANNEL_UNAVAILABLE");
    const url = `smpp://${smppLogin.systemId}:${smppLogin.password}@127.0.0.1:${center.port}?from=Shop`;
    await delivery.putProvider({ name: "sms", channel: Channel.SMS, settings: asUrl(url) });
    await send(client, number);
    clock.advance(1_000);
    const recipient = { case: "phone", value: number } as const;
    expect(await sentMessage(delivery, recipient)).toMatchObject({ provider: "shop/sms", status: MessageStatus.SENT });
    expect(center.submits).toHaveLength(1);
    const text = "id:m0 sub:001 dlvrd:001 submit date:2601151200 done date:2601151200 stat:DELIVRD err:000 text:";
    expect((await center.deliver({ text })).status).toBe(0);
    expect((await sentMessage(delivery, recipient)).status).toBe(MessageStatus.DELIVERED);
    expect((await refused(send(other, number))).reason).toBe("CHANNEL_UNAVAILABLE");
    expect((await refused(send(client, "+46701234567"))).reason).toBe("COUNTRY_NOT_ALLOWED");
    await delivery.deleteProvider({ name: "sms" });
    expect((await refused(send(client, number))).reason).toBe("CHANNEL_UNAVAILABLE");
    expect(center.submits).toHaveLength(1);
  });
});
