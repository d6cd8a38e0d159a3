import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppService } from "../../src/gen/latchkey/v1/app_service_pb.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Channel } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { Wording } from "../../src/gen/latchkey/v1/wording_pb.js";
import { type Center, login, startCenter } from "../delivery/providers/smpp-center.js";
import { fakeClock, startTestApp, type TestApp } from "../support/app.js";
import { addClient, connectClient } from "../support/clients.js";
import { testEngines } from "../support/engines.js";
import { until } from "../support/server.js";
import { type MailServer, startMailServer } from "../support/smtp.js";

describe.each(testEngines())("what messages say, on $engine", ({ database }) => {
  let center: Center;
  let mailServer: MailServer;
  let on: TestApp;
  let apps: Client<typeof AppService>;
  let backend: Client<typeof AuthService>;

  beforeAll(async () => {
    [center, mailServer] = await Promise.all([startCenter(), startMailServer()]);
    const env = {
      ...(await database()),
      LATCHKEY_APP_NAME: "Latchkey",
      LATCHKEY_SMS_COUNTRIES: "SE",
      LATCHKEY_SMS_URL: `smpp://${login.systemId}:${login.password}@127.0.0.1:${center.port}?from=Latchkey`,
      LATCHKEY_SMTP_URL: `smtp://127.0.0.1:${mailServer.port}?from=codes@example.org&starttls=never`,
      LATCHKEY_RESEND_COOLDOWN: "0s",
    };
    // Carriers go by the time of the machine, so the clock begins there.
    const clock = fakeClock(Date.now());
    on = { ...(await startTestApp(env, { clock })), clock };
    const admin = await addClient(on, { clientId: "admin", scopes: ["apps:admin"] });
    const sender = await addClient(on, { clientId: "backend", scopes: ["otp:send", "otp:options", "otp:verify"] });
    apps = connectClient(AppService, on.app, { authorization: admin.basic });
    backend = connectClient(AuthService, on.app, { authorization: sender.basic });
  });
  afterAll(async () => {
    await on.stop();
    await Promise.all([center.stop(), mailServer.stop()]);
  });

  const smsTo = (phone: string, count = 1) =>
    until(`message ${count} to ${phone}`, async () => {
      const texts = center.texts().filter(({ to }) => to === phone);
      return texts.length < count ? undefined : texts.at(-1)!.text;
    });
  const sourceOf = (phone: string) => center.submits.findLast(({ destination }) => `+${destination.address}` === phone)!.source;
  const mailTo = (address: string) =>
    until(`the mail to ${address}`, async () => mailServer.mails.findLast(({ recipients }) => recipients.includes(address)));

  describe("BioT's: 2 minutes, 6 digits and its sentence", () => {
    const appId = "default";
    beforeAll(async () => {
      await apps.updatePolicy({
        appId,
        policy: { codeTtl: { seconds: 120n }, codeLength: 6 },
        updateMask: { paths: ["code_ttl", "code_length"] },
      });
      await apps.updateWording({ appId, wording: { senderName: "BioT" }, updateMask: { paths: ["sender_name"] } });
      const text = "Hello, your user verification code is {otp}";
      for (const channel of [Channel.SMS, Channel.EMAIL]) await apps.putText({ appId, text: { channel, text } });
    });

    it("is seen in a received SMS, and its code signs in", async () => {
      const phone = "+46701234501";
      const sentAt = on.clock();
      const { challenge } = await on.auth.sendOtp({ identifier: { case: "phone", value: phone }, createUserIfMissing: true });
      expect(Number(challenge!.expiresAt!.seconds) * 1000 - sentAt).toBeLessThanOrEqual(120_000);
      const text = await smsTo(phone);
      expect(text).toMatch(/^Hello, your user verification code is \d{6}$/);
      const { tokens } = await on.auth.verifyOtp({ challengeId: challenge!.challengeId, code: text.slice(-6) });
      expect(tokens).toBeDefined();
    });

    it("is seen in a received mail from the app's name, with the code in its subject and the warning", async () => {
      await on.auth.sendOtp({ identifier: { case: "email", value: "ada@example.com" }, createUserIfMissing: true });
      const { parsed } = await mailTo("ada@example.com");
      expect(parsed.subject).toMatch(/^\d{6} is your Latchkey sign-in code$/);
      const code = parsed.subject!.slice(0, 6);
      expect(parsed.from?.value).toEqual([{ name: "BioT", address: "codes@example.org" }]);
      expect(parsed.text).toContain(`Hello, your user verification code is ${code}`);
      expect(parsed.html).toContain(`Hello, your user verification code is ${code}`);
      expect(parsed.text).toContain("The code is valid for 2 minutes");
      expect(parsed.text).toContain("Don't share this code");
    });

    it("a text for the wording comes before one for all, and Latchkey's returns when both are removed", async () => {
      const text = { channel: Channel.SMS, wording: Wording.LOGIN, text: "{app} sign-in: {otp}, {minutes} min" };
      await apps.putText({ appId, text });
      const identifier = { case: "phone", value: "+46701234502" } as const;
      await on.auth.sendOtp({ identifier, createUserIfMissing: true });
      expect(await smsTo(identifier.value)).toMatch(/^Latchkey sign-in: \d{6}, 2 min$/);
      expect((await apps.listTexts({ appId })).texts.map(({ channel, wording }) => [channel, wording])).toEqual([
        [Channel.EMAIL, Wording.UNSPECIFIED],
        [Channel.SMS, Wording.UNSPECIFIED],
        [Channel.SMS, Wording.LOGIN],
      ]);
      await apps.deleteText({ appId, channel: Channel.SMS, wording: Wording.LOGIN });
      await apps.deleteText({ appId, channel: Channel.SMS });
      await apps.deleteText({ appId, channel: Channel.EMAIL });
      await on.auth.sendOtp({ identifier, createUserIfMissing: true });
      expect(await smsTo(identifier.value, 2)).toMatch(/^\d{6} is your Latchkey sign-in code/);
    });
  });

  describe("Transmit's: custom_message and sender_id of a call", () => {
    beforeAll(async () => {
      const wording = { senderIds: ["Transmit", "+46701234599"], linkHosts: ["shop.example.com"] };
      await apps.updateWording({ appId: "default", wording, updateMask: { paths: ["sender_ids", "link_hosts"] } });
    });

    it.each([
      ["+46701234503", "Transmit", { ton: 5, npi: 0, address: "Transmit" }],
      ["+46701234504", "+46701234599", { ton: 1, npi: 1, address: "46701234599" }],
      ["+46701234505", "", { ton: 5, npi: 0, address: "Latchkey" }],
    ])("are seen in a received SMS to %s, and its resend has the same (%s)", async (value, senderId, source) => {
      const customMessage = "Transmit: {otp} opens {app}. Help: https://shop.example.com/help";
      const { challenge } = await backend.sendOtp({
        identifier: { case: "phone", value },
        createUserIfMissing: true,
        customMessage,
        senderId,
      });
      const text = await smsTo(value);
      expect(text).toMatch(/^Transmit: \d{6} opens Latchkey\. Help: https:\/\/shop\.example\.com\/help$/);
      expect(sourceOf(value)).toEqual(source);
      await backend.sendOtp({ identifier: { case: "challengeId", value: challenge!.challengeId } });
      expect(await smsTo(value, 2)).toBe(text);
      expect(sourceOf(value)).toEqual(source);
    });

    it("and subject are seen in a received mail", async () => {
      const identifier = { case: "email", value: "grace@example.com" } as const;
      const customMessage = "Your {app} code: {otp}";
      const subject = "{app} asks: is it you?";
      await backend.sendOtp({ identifier, createUserIfMissing: true, customMessage, subject });
      const { parsed } = await mailTo(identifier.value);
      expect(parsed.subject).toBe("Latchkey asks: is it you?");
      expect(parsed.text).toMatch(/Your Latchkey code: \d{6}/);
      expect(parsed.text).toContain("Don't share this code");
    });

    it("need the scope otp:options, and fit neither a resend by challenge id nor another channel", async () => {
      const identifier = { case: "phone", value: "+46701234506" } as const;
      const words = { customMessage: "{app} {otp}" };
      await expect(on.auth.sendOtp({ identifier, ...words })).rejects.toThrow(/scope|SCOPE|otp:options/i);
      const resend = { identifier: { case: "challengeId", value: "AAAAAAAAAAAAAAAAAAAAAA" } as const };
      await expect(backend.sendOtp({ ...resend, ...words })).rejects.toThrow();
      await expect(backend.sendOtp({ identifier, subject: "Code" })).rejects.toThrow();
      const mail = { case: "email", value: "alan@example.com" } as const;
      await expect(backend.sendOtp({ identifier: mail, senderId: "Transmit" })).rejects.toThrow();
      on.clock.advance(2_000);
      await backend.sendOtp({ identifier, createUserIfMissing: true });
      await smsTo(identifier.value);
      expect(center.texts().filter(({ to }) => to === identifier.value)).toHaveLength(1);
      expect(mailServer.mails.some(({ recipients }) => recipients.includes(mail.value))).toBe(false);
    });
  });

  it("a preview is what is sent, with its count of short messages, and sends nothing", async () => {
    const before = center.submits.length;
    const text = "Kód {otp} для {app}";
    await apps.putText({ appId: "default", text: { channel: Channel.SMS, locale: "ru", text } });
    const russian = await apps.previewMessage({ appId: "default", channel: Channel.SMS, locale: "ru-RU" });
    expect(russian).toMatchObject({ text: "Kód 123456 для Latchkey", sms: { encoding: 2, segments: 1 } });
    const draft = { channel: Channel.SMS, text: `{otp} ${"x".repeat(200)}` };
    const long = await apps.previewMessage({ appId: "default", channel: Channel.SMS, draft });
    expect(long).toMatchObject({ text: `123456 ${"x".repeat(200)}`, sms: { encoding: 1, segments: 2 } });
    const mail = await apps.previewMessage({
      appId: "default",
      channel: Channel.EMAIL,
      subject: "Hi",
      customMessage: "{app}: {otp}",
    });
    expect(mail).toMatchObject({ subject: "Hi", senderName: "BioT" });
    expect(mail.sms).toBeUndefined();
    expect(mail.html).toContain("Latchkey: 123456");
    expect((await apps.listTexts({ appId: "default" })).texts).toHaveLength(1);
    expect(center.submits).toHaveLength(before);
  });
});
