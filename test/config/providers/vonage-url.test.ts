import { describe, expect, test } from "vitest";
import type { ProviderContext } from "../../../src/config/providers/provider-url.js";
import { readProvider } from "../../../src/config/providers/read-provider.js";
import { readVonageUrl } from "../../../src/config/providers/vonage-url.js";
import { SettingError } from "../../../src/config/setting.js";
import { createAuthority } from "../../support/tls.js";

const secret = "s3cretOfVonage";
const signatureSecret = "s1gnatureSecret";
const start = `vonage://abcd1234:${secret}@rest.nexmo.com`;
const pem = createAuthority().cert;
const production: ProviderContext = { isProduction: true, readText: () => pem };
const development: ProviderContext = { ...production, isProduction: false };

function refusal(text: string, context: ProviderContext): string {
  try {
    readVonageUrl(text, context);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingError);
    const { message } = error as SettingError;
    for (const hidden of [secret, signatureSecret, "abcd1234", "evil"]) expect(message).not.toContain(hidden);
    return message;
  }
  throw new Error("was read");
}

describe("the URL of Vonage", () => {
  test("names key, secret, sender and the secret of signatures", () => {
    const url = `${start}?from=+14155550100&signature_secret=${signatureSecret}%26`;
    const { secret: read, signatureSecret: signature, ...rest } = readVonageUrl(url, production);
    expect(read.reveal()).toBe(secret);
    expect(signature?.reveal()).toBe(`${signatureSecret}&`);
    expect(rest).toEqual({
      origin: "https://rest.nexmo.com",
      key: "abcd1234",
      from: "+14155550100",
      ca: null,
      insecure: false,
    });
  });

  test("needs no secret of signatures", () => {
    expect(readVonageUrl(`${start}?from=Example`, production).signatureSecret).toBeNull();
  });

  test("shows no secret when it is printed", () => {
    const read = readVonageUrl(`${start}?from=Example&signature_secret=${signatureSecret}`, production);
    for (const hidden of [secret, signatureSecret]) expect(JSON.stringify(read)).not.toContain(hidden);
  });

  test.each(["+14155550100", "14155550100", "12345", "Example", "Example%20Ltd"])("takes the sender %s", (from) => {
    expect(readVonageUrl(`${start}?from=${from}`, production).from).toBe(decodeURIComponent(from));
  });

  test("is one of SMS only", () => {
    expect(readProvider(`${start}?from=Example`, "sms", production).kind).toBe("vonage");
    for (const channel of ["email", "whatsapp", "voice"] as const) {
      expect(() => readProvider(`${start}?from=Example`, channel, production)).toThrow(/must begin with/);
    }
  });

  test("may name a port and an authority, and http outside production", () => {
    const local = `vonage://abcd1234:${secret}@127.0.0.1:8443?from=Example`;
    expect(readVonageUrl(`${local}&ca=/etc/ca.pem`, production)).toMatchObject({ origin: "https://127.0.0.1:8443", ca: pem });
    expect(readVonageUrl(`${local}&insecure=1`, development)).toMatchObject({
      origin: "http://127.0.0.1:8443",
      insecure: true,
    });
  });
});

describe("a wrong URL of Vonage is refused in a sentence that repeats none of it", () => {
  test.each<[string, RegExp, ProviderContext?]>([
    [`vonage://${secret}`, /not a plain host name|must have the API key/],
    [`vonage://evil:${secret}@rest.nexmo.com?from=Example`, /API key as its user/],
    ["vonage://abcd1234@rest.nexmo.com?from=Example", /API secret as its password/],
    [start, /must name the sender/],
    [`${start}?from=`, /must name the sender/],
    [`${start}?from=+1evil`, /must name the sender/],
    [`${start}?from=TwelveLetter`, /must name the sender/],
    [`${start}?from=a%0d%0ab`, /must name the sender/],
    [`${start}?from=Example&signature_secret=`, /empty `signature_secret`/],
    [`${start}?from=Example&signature_secret=a&signature_secret=b`, /`signature_secret` twice/],
    [`${start}/evil?from=Example`, /without a path/],
    [`${start}?from=Example&evil=1`, /has a parameter other than/],
    [`vonage://abcd1234:${secret}/%zz@rest.nexmo.com?from=Example`, /%2F/],
  ])("%s", (text, expected, context = production) => {
    const message = refusal(text, context);
    expect(message).toMatch(expected);
    expect(message).toMatch(/^(must|has) /);
  });
});
