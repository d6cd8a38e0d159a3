import { describe, expect, test } from "vitest";
import { countryCodes } from "../../src/model/phone-number.js";
import { isSender, senderFor } from "../../src/model/sender.js";
import { senderSupport } from "../../src/model/sender-countries.js";

const [name, number] = ["SHOP", "+46701740605"];

describe("the sender of an SMS", () => {
  test.each([
    ["allowed", "SE", false, name],
    ["allowed", "SE", true, name],
    ["registered", "IN", false, number],
    ["registered", "IN", true, name],
    ["forbidden", "US", false, number],
    ["forbidden", "US", true, number],
    ["unknown", "JP", false, number],
    ["unknown", "JP", true, name],
    ["unknown", null, false, number],
  ] as const)(
    "where names are %s (%s), for a route that names the country (%#: %s), is %s",
    (support, country, isNamed, sender) => {
      expect(senderFor([name, number], { country, isNamed })).toEqual({ sender, support });
      expect(senderFor([number, name], { country, isNamed })).toEqual({ sender: number, support });
    },
  );

  test.each([
    ["allowed", "SE", name],
    ["registered", "IN", null],
    ["forbidden", "US", null],
    ["unknown", "JP", name],
  ] as const)("without a number is a name only where names are not known to be refused: %s", (_, country, sender) => {
    expect(senderFor([name], { country, isNamed: false }).sender).toBe(sender);
    expect(senderFor([], { country, isNamed: false }).sender).toBeNull();
  });

  test.each(["SHOP", "A", "Shop 24", "1shop", "A-B 1", "+46701740605", "46739", "123"])("%s is one", (sender) => {
    expect(isSender(sender)).toBe(true);
  });

  test.each([
    "",
    "12",
    "123456789",
    "LONGER THAN 11",
    " SHOP",
    "SHOP ",
    "SHÖP",
    "SHOP\n",
    "SHOP\r\nTo: x",
    "+0701740605",
    "+4670",
    "{otp}",
    "<b>",
  ])("%j is none", (sender) => {
    expect(isSender(sender)).toBe(false);
  });
});

test("the table of countries has each country at most once, and only countries", () => {
  const known = countryCodes.filter((code) => senderSupport(code) !== "unknown");
  expect(known.length).toBeGreaterThan(170);
  expect(senderSupport("XX")).toBe("unknown");
});
