import examples from "libphonenumber-js/examples.mobile.json" with { type: "json" };
import { type CountryCode, getExampleNumber } from "libphonenumber-js/max";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { canonicalIdentifier } from "../../src/model/identifier.js";
import { fixedPolicy, type Policy } from "../../src/model/policy.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { refusalOf } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

const hour = 60 * 60_000;
type Kind = "email" | "phone" | "username";

describe.each(testEngines())("spellings of identifiers on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database());
  });
  afterEach(() => on.stop());

  async function register(given: { email?: string; phone?: string; username?: string }): Promise<string> {
    const { challenges } = await on.auth.registerUser(given);
    let userId = "";
    for (const challenge of challenges) {
      const { challengeId, code } = await on.messageOf(challenge);
      userId = (await on.auth.verifyOtp({ challengeId, code })).user?.userId ?? "";
    }
    on.clock.advance(hour);
    return userId;
  }

  /** The user that a text leads to, or the reason of the refusal. `limited`: a second call at once, which has the same budget. */
  async function follow(kind: Kind, value: string): Promise<{ readonly userId?: string; readonly reason?: string }> {
    try {
      const { challenge } = await on.auth.sendOtp({ identifier: { case: kind, value }, createUserIfMissing: true });
      const { challengeId, code } = await on.messageOf(challenge);
      const { user } = await on.auth.verifyOtp({ challengeId, code });
      return { userId: user!.userId };
    } catch (error) {
      return { reason: refusalOf(error).reason };
    }
  }

  it("E01: the case of an address makes no other account, and no other budget", async () => {
    const userId = await register({ email: "Ada@X.example" });
    for (const value of ["ada@x.example", "ADA@X.EXAMPLE", "aDa@X.example", " ada@x.example "]) {
      expect(await follow("email", value), value).toEqual({ userId });
      expect(await follow("email", value.toUpperCase()), value).toEqual({ reason: "TOO_MANY_REQUESTS" });
      on.clock.advance(2 * hour);
    }
  });

  it.each([
    ["email", "ada.love@gmail.com", ["adalove@gmail.com", "ada.love+shop@gmail.com", "AdaLove+x@googlemail.com"]],
    ["email", "ada@x.example", ["ada+shop@x.example"]],
    ["phone", "+54 9 11 2345 6789", ["+54 11 2345 6789"]],
    ["phone", "+55 11 96123 4567", ["+55 11 6123 4567"]],
  ] as const)(
    "spellings that reach one %s share their budgets and stay people of their own: %s",
    async (kind, first, others) => {
      const owner = await register({ [kind]: first });
      const people = [owner];
      for (const other of others) {
        expect(await follow(kind, first)).toEqual({ userId: owner });
        expect(await follow(kind, other), other).toEqual({ reason: "TOO_MANY_REQUESTS" });
        on.clock.advance(2 * hour);
        const { userId } = await follow(kind, other);
        expect(await follow(kind, first), other).toEqual({ reason: "TOO_MANY_REQUESTS" });
        on.clock.advance(2 * hour);
        people.push(userId!);
      }
      expect(new Set(people).size).toBe(1 + others.length);
    },
  );

  it("a code to one spelling of a mailbox neither ends nor redeems the code to another", async () => {
    const auth = [on.authFrom("192.0.2.1"), on.authFrom("198.51.100.1")] as const;
    const send = async (client: (typeof auth)[number], value: string) => {
      const { challenge } = await client.sendOtp({ identifier: { case: "email", value }, createUserIfMissing: true });
      return await on.messageOf(challenge);
    };
    const plain = await send(auth[0], "adalove@gmail.com");
    const dotted = await send(auth[1], "ada.love@gmail.com");
    expect([plain.to, dotted.to]).toEqual(["adalove@gmail.com", "ada.love@gmail.com"]);
    const { user: first } = await auth[0].verifyOtp({ challengeId: plain.challengeId, code: plain.code });
    const { user: second } = await auth[1].verifyOtp({ challengeId: dotted.challengeId, code: dotted.code });
    expect(first!.userId).not.toBe(second!.userId);
  });

  it("E02 and E03: letters that look or fold alike never reach the ASCII account, and mail goes to the address as it is stored", async () => {
    const own = await register({ email: "admin@mix.example", username: "kelvin" });
    const others: [Kind, string][] = [
      ["email", "admin\uff20mix.example"],
      ["email", "admin@m\u0131x.example"],
      ["email", "adm\u0131n@mix.example"],
      ["email", "\u0430dmin@mix.example"],
      ["email", "ADM\u0130N@mix.example"],
      ["email", "admin@mi\u0445.example"],
      ["email", "admin@mix.ex\u00adample"],
      ["email", "\uff41dmin@mix.example"],
      ["email", "admi\u0301n@mix.example"],
      ["username", "\u212aelvin"],
      ["username", "kelv\u0131n"],
      ["username", "\uff4belvin"],
    ];
    for (const [kind, value] of others) {
      const { userId, reason } = await follow(kind, value);
      expect(userId === undefined ? reason : userId === own, value).toBe(userId === undefined ? "REQUEST_INVALID" : false);
      on.clock.advance(hour);
    }
    const [strasse, street] = [
      await register({ email: "a@stra\u00dfe.example" }),
      await register({ email: "a@strasse.example" }),
    ];
    expect(strasse).not.toBe(street);
    expect((await on.messages("a@xn--strae-oqa.example")).map(({ to }) => to)).toEqual(["a@xn--strae-oqa.example"]);
    expect((await on.messages("admin@mix.example")).length).toBe(1);
  });

  it("E04: tags and dots in an address make other accounts, which share the budgets of the mailbox", async () => {
    const emails = ["ab@x.example", "ab+1@x.example", "a.b@x.example", "ab+2@x.example"];
    const users = [];
    for (const email of emails) {
      users.push((await follow("email", email)).userId);
      if (email === "ab+1@x.example") {
        expect(await follow("email", "ab+3@x.example")).toEqual({ reason: "TOO_MANY_REQUESTS" });
      }
      on.clock.advance(2 * hour);
    }
    expect(new Set(users).size).toBe(emails.length);
    expect(users).not.toContain(undefined);
  });

  it("E05: every way to write a number is the same account and budget, or is refused", async () => {
    const userId = await register({ phone: "+46701234567" });
    const same = ["+46 70-123 45 67", "+46 (70) 123 45 67", " +46701234567 ", "+46.70.123.45.67"];
    for (const value of same) {
      const found = await follow("phone", value);
      expect(["ok", "refused"], value).toContain(
        found.userId === userId ? "ok" : found.reason === "REQUEST_INVALID" && "refused",
      );
      if (found.userId !== undefined) {
        expect(await follow("phone", "+46701234567"), value).toEqual({ reason: "TOO_MANY_REQUESTS" });
        on.clock.advance(2 * hour);
      }
    }
    const refused = [
      "0046701234567",
      "0701234567",
      "46701234567",
      "tel:+46701234567",
      "+46701234567;ext=5",
      "+46701234567 ext. 5",
      "\uff0b46701234567",
      "+\uff14\uff16701234567",
      "+\u0664\u0666701234567",
      "+46701234567\u0000",
      "\u0000+46701234567",
      "0014155552671",
      "+4670123456789012",
    ];
    for (const value of refused) expect(await follow("phone", value), value).toEqual({ reason: "REQUEST_INVALID" });
    for (const value of ["+46(0)701234567", "+460701234567"]) {
      const found = await follow("phone", value);
      expect(found.userId === userId || found.reason === "REQUEST_INVALID", value).toBe(true);
      on.clock.advance(2 * hour);
    }
    expect((await follow("phone", "+46701234567")).userId).toBe(userId);
  });

  it("E07: a text is matched as what it was given for, and as nothing else", async () => {
    await register({ email: "owner@x.example", phone: "+46701234567", username: "owner" });
    const crossed: [Kind, string][] = [
      ["email", "+46701234567"],
      ["email", "owner"],
      ["phone", "owner@x.example"],
      ["phone", "owner"],
      ["username", "owner@x.example"],
      ["username", "+46701234567"],
      ["username", "46701234567"],
    ];
    for (const [kind, value] of crossed) {
      expect(await follow(kind, value), `${kind} ${value}`).toEqual({ reason: "REQUEST_INVALID" });
      if (kind !== "email") continue;
      const call = on.auth.registerUser({ email: "new@x.example", username: value === "owner" ? "owner@x.example" : value });
      expect(await call.catch((error) => refusalOf(error).reason)).toBe("REQUEST_INVALID");
    }
    expect(await on.messages("new@x.example", 0)).toEqual([]);
  });

  it("E13: what is too long is refused before anything is stored", async () => {
    const long: [Kind, string][] = [
      ["email", `${"a".repeat(65)}@x.example`],
      ["email", `a@${"b".repeat(250)}.example`],
      ["phone", `+4670${"1".repeat(30)}`],
      ["username", "a".repeat(33)],
    ];
    for (const [kind, value] of long) expect(await follow(kind, value)).toEqual({ reason: "REQUEST_INVALID" });
  });
});

