import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Challenge, Channel } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { DeliveryService } from "../../src/gen/latchkey/v1/delivery_service_pb.js";
import { type Message, MessageStatus, MessageTryResult } from "../../src/gen/latchkey/v1/message_pb.js";
import type { CarrierServer } from "../delivery/providers/carrier-server.js";
import { type Center, login, startCenter } from "../delivery/providers/smpp-center.js";
import { account, startTwilioServer, token } from "../delivery/providers/twilio-server.js";
import { fakeClock, startTestApp, type TestApp } from "../support/app.js";
import { addClient, connectClient } from "../support/clients.js";
import { testEngines } from "../support/engines.js";
import { endServers, newFolder, until } from "../support/server.js";
import { createAuthority } from "../support/tls.js";

const issuer = "https://auth.example.com";
const hour = 60 * 60_000;
const authority = createAuthority();
const certificate = authority.issue(["127.0.0.1"]);

/** Production behind a proxy that does TLS. Germany's numbers get messages. */
const production = {
  LATCHKEY_MODE: "production",
  LATCHKEY_ISSUER: issuer,
  LATCHKEY_TLS: "terminated",
  LATCHKEY_DEFAULT_CLIENT: "on",
  LATCHKEY_AUTO_REGISTRATION: "on",
  LATCHKEY_DRAIN_DELAY: "0",
  LATCHKEY_SMS_COUNTRIES: "DE",
  LATCHKEY_SMTP_URL: "smtp://127.0.0.1:1?from=codes@example.com&starttls=never",
} as const;

/** Carriers go by the time of the machine, so the clock begins there. */
async function start(env: Readonly<Record<string, string>>): Promise<TestApp> {
  const clock = fakeClock(Date.now());
  return { ...(await startTestApp({ ...production, ...env }, { clock })), clock };
}

/** The certificate that the carriers' own are checked against, as a file. */
function caFile(): string {
  const path = join(newFolder(), "ca.pem");
  writeFileSync(path, authority.cert);
  return path;
}

async function messagesOf(on: TestApp): Promise<Client<typeof DeliveryService>> {
  const support = await addClient(on, { clientId: "support", scopes: ["messages:read"] });
  return connectClient(DeliveryService, on.app, { authorization: support.basic });
}

/** Waits until the newest message to a number has got this far. */
function messageTo(messages: Client<typeof DeliveryService>, phone: string, status: MessageStatus): Promise<Message> {
  return until(`a message with status ${status}`, async () => {
    const listed = await messages.listMessages({ recipient: { case: "phone", value: phone }, pageSize: 1 });
    const [newest] = listed.messages;
    if (newest?.status !== status) return undefined;
    return (await messages.getMessage({ messageId: newest.messageId })).message;
  });
}

/** Waits until the newest message to a number is delivered and the redemption of its code is noted, after which nothing changes by itself. */
function verifiedMessageTo(messages: Client<typeof DeliveryService>, phone: string): Promise<Message> {
  return until("the redemption on the message", async () => {
    const message = await messageTo(messages, phone, MessageStatus.DELIVERED);
    return message.verifiedAt === undefined ? undefined : message;
  });
}

/** Asks for a code, and lets it leave. */
async function sendTo(on: TestApp, value: string, channel = Channel.UNSPECIFIED): Promise<Challenge> {
  const identifier = { case: "phone", value } as const;
  const { challenge } = await on.auth.sendOtp({ identifier, channel, createUserIfMissing: true });
  // Codes leave within a second, so that the time of sending reveals nothing.
  on.clock.advance(1_000);
  return challenge!;
}

/** Redeems the code and returns the number of the user who is signed in. */
async function redeem(on: TestApp, { challengeId }: Challenge, code: string): Promise<string | undefined> {
  const { tokens } = await on.auth.verifyOtp({ challengeId, code });
  const headers = { authorization: `Bearer ${tokens!.accessToken}` };
  return (await on.auth.getCurrentUser({}, { headers })).user!.contacts[0]?.value;
}

