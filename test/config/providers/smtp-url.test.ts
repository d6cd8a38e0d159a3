import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { ProviderContext } from "../../../src/config/providers/provider-url.js";
import { parseSmtpUrl } from "../../../src/config/providers/smtp-url.js";
import { SettingError } from "../../../src/config/setting.js";
import { createAuthority } from "../../support/tls.js";

const rsaKey = (modulusLength: number): string =>
  generateKeyPairSync("rsa", { modulusLength }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();

const files: Record<string, string> = {
  "/ca.pem": createAuthority().cert,
  "/dkim.pem": rsaKey(1024),
  "/short.pem": rsaKey(512),
  "/ec.pem": createAuthority().key,
};

const context = (change: Partial<ProviderContext> = {}): ProviderContext => ({
  isProduction: true,
  readText: (path) => files[path]!,
  ...change,
});

const base = "smtp://mail.example.com?from=codes@example.com";
const dkim = "dkim_selector=lk&dkim_key=/dkim.pem";

function refusal(parameters: string, change: Partial<ProviderContext> = {}): string {
  try {
    parseSmtpUrl(`${base}&${parameters}`, context(change));
  } catch (error) {
    if (error instanceof SettingError) return error.message;
    throw error;
  }
  return expect.fail("accepted");
}

describe("the URL of a mail server", () => {
  test("has neither own certificates nor a signature by default, and verifies certificates", () => {
    expect(parseSmtpUrl(base, context())).toMatchObject({ ca: null, insecure: false, dkim: null, starttls: "required" });
  });

  test("names certificates to trust, also for loopback in production", () => {
    const url = "smtp://127.0.0.1:2525?from=codes@example.com&ca=/ca.pem";
    expect(parseSmtpUrl(url, context())).toMatchObject({ host: "127.0.0.1", ca: files["/ca.pem"], starttls: "required" });
  });

  test("signs for the domain of the sender, or for another one", () => {
    const read = parseSmtpUrl(`${base}&${dkim}`, context()).dkim;
    expect([read?.domain, read?.selector, read?.key.reveal()]).toEqual(["example.com", "lk", files["/dkim.pem"]]);
    expect(parseSmtpUrl(`${base}&${dkim}&dkim_domain=mail.example.org`, context()).dkim?.domain).toBe("mail.example.org");
  });

  test("never shows the key that signs", () => {
    const read = parseSmtpUrl(`${base}&${dkim}`, context());
    expect(JSON.stringify(read)).not.toContain("PRIVATE");
    expect(String(read.dkim?.key)).not.toContain("PRIVATE");
  });

  test.each([
    [
      "dkim_key=/dkim.pem",
      "must have both `dkim_selector` and `dkim_key` to sign messages: add the missing one, or remove the others",
    ],
    [
      "dkim_selector=lk",
      "must have both `dkim_selector` and `dkim_key` to sign messages: add the missing one, or remove the others",
    ],
    [
      "dkim_domain=a.example",
      "must have both `dkim_selector` and `dkim_key` to sign messages: add the missing one, or remove the others",
    ],
    [`${dkim}&dkim_domain=a%20b`, "must have names of the DNS as `dkim_selector` and `dkim_domain`"],
    [
      "dkim_selector=lk&dkim_key=/ec.pem",
      "names a file as `dkim_key` that is not PEM of a private RSA key of 1024 bits or more without a passphrase: name such a file",
    ],
    [
      "dkim_selector=lk&dkim_key=/short.pem",
      "names a file as `dkim_key` that is not PEM of a private RSA key of 1024 bits or more without a passphrase: name such a file",
    ],
  ])("is refused with %s, by one sentence that repeats no file and no path", (parameters, message) => {
    expect(refusal(parameters)).toBe(message);
  });

  test("names no key of this machine if it comes over the network", () => {
    expect(refusal(dkim, { readText: null })).toBe("must not name a file of this machine as `dkim_key`: remove it");
  });
});
