import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { noCountryAdvice } from "../../src/config/no-country.js";
import { readSettings } from "../../src/config/settings.js";

const base = {
  LATCHKEY_PEPPER: randomBytes(32).toString("base64"),
  LATCHKEY_MASTER_KEY: randomBytes(32).toString("base64"),
  LATCHKEY_ISSUER: "https://auth.example.com",
  LATCHKEY_SMTP_URL: "smtp://mail.example.com?from=codes@example.com",
  LATCHKEY_TLS: "terminated",
};
const sms = { LATCHKEY_SMS_URL: "smpp://system:password@smsc.example.com?from=Example" };

const read = (env: Record<string, string>) =>
  readSettings({ ...base, LATCHKEY_MODE: "production", ...env }, { files: { readText: () => "" } });

function settingsOf(env: Record<string, string>) {
  const result = read(env);
  if (!result.ok) throw new Error(result.problems.join("\n"));
  return result.settings;
}

describe("LATCHKEY_SMS_COUNTRIES", () => {
  it.each([
    ["DE,AT, ch", ["DE", "AT", "CH"]],
    ["DE,DE", ["DE"]],
    ["none", []],
    ["all", null],
  ])("%s is read as %j", (text, countries) => {
    expect(settingsOf({ LATCHKEY_SMS_COUNTRIES: text }).policy.smsCountries).toEqual(countries);
  });

  it.each(["XX", "DE,Germany", "DE,,AT", "+49"])("%s is refused", (text) => {
    const result = read({ LATCHKEY_SMS_COUNTRIES: text });
    expect(result.ok ? [] : result.problems).toEqual([
      expect.stringMatching(/^LATCHKEY_SMS_COUNTRIES must be ISO 3166-1 alpha-2 codes between commas such as DE,AT,CH/),
    ]);
  });

  it("is none in production until it is chosen, and all in development", () => {
    expect(settingsOf({}).policy.smsCountries).toEqual([]);
    expect(settingsOf({ LATCHKEY_MODE: "development" }).policy.smsCountries).toBeNull();
  });
});

describe("noCountryAdvice", () => {
  it("names the carriers that reach nobody while no country is chosen, and nothing secret", () => {
    const advice = noCountryAdvice(settingsOf(sms));
    expect(advice).toMatch(
      /^no phone number gets a message through [a-z0-9, -]+, because no country is chosen: set LATCHKEY_SMS_COUNTRIES/,
    );
    expect(advice).not.toMatch(/password|smsc\.example/);
  });

  it.each([
    ["a country is chosen", { ...sms, LATCHKEY_SMS_COUNTRIES: "DE" }],
    ["all are chosen", { ...sms, LATCHKEY_SMS_COUNTRIES: "all" }],
    ["only mail is sent", {}],
  ])("is silent if %s", (_name, env) => {
    expect(noCountryAdvice(settingsOf(env))).toBeNull();
  });
});
