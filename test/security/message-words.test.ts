import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppService } from "../../src/gen/latchkey/v1/app_service_pb.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Channel } from "../../src/gen/latchkey/v1/challenge_pb.js";
import type { AppTextSchema } from "../../src/gen/latchkey/v1/wording_pb.js";
import { type CarrierServer, startCarrier } from "../delivery/providers/carrier-server.js";
import { callers, failureOf, type RpcCaller } from "../doors/callers.js";
import { fakeClock, startTestApp, type TestApp } from "../support/app.js";
import { addClient, connectClient, type MadeClient } from "../support/clients.js";
import { testEngines } from "../support/engines.js";
import { endServers, newFolder, until } from "../support/server.js";
import { type MailServer, startMailServer } from "../support/smtp.js";

const { sendOtp } = AuthService.method;
const { putText } = AppService.method;

/** A carrier that takes JSON over HTTP. */
const startGateway = () =>
  startCarrier({
    read: ({ body }) => JSON.parse(body) as { to: string; text: string },
    accept: (_asked, count) => ({ status: 200, body: { id: `m${count}` } }),
    refuse: { status: 400, body: {} },
    lockOut: { status: 401, body: {} },
  });

const badMessages = [
  "Pay at http://evil.test {otp} {app}",
  "{app} {otp} evil.test",
  "{app} {otp} bit.ly/x",
  "{app} {otp} https://shop.example.com@evil.test",
  "{app} {otp} пример.рф",
  "{app} {otp} xn--e1afmkfd.xn--p1ai",
  "{app} {otp} call +1 500 555 0006",
  "{otp}",
  "{app}",
  "{app} {otp} {otp}",
  `{app} {otp} ${"x".repeat(190)}`,
  `{app} {otp} ${"x".repeat(2_000)}`,
  `{app} {otp} ${"ж".repeat(180)}`,
  "{app} {otp} {{7*7}}",
  "{app} {otp} {constructor}",
  "{app} {otp}\r\nBcc: evil@example.net",
  "{app} {otp} a\u202eb",
];
const badSubjects = [
  "Hi\r\nBcc: evil@example.net",
  "Hi\nX-Evil: 1",
  "Hi\u0000",
  "see evil.test",
  "{user}",
  "call 0900 12345",
  "x".repeat(121),
];
const badSenders = ["BANK", "shop", "ABCDEFGHIJKL", "46701234567", "ШОП", "SHOP\n", "SHOP&to=+1", "x".repeat(100)];
const badLocales = ["../../etc/passwd", "en\0", "e".repeat(7_000), "<b>", "en\r\nX-Evil: 1"];

const hostileName = "<b>{otp}</b>{{7*7}}\u0024{code}%0a&to=+1\"'`{constructor}";

