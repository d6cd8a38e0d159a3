import { describe, expect, it } from "vitest";
import { canonicalContact } from "../../src/model/identifier.js";
import { countryCodes, countryOf, countryRefusal } from "../../src/model/phone-number.js";

const modes = [
  ["production", { possiblePhonesSuffice: false }],
  ["development", { possiblePhonesSuffice: true }],
] as const;

describe.each(modes)("a phone number in %s", (_mode, rules) => {
  it.each([
    ["+1 900 555 0100", "a premium-rate number"],
    ["+44 9098790000", "a premium-rate number"],
    ["+49 900 1234567", "a premium-rate number"],
    ["+979 123 456 789", "a premium-rate number"],
    ["+49 180 5123456", "a shared-cost number"],
    ["+808 1234 5678", "a shared-cost number"],
    ["+1 800 234 5678", "a toll-free number"],
    ["+800 1234 5678", "a toll-free number"],
    ["+870 301 234 567", "a satellite number"],
    ["+881 612 345 678", "a satellite number"],
    ["+882 161 234 5678", "a satellite number"],
    ["+883 510 012 3456", "a satellite number"],
    ["+44 7012345678", "a personal number"],
    ["+39 199 123456", "a personal number"],
    ["+44 7640123456", "a pager"],
    ["+44 5512345678", "a company's universal access number"],
  ])("%s is refused as %s, before any cost", (text, kind) => {
    expect(canonicalContact(rules, "phone", text)).toEqual({
      field: "phone",
      description: `must not be ${kind}: codes go to mobile and fixed-line numbers only`,
    });
  });

  it.each(["+112", "+1 911", "+44 999", "+49 110", "+46 112", "+33 3631"])("the short number %s is refused", (text) => {
    expect(canonicalContact(rules, "phone", text)).toEqual({
      field: "phone",
      description: "must be a valid number in international form like +46701234567",
    });
  });

  it.each([
    ["+46 70-123 45 67", "+46701234567"],
    ["+1 415 555 2671", "+14155552671"],
    ["+44 20 7946 0958", "+442079460958"],
    ["+91 98765 43210", "+919876543210"],
    ["+255 712 345 678", "+255712345678"],
  ])("%s is taken", (text, value) => {
    expect(canonicalContact(rules, "phone", text)).toEqual({ kind: "phone", value });
  });
});

describe("the country of a number", () => {
  it.each([
    ["+14155552671", "US"],
    ["+16045551234", "CA"],
    ["+18765551234", "JM"],
    ["+79161234567", "RU"],
    ["+77011234567", "KZ"],
    ["+447400123456", "GB"],
    ["+447700312345", "JE"],
    ["+255712345678", "TZ"],
  ])("%s is of %s, also if several countries share the calling code", (phone, country) => {
    expect(countryOf(phone)).toBe(country);
  });

  it("is the first one of the calling code if the number is not assigned", () => {
    expect(countryOf("+14155550132")).toBe("US");
  });

  it("is none for a number that belongs to none", () => {
    expect(countryOf("+88161234567")).toBeNull();
  });

  it("has a code for each country, of two capitals", () => {
    expect(countryCodes.length).toBeGreaterThan(200);
    expect(countryCodes.every((code) => /^[A-Z]{2}$/.test(code))).toBe(true);
  });
});

describe("countryRefusal", () => {
  const phone = (value: string) => ({ kind: "phone", value }) as const;

  it("lets chosen countries through, and all of them without a choice", () => {
    expect(countryRefusal({ smsCountries: ["TZ", "KE"] }, phone("+255712345678"))).toBeNull();
    expect(countryRefusal({ smsCountries: null }, phone("+255712345678"))).toBeNull();
  });

  it("refuses other countries, all of them if none is chosen, and numbers of no country, without naming the number", () => {
    expect(countryRefusal({ smsCountries: ["KE"] }, phone("+255712345678"))).toBe(
      "the app sends no messages to TZ: see LATCHKEY_SMS_COUNTRIES and sms_countries in its policy",
    );
    expect(countryRefusal({ smsCountries: [] }, phone("+14155552671"))).toContain("US");
    expect(countryRefusal({ smsCountries: ["US"] }, phone("+88161234567"))).toContain("numbers of no country");
  });

  it("never refuses an e-mail address", () => {
    expect(countryRefusal({ smsCountries: [] }, { kind: "email", value: "ada@example.com" })).toBeNull();
  });
});