describe("E06: numbers", () => {
  const policy = { ...fixedPolicy, possiblePhonesSuffice: false } as unknown as Policy;
  const countries = "SE US GB DE FR IT ES NL PL IN BR MX ZA NG AU JP KR ID TR CH".split(" ") as CountryCode[];
  const canonical = (text: string): string => {
    const found = canonicalIdentifier(policy, "phone", text);
    return "value" in found ? found.value : "";
  };

  it("100,000 valid ones of 20 countries stay apart, and every spelling of one is one", () => {
    const seen = new Set<string>();
    let valid = 0;
    for (const country of countries) {
      const example = getExampleNumber(country, examples)!.number.slice(0, -4);
      for (let n = 0; n < 5_000; n += 1) {
        const number = `${example}${String(n).padStart(4, "0")}`;
        const value = canonical(number);
        if (value === "") continue;
        valid += 1;
        seen.add(value);
        if (n % 50 !== 0) continue;
        const digits = number.slice(1);
        for (const text of [
          `+${digits.match(/.{1,3}/g)!.join(" ")}`,
          `+${digits.match(/.{1,2}/g)!.join("-")}`,
          ` ${number} `,
        ]) {
          expect(canonical(text)).toBe(value);
        }
      }
    }
    expect(seen.size).toBe(valid);
    expect(valid).toBeGreaterThan(90_000);
  });

  it("without a country are refused", () => {
    for (const text of ["0701234567", "701234567", "4155552671", "00"]) expect(canonical(text)).toBe("");
  });
});