describe.each(testEngines())("what callers and admins put into messages, on $engine", ({ database }) => {
  let gateway: CarrierServer;
  let mailServer: MailServer;
  let on: TestApp;
  let admin: MadeClient;
  let backend: MadeClient;
  let plain: MadeClient;
  let apps: Client<typeof AppService>;
  let auth: Client<typeof AuthService>;
  let target: { readonly grpcAddress: string; readonly webUrl: string };

  beforeAll(async () => {
    [gateway, mailServer] = await Promise.all([startGateway(), startMailServer()]);
    const file = join(newFolder(), "sms.json");
    const body = { json: { from: "{from}", to: "{to}", text: "{text}" } };
    const description = { channels: ["sms"], from: "Latchkey", request: { url: `${gateway.origin}/send`, body } };
    writeFileSync(file, JSON.stringify({ ...description, success: { status: 200, message_id: "/id" } }));
    // Carriers go by the time of the machine, so the clock begins there.
    const clock = fakeClock(Date.now());
    const env = {
      ...(await database()),
      LATCHKEY_SMS_COUNTRIES: "SE",
      LATCHKEY_SMS_URL: `http-gateway://${file}?insecure=1`,
      LATCHKEY_SMTP_URL: `smtp://127.0.0.1:${mailServer.port}?from=codes@example.org&starttls=never`,
    };
    on = { ...(await startTestApp(env, { clock })), clock };
    target = { grpcAddress: `127.0.0.1:${on.app.grpcPort}`, webUrl: `http://127.0.0.1:${on.app.httpPort}` };
    admin = await addClient(on, { clientId: "admin", scopes: ["apps:admin"] });
    backend = await addClient(on, { clientId: "backend", scopes: ["otp:send", "otp:options"] });
    plain = await addClient(on, { clientId: "plain", scopes: ["otp:send"] });
    apps = connectClient(AppService, on.app, { authorization: admin.basic });
    auth = connectClient(AuthService, on.app, { authorization: backend.basic });
    const wording = { linkHosts: ["shop.example.com"], senderIds: ["SHOP"] };
    await apps.updateWording({ appId: "default", wording, updateMask: { paths: ["link_hosts", "sender_ids"] } });
  });
  afterAll(async () => {
    await on.stop();
    await Promise.all([gateway.stop(), mailServer.stop()]);
    await endServers();
  });

  let numbers = 0;
  const newPhone = (): { case: "phone"; value: string } => {
    numbers += 1;
    return { case: "phone", value: `+46701234${String(numbers).padStart(3, "0")}` };
  };
  const textTo = (phone: string) =>
    until(`the SMS to ${phone}`, async () => gateway.received.find(({ to }) => to === phone)?.text);
  const mailTo = (address: string) =>
    until(`the mail to ${address}`, async () => mailServer.mails.find(({ recipients }) => recipients.includes(address)));
  const sent = () => [gateway.asked.length, mailServer.mails.length];

  /** Sends one more SMS and waits for it, so that any that was asked for before has gone out. */
  async function nothingWasSent(before: readonly number[]): Promise<void> {
    const identifier = newPhone();
    await auth.sendOtp({ identifier, createUserIfMissing: true });
    await textTo(identifier.value);
    expect(sent()).toEqual([before[0]! + 1, before[1]]);
  }

  describe.each(Object.entries(callers))("over %s", (_name, open) => {
    let caller: RpcCaller;
    beforeAll(() => {
      caller = open(target);
    });
    afterAll(() => caller.close());

    const callAs = (client: MadeClient | null) => {
      const options = client === null ? {} : { headers: { authorization: client.basic } };
      return {
        send: (request: MessageInitShape<typeof sendOtp.input>) => failureOf(caller.call(sendOtp, request, options)),
        put: (text: MessageInitShape<typeof AppTextSchema>) =>
          failureOf(caller.call(putText, { appId: "default", text }, options)),
      };
    };

    it("F01, F02: each bad custom message is refused by its name, and nothing is sent", async () => {
      const before = sent();
      for (const customMessage of badMessages) {
        const { reason, fields } = await callAs(backend).send({ identifier: newPhone(), customMessage });
        expect([customMessage, reason, new Set(fields)]).toEqual([
          customMessage,
          "REQUEST_INVALID",
          new Set(["custom_message"]),
        ]);
      }
      await nothingWasSent(before);
    });

    it("F01: free text needs the scope otp:options", async () => {
      const before = sent();
      for (const client of [null, plain]) {
        const refused = await callAs(client).send({ identifier: newPhone(), customMessage: "{app} {otp}" });
        expect(refused).toMatchObject({ reason: "SCOPE_MISSING", metadata: { scope: "otp:options" } });
      }
      await nothingWasSent(before);
    });

    it("F03, F05: each bad subject and sender is refused by its name, and nothing is sent", async () => {
      const before = sent();
      const mail = { case: "email", value: "victim@example.com" } as const;
      for (const subject of badSubjects) {
        const { reason, fields } = await callAs(backend).send({ identifier: mail, subject });
        expect([subject, reason, new Set(fields)]).toEqual([subject, "REQUEST_INVALID", new Set(["subject"])]);
      }
      for (const senderId of badSenders) {
        const { reason, fields } = await callAs(backend).send({ identifier: newPhone(), senderId });
        expect([senderId, reason, fields]).toEqual([senderId, "REQUEST_INVALID", ["sender_id"]]);
      }
      await nothingWasSent(before);
    });

    it("F06: each bad locale of a call and of a text is refused by its name, and nothing is sent or stored", async () => {
      const before = sent();
      for (const locale of badLocales) {
        const call = await callAs(backend).send({ identifier: newPhone(), locale });
        expect([locale.slice(0, 40), call.reason, new Set(call.fields)]).toEqual([
          locale.slice(0, 40),
          "REQUEST_INVALID",
          new Set(["locale"]),
        ]);
        const put = await callAs(admin).put({ channel: Channel.SMS, locale, text: "{otp}" });
        expect([put.reason, new Set(put.fields)]).toEqual(["REQUEST_INVALID", new Set(["text.locale"])]);
      }
      expect((await apps.listTexts({ appId: "default" })).texts).toEqual([]);
      await nothingWasSent(before);
    });

    it("says all that is wrong with the words of a call at once", async () => {
      const words = { customMessage: "evil.test {x}", subject: "evil.test", senderId: "BANK" };
      const { fields } = await callAs(backend).send({ identifier: newPhone(), ...words });
      expect(fields).toEqual([...Array(4).fill("custom_message"), "subject", "sender_id", "subject"]);
    });
  });

  describe("F02-F04: a hostile name of the app", () => {
    beforeAll(async () => {
      const paths = ["display_name"];
      await apps.updateApp({ appId: "default", displayName: hostileName.slice(0, 40), updateMask: { paths } });
      await apps.updateWording({
        appId: "default",
        wording: { senderName: hostileName.slice(0, 40) },
        updateMask: { paths: ["sender_name"] },
      });
    });

    it("is a text of the SMS, to one number, and {otp} in it is no placeholder", async () => {
      const identifier = newPhone();
      await auth.sendOtp({ identifier, createUserIfMissing: true, customMessage: "{otp} for {app}", senderId: "SHOP" });
      expect(await textTo(identifier.value)).toMatch(/^\d{6} for <b>\{?otp\}?<\/b>/);
      const { body } = gateway.asked.at(-1)!;
      expect(Object.entries(JSON.parse(body) as object).map(([name]) => name)).toEqual(["from", "to", "text"]);
      expect(JSON.parse(body)).toMatchObject({ from: "SHOP", to: identifier.value });
      expect(body.match(/\d{6}/g)!.filter((digits) => !identifier.value.includes(digits))).toHaveLength(1);
    });

    it("is a text of the mail, which has one recipient and no header of its own", async () => {
      const identifier = { case: "email", value: "ada@example.com" } as const;
      const words = { customMessage: "{otp} for {app}", subject: "{app}: {otp}" };
      await auth.sendOtp({ identifier, createUserIfMissing: true, ...words });
      const { parsed, recipients, raw } = await mailTo(identifier.value);
      const name = hostileName.slice(0, 40);
      const code = parsed.subject!.slice(-6);
      expect(parsed.subject).toBe(`${name}: ${code}`);
      expect(parsed.from?.value).toEqual([{ name, address: "codes@example.org" }]);
      expect(parsed.text).toContain(`${code} for ${name}`);
      expect(parsed.html).not.toContain("<b>");
      expect(parsed.html).toContain(`${code} for &lt;b&gt;{otp}&lt;/b&gt;`);
      expect(recipients).toEqual([identifier.value]);
      expect(raw.slice(0, raw.indexOf("\r\n\r\n"))).not.toMatch(/^(bcc|cc|x-evil)/im);
    });
  });

  it.each(["Shop\r\nBcc: evil@example.net", "Shop\n.\r\nMAIL FROM:<evil@example.net>", "Shop\u0000", "Shop\u202e"])(
    "F03: the sender name %j is refused, and the old one stays",
    async (senderName) => {
      const before = (await apps.getApp({ appId: "default" })).app!.wording!.senderName;
      const changed = apps.updateWording({ appId: "default", wording: { senderName }, updateMask: { paths: ["sender_name"] } });
      expect((await failureOf(changed)).fields).toEqual(["wording.sender_name"]);
      expect((await apps.getApp({ appId: "default" })).app!.wording!.senderName).toBe(before);
    },
  );

  it("a link host that a text needs can't be taken away", async () => {
    const text = { channel: Channel.SMS, text: "{otp} https://shop.example.com/" };
    await apps.putText({ appId: "default", text });
    const removed = apps.updateWording({ appId: "default", wording: {}, updateMask: { paths: ["link_hosts"] } });
    expect((await failureOf(removed)).fields).toEqual(["wording"]);
    expect((await apps.getApp({ appId: "default" })).app!.wording!.linkHosts).toEqual(["shop.example.com"]);
    await apps.deleteText({ appId: "default", channel: Channel.SMS });
  });
});
