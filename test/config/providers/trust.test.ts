import { describe, expect, test } from "vitest";
import type { ProviderContext } from "../../../src/config/providers/provider-url.js";
import { readProvider } from "../../../src/config/providers/read-provider.js";
import { SettingError } from "../../../src/config/setting.js";
import type { Channel } from "../../../src/model/channel.js";
import { createAuthority } from "../../support/tls.js";

const key = "AKIATESTTESTTEST:wJalrXUtnFEMI+K7MDENG";
const twilio = "twilio://AC0123456789abcdef0123456789abcdef:token@api.twilio.com?from=%2B14155550100";
const files: Readonly<Record<string, string>> = {
  "/ca.pem": createAuthority().cert,
  "/key.pem": createAuthority().key,
  "/hunter2": "hunter2",
  "/gateway.json": JSON.stringify({
    channels: ["sms"],
    request: { url: "https://api.example.com/send", body: { json: { to: "{to}", text: "{text}" } } },
    success: { status: 200 },
  }),
};

const production: ProviderContext = { isProduction: true, readText: (path) => files[path]! };
const development: ProviderContext = { ...production, isProduction: false };
const network: ProviderContext = { isProduction: false, readText: null };

interface Case {
  readonly name: string;
  readonly channel: Channel;
  readonly url: string;
  /** Its form over the network, if that is another. */
  readonly remote?: string;
}
const withCa: readonly Case[] = [
  { name: "SMTP", channel: "email", url: "smtp://mail.example.com?from=codes@example.com" },
  { name: "SMPP", channel: "sms", url: "smpps://s:p@smsc.example.com?from=12345" },
  { name: "Twilio", channel: "sms", url: twilio },
  { name: "Vonage", channel: "sms", url: "vonage://abcd1234:secret@rest.nexmo.com?from=Example" },
];
const gateway: Case = { name: "a gateway", channel: "sms", url: "http-gateway:///gateway.json" };
const amazon: readonly Case[] = [
  {
    name: "SES",
    channel: "email",
    url: "ses://eu-central-1?from=a@b.example",
    remote: `ses://${key}@eu-central-1?from=a@b.example`,
  },
  {
    name: "SNS",
    channel: "sms",
    url: "sns://eu-central-1?sender_id=Latchkey",
    remote: `sns://${key}@eu-central-1?sender_id=Latchkey`,
  },
];

const and = (url: string, parameter: string) => `${url}${url.includes("?") ? "&" : "?"}${parameter}`;

function refusal(url: string, channel: Channel, context: ProviderContext): string {
  try {
    readProvider(url, channel, context);
  } catch (error) {
    if (error instanceof SettingError) return error.message;
    throw error;
  }
  return expect.fail("accepted");
}

describe.each([...withCa, gateway, ...amazon])("the URL of $name", ({ channel, url }) => {
  test("allows `insecure` outside production only, in the same words as all others", () => {
    expect(JSON.stringify(readProvider(and(url, "insecure=1"), channel, development))).toContain('"insecure":true');
    expect(JSON.stringify(readProvider(url, channel, production))).toContain('"insecure":false');
    expect(refusal(and(url, "insecure=yes"), channel, development)).toBe("must have 1 as `insecure`, or no `insecure`");
    expect(refusal(and(url, "insecure=1"), channel, production)).toBe(
      "must not have `insecure` in production, because others could read codes on their way: remove it",
    );
  });
});

describe.each([...withCa, gateway])("the URL of $name", ({ channel, url }) => {
  test("names certificates to trust, in a file of the server that holds some", () => {
    expect(JSON.stringify(readProvider(and(url, "ca=/ca.pem"), channel, production))).toContain(
      JSON.stringify(files["/ca.pem"]),
    );
    expect(JSON.stringify(readProvider(url, channel, production))).toContain('"ca":null');
    for (const path of ["/key.pem", "/hunter2"]) {
      expect(refusal(and(url, `ca=${path}`), channel, production)).toBe(
        "names a file as `ca` that is not PEM of certificates that end with the authority's: name such a file",
      );
    }
  });
});

test.each(withCa)("the URL of $name names no file over the network", ({ channel, url }) => {
  expect(refusal(and(url, "ca=/ca.pem"), channel, network)).toBe("must not name a file of this machine as `ca`: remove it");
});

test.each([...withCa, ...amazon])(
  "the URL of $name allows no `insecure` over the network",
  ({ channel, url, remote = url }) => {
    expect(refusal(and(remote, "insecure=1"), channel, network)).toBe(
      "must not have `insecure`, because it comes over the network: remove it",
    );
  },
);