describe.each(testEngines())("in production on $engine", ({ database }) => {
  afterAll(endServers);

  describe("by Twilio", () => {
    let twilio: CarrierServer;
    let on: TestApp;
    let messages: Client<typeof DeliveryService>;

    beforeAll(async () => {
      twilio = await startTwilioServer(certificate);
      const at = `twilio://${account}:${token}@${twilio.origin.replace("https://", "")}`;
      const ca = `&ca=${caFile()}`;
      on = await start({
        ...(await database()),
        LATCHKEY_SMS_URL: `${at}?from=%2B14155550100${ca}`,
        LATCHKEY_WHATSAPP_URL: `${at}?from=whatsapp:%2B14155550100&content_sid=HX${"0".repeat(32)}${ca}#whatsapp`,
        LATCHKEY_VOICE_URL: `${at}?from=%2B14155550100${ca}#calls`,
      });
      messages = await messagesOf(on);
    });
    afterAll(async () => {
      await on.stop();
      await twilio.stop();
    });

    /** What Twilio posts about its newest message, signed as https://www.twilio.com/docs/usage/security says. */
    function reportOf(fields: Record<string, string>, key = token) {
      const url = new URLSearchParams(twilio.asked.at(-1)!.body).get("StatusCallback")!;
      const form = new URLSearchParams({ AccountSid: account, ApiVersion: "2010-04-01", ...fields });
      const names = [...form.keys()].sort();
      const signed = url + names.map((name) => name + form.get(name)).join("");
      const signature = createHmac("sha1", key).update(signed).digest("base64");
      return { path: url.slice(issuer.length), form, signature };
    }

    async function post({ path, form, signature }: ReturnType<typeof reportOf>): Promise<number> {
      const response = await fetch(`http://127.0.0.1:${on.app.httpPort}${path}`, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature },
        body: form.toString(),
      });
      await response.body?.cancel();
      return response.status;
    }

    const arrived = (count: number) =>
      until("the message at Twilio", async () => (twilio.received.length >= count ? twilio.received.at(-1) : undefined));

    it("a user signs in by SMS, and its signed report shows the message as delivered", async () => {
      const phone = "+4915112345678";
      const challenge = await sendTo(on, phone);
      const { to, text } = await arrived(1);
      expect(to).toBe(phone);
      const sent = await messageTo(messages, phone, MessageStatus.SENT);
      expect(await redeem(on, challenge, /\d{6}/.exec(text)![0])).toBe(phone);
      on.clock.advance(2_000);

      const report = reportOf({ MessageSid: sent.providerMessageId, MessageStatus: "delivered", To: phone });
      expect(report.path).toMatch(/^\/delivery\/reports\/twilio\?ref=/);
      expect(await post(report)).toBe(200);
      const delivered = await messageTo(messages, phone, MessageStatus.DELIVERED);
      expect(delivered).toMatchObject({
        appId: "default",
        challengeId: challenge.challengeId,
        channel: Channel.SMS,
        country: "DE",
        provider: "twilio",
        providerMessageId: expect.stringMatching(/^SM[0-9a-f]{32}$/),
        cause: "",
        segments: 1,
        tries: [{ provider: "twilio", result: MessageTryResult.SENT }],
      });
      expect(delivered.maskedDestination).toMatch(/^\*+5678$/);
      expect(Number(delivered.deliveredAt!.seconds - delivered.sentAt!.seconds)).toBeGreaterThanOrEqual(2);
    });

    it("forged and replayed reports change nothing", async () => {
      const phone = "+4915112345678";
      const before = await verifiedMessageTo(messages, phone);
      const id = { MessageSid: before.providerMessageId, To: phone };
      const failed = { ...id, MessageStatus: "undelivered", ErrorCode: "30003" };
      expect(await post(reportOf(failed, "another token"))).toBe(403);
      expect(await post({ ...reportOf({ ...id, MessageStatus: "delivered" }), form: new URLSearchParams(failed) })).toBe(403);
      on.clock.advance(5_000);
      expect(await post(reportOf({ ...id, MessageStatus: "delivered" }))).toBe(200);
      expect(await post(reportOf({ ...id, MessageStatus: "sent" }))).toBe(200);
      expect(await post(reportOf(failed))).toBe(200);
      expect(await messageTo(messages, phone, MessageStatus.DELIVERED)).toEqual(before);
    });

    it("a report about a message that does not exist gets the answer of one that does", async () => {
      const report = reportOf({ MessageSid: `SM${"f".repeat(32)}`, MessageStatus: "delivered" });
      const path = "/delivery/reports/twilio";
      const names = [...report.form.keys()].sort();
      const signed = issuer + path + names.map((name) => name + report.form.get(name)).join("");
      expect(await post({ ...report, path, signature: createHmac("sha1", token).update(signed).digest("base64") })).toBe(200);
    });

    it("a user signs in by WhatsApp, with the code as the only variable of the template", async () => {
      const phone = "+4915112345679";
      const count = twilio.received.length;
      const challenge = await sendTo(on, phone, Channel.WHATSAPP);
      const { to, text } = await arrived(count + 1);
      expect(to).toBe(phone);
      expect(new URLSearchParams(twilio.asked.at(-1)!.body).get("To")).toBe(`whatsapp:${phone}`);
      const { providerMessageId } = await messageTo(messages, phone, MessageStatus.SENT);
      expect(await redeem(on, challenge, /^(\d{6}) is/.exec(text)![1]!)).toBe(phone);
      expect(await post(reportOf({ MessageSid: providerMessageId, MessageStatus: "read" }))).toBe(200);
      expect(await messageTo(messages, phone, MessageStatus.DELIVERED)).toMatchObject({
        channel: Channel.WHATSAPP,
        provider: "whatsapp",
      });
    });

    it("a user signs in by a call that says the digits apart and twice", async () => {
      const phone = "+4915112345680";
      const count = twilio.received.length;
      const challenge = await sendTo(on, phone, Channel.VOICE);
      const { to, text } = await arrived(count + 1);
      expect(to).toBe(phone);
      const said = text.match(/(?:\d, ){5}\d/g)!;
      expect([said.length, new Set(said).size]).toEqual([2, 1]);
      const { providerMessageId } = await messageTo(messages, phone, MessageStatus.SENT);
      expect(providerMessageId).toMatch(/^CA/);
      expect(await redeem(on, challenge, said[0]!.replaceAll(", ", ""))).toBe(phone);
      expect(await post(reportOf({ CallSid: providerMessageId, CallStatus: "completed" }))).toBe(200);
      expect(await messageTo(messages, phone, MessageStatus.DELIVERED)).toMatchObject({
        channel: Channel.VOICE,
        provider: "calls",
      });
    });

    it("the sums count what was sent, delivered and redeemed, by carrier", async () => {
      const stats = await until("the redemptions in the sums", async () => {
        const { stats: found } = await messages.getDeliveryStats({});
        return found.reduce((sum, { verified }) => sum + verified, 0n) === 3n ? found : undefined;
      });
      const once = { country: "DE", sent: 1n, delivered: 1n, verified: 1n, cost: [] };
      expect(stats.toSorted((a, b) => a.channel - b.channel)).toMatchObject([
        { ...once, channel: Channel.SMS, provider: "twilio" },
        { ...once, channel: Channel.WHATSAPP, provider: "whatsapp" },
        { ...once, channel: Channel.VOICE, provider: "calls" },
      ]);
      for (const { medianTimeToVerify } of stats) expect(medianTimeToVerify).toBeDefined();
    });
  });

  describe("by SMPP", () => {
    let center: Center;
    let on: TestApp;
    let messages: Client<typeof DeliveryService>;

    beforeAll(async () => {
      center = await startCenter({ certificate });
      const at = `smpps://${login.systemId}:${login.password}@127.0.0.1:${center.port}`;
      on = await start({
        ...(await database()),
        LATCHKEY_SMS_URL: `${at}?from=Latchkey&ca=${caFile()}`,
      });
      messages = await messagesOf(on);
    });
    afterAll(async () => {
      await on.stop();
      await center.stop();
    });

    const receipt = (id: string, stat: string) =>
      center.deliver({
        text: `id:${id} sub:001 dlvrd:001 submit date:2601151200 done date:2601151201 stat:${stat} err:000 text:`,
      });

    it("a user signs in by SMS, and its receipt shows the message as delivered", async () => {
      const phone = "+4915112345678";
      const challenge = await sendTo(on, phone);
      const { to, text } = await until("the message at the center", async () => center.texts()[0]);
      expect(to).toBe(phone);
      const { providerMessageId } = await messageTo(messages, phone, MessageStatus.SENT);
      expect(providerMessageId).toBe("m0");
      expect(await redeem(on, challenge, /\d{6}/.exec(text)![0])).toBe(phone);
      on.clock.advance(2_000);
      expect((await receipt("m0", "DELIVRD")).status).toBe(0);
      const delivered = await messageTo(messages, phone, MessageStatus.DELIVERED);
      expect(delivered).toMatchObject({
        challengeId: challenge.challengeId,
        channel: Channel.SMS,
        country: "DE",
        provider: "smpp",
        cause: "",
        tries: [{ provider: "smpp", result: MessageTryResult.SENT }],
      });
      expect(delivered.maskedDestination).toMatch(/^\*+5678$/);
    });

    it("a repeated receipt, a later failure and the receipt of an unknown message change nothing", async () => {
      const before = await verifiedMessageTo(messages, "+4915112345678");
      on.clock.advance(hour);
      for (const [id, stat] of [
        ["m0", "DELIVRD"],
        ["m0", "UNDELIV"],
        ["m999", "DELIVRD"],
      ] as const) {
        expect((await receipt(id, stat)).status).toBe(0);
      }
      const { message } = await messages.getMessage({ messageId: before.messageId });
      expect(message).toEqual(before);
    });
  });
});
