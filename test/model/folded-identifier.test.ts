import { describe, expect, it } from "vitest";
import { foldedIdentifier, phoneRange } from "../../src/model/folded-identifier.js";
import { canonicalContact } from "../../src/model/identifier.js";

const rules = { possiblePhonesSuffice: false };

/** Returns the canonical form that identity compares, and the folded form that budgets count by. */
function formsOf(kind: "email" | "phone", text: string) {
  const contact = canonicalContact(rules, kind, text);
  if (!("kind" in contact)) throw new Error(`${text}: ${contact.description}`);
  return { exact: contact.value, folded: foldedIdentifier(contact).value };
}

describe("the folded form of an e-mail address", () => {
  it.each([
    ["Ada.Love@gmail.com", "ada.love@gmail.com", "adalove@gmail.com"],
    ["adalove@gmail.com", "adalove@gmail.com", "adalove@gmail.com"],
    ["a.d.a.l.o.v.e@gmail.com", "a.d.a.l.o.v.e@gmail.com", "adalove@gmail.com"],
    ["ada.love+shop@gmail.com", "ada.love+shop@gmail.com", "adalove@gmail.com"],
    ["adalove+a+b@googlemail.com", "adalove+a+b@googlemail.com", "adalove@gmail.com"],
    ["ADALOVE@GoogleMail.com", "adalove@googlemail.com", "adalove@gmail.com"],
    ["ada.love@example.com", "ada.love@example.com", "ada.love@example.com"],
    ["ada+shop@example.com", "ada+shop@example.com", "ada@example.com"],
    ["+ada@example.com", "+ada@example.com", "+ada@example.com"],
    ["ada.love@notgmail.com", "ada.love@notgmail.com", "ada.love@notgmail.com"],
    ["ada.love@gmail.com.example", "ada.love@gmail.com.example", "ada.love@gmail.com.example"],
  ])("of %s, whose identity is %s, is %s", (text, exact, folded) => {
    expect(formsOf("email", text)).toEqual({ exact, folded });
  });
});

describe("the folded form of a phone number", () => {
  it.each([
    ["Argentina, from abroad to a mobile phone", "+54 9 11 2345 6789", "+541123456789"],
    ["Argentina, as within the country", "+54 11 2345 6789", "+541123456789"],
    ["Mexico", "+52 55 1234 5678", "+525512345678"],
    ["Brazil, with the ninth digit", "+55 11 96123 4567", "+551161234567"],
    ["the United Kingdom", "+44 7400 123456", "+447400123456"],
    ["Italy, whose zero belongs to the number", "+39 06 1234 5678", "+390612345678"],
    ["the United States", "+1 415 555 2671", "+14155552671"],
  ])("%s: %s is %s", (_country, text, folded) => {
    expect(formsOf("phone", text).folded).toBe(folded);
  });

  it.each([
    ["+44 (0)7400 123456", "+44 7400 123456"],
    ["+46 (0)70 123 45 67", "+46 70 123 45 67"],
    ["+49 (0)1512 3456789", "+49 1512 3456789"],
    ["+54 11 15 2345 6789", "+54 9 11 2345 6789"],
    ["+7 8 916 123 45 67", "+7 916 123 45 67"],
    ["+36 06 20 123 4567", "+36 20 123 4567"],
    ["+1 1 415 555 2671", "+1 415 555 2671"],
  ])("a trunk digit makes no other number: %s is %s", (text, plain) => {
    expect(formsOf("phone", text)).toEqual(formsOf("phone", plain));
  });

  it("needs no rule for Mexico's former mobile 1, because such a number is refused", () => {
    for (const possiblePhonesSuffice of [true, false])
      expect(canonicalContact({ possiblePhonesSuffice }, "phone", "+52 1 55 1234 5678")).toHaveProperty("field", "phone");
  });

  it("is the same again when it is folded again", () => {
    for (const text of ["+54 9 11 2345 6789", "+55 11 96123 4567", "+52 55 1234 5678"]) {
      const value = formsOf("phone", text).folded;
      expect(foldedIdentifier({ kind: "phone", value })).toEqual({ kind: "phone", value });
    }
  });

  it("decides about the range, so that both spellings have one prefix and one country", () => {
    expect(phoneRange("+5491123456789")).toEqual(phoneRange("+541123456789"));
    expect(phoneRange("+5491123456789")).toEqual({ prefix: "+54112345", country: "AR" });
  });
});

it("names and ids have no other form", () => {
  for (const kind of ["username", "user_id"] as const) {
    const identifier = { kind, value: "a.d.a+x@gmail.com" };
    expect(foldedIdentifier(identifier)).toEqual(identifier);
  }
});
