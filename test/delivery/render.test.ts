import { describe, expect, test } from "vitest";
import { renderMessage } from "../../src/delivery/render.js";
import type { Purpose } from "../../src/model/challenge.js";
import { gsm7Length } from "../../src/model/gsm7.js";
import { maskContact } from "../../src/model/mask.js";
import { renderInput } from "./fixtures.js";

const purposes: Purpose[] = ["login", "registration", "verify_contact", "change_contact"];
const phone = { kind: "phone", value: "+14155550132" } as const;

describe("e-mail", () => {
  test.each(purposes)("%s: subject, first line of the text and first words of the HTML are the code", (purpose) => {
    const { subject, text, html } = renderMessage(renderInput({ purpose }));
    expect(subject).toMatch(/^048213 is your Latchkey [a-z-]+ code$/);
    expect(text.split("\n")[0]).toBe(subject);
    expect(
      html
        .slice(html.indexOf("<body"))
        .replace(/<[^>]*>/g, "")
        .trim(),
    ).toMatch(/^048213 is your Latchkey/);
  });

  test("the code of the HTML is one run of digits, spaced by style alone", () => {
    expect(renderMessage(renderInput()).html).toContain(">048213</span>");
  });

  test("says what the code is for, and words a registration of a known contact as a sign-in", () => {
    const text = (purpose: Purpose, hasUser: boolean) => renderMessage(renderInput({ purpose, hasUser })).text;
    expect(text("login", true)).toMatch(/sign-in code.*to sign in/s);
    expect(text("registration", false)).toMatch(/sign-up code.*creating your account/s);
    expect(text("registration", true)).toMatch(/sign-in code.*already have an account, so this code signs you in/s);
    expect(text("registration", true)).not.toContain("creating");
    expect(renderMessage(renderInput({ invited: true })).text).toMatch(/invitation code.*You are invited/s);
    expect(renderMessage(renderInput({ invited: true, purpose: "verify_contact" })).text).not.toMatch(/invit/i);
    expect(text("verify_contact", false)).toMatch(/verification code.*this e-mail address is yours/s);
  });

  test("says how long it is valid, that it can be ignored and that it must not be shared", () => {
    const { text, html } = renderMessage(renderInput({ expiresInMinutes: 4.99 }));
    for (const part of ["valid for 5 minutes", "you can ignore this message", "t share this code"]) {
      expect(text).toContain(part);
      expect(html).toContain(part);
    }
    expect(renderMessage(renderInput({ expiresInMinutes: 0.2 })).text).toContain("valid for 1 minute and");
  });

  test("the HTML fetches nothing and links nowhere", () => {
    expect(renderMessage(renderInput()).html).not.toMatch(/src=|href=|url\(|@import|<link|<img|<a[ >]|<script/i);
  });

  test("markup, templates and line ends in a name come out as text on one line", () => {
    const appName = "A<b>&\"'{{7*7}}#{code}{code}\r\nBcc: evil@example.net\u0000\u202e\u2028x";
    const { subject, text, html } = renderMessage(renderInput({ appName }));
    expect(subject).not.toMatch(/[\p{C}\p{Zl}]/u);
    expect(subject).toContain("A<b>&\"'{{7*7}}#{code}{code} Bcc: evil@example.net");
    expect(text.split("\n")[0]).toBe(subject);
    expect(html).toContain("A&lt;b&gt;&amp;&quot;&#39;{{7*7}}#{code}{code}");
    expect(html).not.toContain("<b>");
  });

  test.each(["../../etc/passwd", "en\0", "xx", "", "__proto__", "constructor", "<b>"])(
    "locale %j falls back to English",
    (locale) => {
      const { text, html } = renderMessage(renderInput({ locale }));
      expect(text).toContain("is your Latchkey sign-in code");
      expect(html).toContain('<html lang="en" dir="ltr" ');
    },
  );
});

test("a locale of 10,000 characters costs nothing and falls back to English", () => {
  expect(renderMessage(renderInput({ locale: "e".repeat(10_000) })).html).toContain('<html lang="en" dir="ltr" ');
});

describe("SMS", () => {
  test.each(purposes)("%s: one segment of GSM-7 that begins with the code, even with the longest code and name", (purpose) => {
    for (const hasUser of [true, false]) {
      for (const appName of [
        "Latchkey",
        "A name far longer than any SMS could carry, with “quotes”",
        "Zoë’s Café 東京 🔑",
        "[{^~€|}]\\",
      ]) {
        const long = renderMessage(
          renderInput({ purpose, hasUser, appName, channel: "sms", to: phone, code: "0482139999", expiresInMinutes: 10 }),
        );
        expect(long.text).toMatch(/^0482139999 is your /);
        expect(long.text).toContain("valid for 10 min");
        expect(gsm7Length(long.text)).toBeLessThanOrEqual(160);
        expect([long.subject, long.html]).toEqual(["", ""]);
      }
    }
  });

  test("a registration of a known number is worded as a sign-in", () => {
    const { text } = renderMessage(renderInput({ purpose: "registration", channel: "sms", to: phone }));
    expect(text).toContain("You have an account: this signs you in.");
  });

  test("accents that GSM-7 has stay, others go", () => {
    expect(renderMessage(renderInput({ appName: "Çafé Åbo Łódź", channel: "sms", to: phone })).text).toContain("Çafé Åbo Lodz");
  });
});

describe.each(["whatsapp", "ussd"] as const)("%s", (channel) => {
  test.each(purposes)("%s: has the words of an SMS", (purpose) => {
    const [message, sms] = ([channel, "sms"] as const).map((one) =>
      renderMessage(renderInput({ purpose, channel: one, to: phone })),
    );
    expect(message).toEqual({ ...sms, channel });
  });
});

describe("a call", () => {
  test.each(purposes)("%s: says the digits one by one, twice, and not to share them", (purpose) => {
    const { subject, text, html } = renderMessage(renderInput({ purpose, channel: "voice", to: phone }));
    expect(text.match(/0, 4, 8, 2, 1, 3\./g)).toHaveLength(2);
    expect(text).not.toContain("048213");
    expect(text).toMatch(/^Hello\. Your Latchkey .*Don't share this code\./);
    expect([subject, html]).toEqual(["", ""]);
  });
});

describe("maskContact", () => {
  test.each([
    ["email", "joan@example.com", "j***@example.com"],
    ["email", "j@example.com", "j***@example.com"],
    ["phone", "+4915112348901", "*********8901"],
    ["phone", "+1415", "1415"],
  ] as const)("%s %s is %s", (kind, value, masked) => {
    expect(maskContact({ kind, value })).toBe(masked);
  });
});
