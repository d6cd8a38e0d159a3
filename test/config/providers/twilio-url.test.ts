import { describe, expect, test } from "vitest";
import type { ProviderContext } from "../../../src/config/providers/provider-url.js";
import { readTwilioUrl, type TwilioChannel } from "../../../src/config/providers/twilio-url.js";
import { SettingError } from "../../../src/config/setting.js";
import { createAuthority } from "../../support/tls.js";

const account = "AC0123456789abcdef0123456789abcdef";
const service = "MG0123456789abcdef0123456789abcdef";
const content = "HX0123456789abcdef0123456789abcdef";
const secret = "s3cretToken";
const start = `twilio://${account}:${secret}@api.twilio.com`;
const pem = createAuthority().cert;
const production: ProviderContext = { isProduction: true, readText: () => pem };
const development: ProviderContext = { ...production, isProduction: false };

function refusal(text: string, channel: TwilioChannel = "sms", context = production): string {
  try {
    readTwilioUrl(text, channel, context);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingError);
    const { message } = error as SettingError;
    for (const hidden of [secret, account, service, "evil"]) expect(message).not.toContain(hidden);
    return message;
  }
  throw new Error("was read");
}

describe("the URL of Twilio", () => {
  test("names account, token and sender", () => {
    const { token, ...rest } = readTwilioUrl(`${start}?from=+14155550100`, "sms", production);
    expect(token.reveal()).toBe(secret);
    expect(rest).toEqual({
      origin: "https://api.twilio.com",
      ca: null,
      insecure: false,
      channel: "sms",
      account,
      sender: { from: "+14155550100" },
      template: null,
    });
  });

  test.each<[TwilioChannel, string, unknown]>([
    ["sms", "from=Example%20Ltd", { from: "Example Ltd" }],
    ["sms", "from=12345", { from: "12345" }],
    ["sms", `messaging_service=${service}`, { messagingService: service }],
    ["voice", "from=%2B14155550100", { from: "+14155550100" }],
    ["whatsapp", `from=whatsapp:+14155550100&content_sid=${content}`, { from: "whatsapp:+14155550100" }],
    ["whatsapp", `messaging_service=${service}&content_sid=${content}`, { messagingService: service }],
  ])("of %s takes the sender %s", (channel, query, sender) => {
    expect(readTwilioUrl(`${start}?${query}`, channel, production).sender).toEqual(sender);
  });

  test("names the template of WhatsApp and its placeholder, which is 1 if none is named", () => {
    const query = `from=whatsapp:+14155550100&content_sid=${content}`;
    expect(readTwilioUrl(`${start}?${query}`, "whatsapp", production).template).toEqual({ contentSid: content, variable: "1" });
    const named = readTwilioUrl(`${start}?${query}&content_variable=code`, "whatsapp", production);
    expect(named.template).toEqual({ contentSid: content, variable: "code" });
  });

  test("needs no template of WhatsApp in development, where Twilio's sandbox is used", () => {
    expect(readTwilioUrl(`${start}?from=whatsapp:+14155550100`, "whatsapp", development).template).toBeNull();
  });

  test("may name a port and an authority, and http outside production", () => {
    const local = `twilio://${account}:${secret}@127.0.0.1:8443?from=+14155550100`;
    expect(readTwilioUrl(`${local}&ca=/etc/ca.pem`, "sms", production)).toMatchObject({
      origin: "https://127.0.0.1:8443",
      ca: pem,
    });
    expect(readTwilioUrl(`${local}&insecure=1`, "sms", development)).toMatchObject({
      origin: "http://127.0.0.1:8443",
      insecure: true,
    });
    const ipv6 = local.replace("127.0.0.1", "[::1]");
    expect(readTwilioUrl(ipv6, "sms", production).origin).toBe("https://[::1]:8443");
  });
});

describe("a wrong URL of Twilio is refused in a sentence that repeats none of it", () => {
  test.each<[string, RegExp, TwilioChannel?, ProviderContext?]>([
    [`twilio://${secret}`, /not a plain host name|must have the account/],
    [`twilio://evil:${secret}@api.twilio.com?from=+14155550100`, /account as its user/],
    [`twilio://${account}@api.twilio.com?from=+14155550100`, /auth token as its password/],
    [`${start}`, /must name the sender/],
    [`${start}?from=`, /must name the sender/],
    [`${start}?from=+1evil`, /must name the sender/],
    [`${start}?from=TwelveLetter`, /must name the sender/],
    [`${start}?from=a%0d%0ab`, /must name the sender/],
    [`${start}?from=+14155550100&messaging_service=${service}`, /both `from` and `messaging_service`/],
    [`${start}?messaging_service=evil`, /MG and 32/],
    [`${start}?messaging_service=${service}`, /name a number as `from`/, "voice"],
    [`${start}?from=Example`, /must name the sender/, "voice"],
    [`${start}?from=+14155550100&content_sid=${content}`, /whatsapp: and a number/, "whatsapp"],
    [`${start}?from=whatsapp:+14155550100`, /must name an approved WhatsApp template/, "whatsapp"],
    [`${start}?from=whatsapp:+14155550100&content_sid=evil`, /HX and 32/, "whatsapp"],
    [`${start}?from=whatsapp:+14155550100&content_sid=${content}&content_variable=%7B%7D`, /placeholder/, "whatsapp"],
    [`${start}?from=+14155550100&content_sid=${content}`, /for WhatsApp only/],
    [`${start}/evil?from=+14155550100`, /without a path/],
    [`${start}?from=+14155550100&from=+14155550101`, /`from` twice/],
    [`${start}?from=+14155550100&evil=1`, /has a parameter other than/],
    [`${start}?from=+14155550100&insecure=1&ca=/ca.pem`, /both `ca` and `insecure`/, "sms", development],
    [`twilio://${account}:${secret}/%zz@api.twilio.com?from=+14155550100`, /%2F/],
  ])("%s", (text, expected, channel = "sms", context = production) => {
    const message = refusal(text, channel, context);
    expect(message).toMatch(expected);
    expect(message).toMatch(/^(must|has) /);
  });
});
