import { describe, expect, test } from "vitest";
import { segmentsOf } from "../../src/delivery/providers/smpp/segments.js";
import { type RenderInput, renderMessage } from "../../src/delivery/render.js";
import { languageOfCountry } from "../../src/delivery/texts/country-languages.js";
import { allTexts, textsFor } from "../../src/delivery/texts/languages.js";
import type { Notice, Texts } from "../../src/delivery/texts/texts.js";
import { toGsm7 } from "../../src/model/gsm7.js";
import { countryCodes } from "../../src/model/phone-number.js";
import { smsSizeOf } from "../../src/model/sms-size.js";
import { type Wording, wordings } from "../../src/model/wording.js";
import { renderInput } from "./fixtures.js";

const phone = { kind: "phone", value: "+14155550132" } as const;
const email = { kind: "email", value: "ada@example.com" } as const;

/** What makes a message of each wording. */
const made: Record<Wording, Partial<RenderInput>> = {
  login: { purpose: "login" },
  invitation: { purpose: "login", invited: true },
  registration: { purpose: "registration", hasUser: false },
  registration_of_known: { purpose: "registration", hasUser: true },
  verify_email: { purpose: "verify_contact", to: email },
  verify_phone: { purpose: "verify_contact", to: phone },
};
const notices: readonly Notice[] = ["email_changed", "email_removed", "phone_changed", "phone_removed"];

/** The longest code and name, and a host as long as most. */
const long = { code: "0482139999", appName: "Twenty-four characters!!", expiresInMinutes: 10 };
const autofill = { webHost: "login.example.com", androidHash: "" };

const languages = [...allTexts.map((texts) => [texts.language, texts] as const)];

test("there are fourteen languages, each by the tag of its texts", () => {
  const tags = ["en", "de", "fr", "es", "pt", "it", "nl", "pl", "tr", "ar", "hi", "sw", "zh", "ja"];
  expect(allTexts.map(({ language }) => language)).toEqual(tags);
  expect(tags.map((tag) => textsFor(tag, email).language)).toEqual(tags);
});

describe.each(languages)("%s", (language, texts) => {
  const render = (wording: Wording, change: Parameters<typeof renderInput>[0]) =>
    renderMessage(renderInput({ locale: language, to: phone, ...made[wording], ...change }));

  describe.each(wordings)("%s", (wording) => {
    const sms = (change: Parameters<typeof renderInput>[0] = {}) => render(wording, { channel: "sms", ...change }).text;

    test("an SMS begins with the code and is one segment, even with the longest code and name", () => {
      for (const change of [{}, long]) {
        const text = sms(change);
        expect(text.startsWith(`${change === long ? long.code : "048213"} `)).toBe(true);
        expect(smsSizeOf(text)).toEqual({ encoding: texts.smsAlphabet, segments: 1 });
        expect(segmentsOf(text, 0).parts).toHaveLength(1);
        expect(text).toContain(change === long ? long.appName : "Latchkey");
      }
    });

    test("an SMS to a usual app has the whole text, which says how long it is valid", () => {
      const values = { code: "048213", appName: "Latchkey", minutes: 5 };
      const whole = texts.sms(wording, values);
      expect(sms()).toBe(texts.smsAlphabet === "gsm7" ? toGsm7(whole) : whole);
      expect(whole).toContain("5");
    });

    test("an SMS ends with the line of the page, in one segment of GSM-7 or with a usual code and name", () => {
      const text = sms({ autofill });
      expect(text.split("\n").at(-1)).toBe("@login.example.com #048213");
      expect(smsSizeOf(text).segments).toBeLessThanOrEqual(texts.smsAlphabet === "gsm7" ? 1 : 2);
      if (texts.smsAlphabet === "gsm7") expect(smsSizeOf(sms({ ...long, autofill })).segments).toBe(1);
    });

    test("GSM-7 loses accents only: each letter of the whole text stays, or what it is without its accent", () => {
      if (texts.smsAlphabet === "ucs2") return;
      const whole = texts.sms(wording, { code: "048213", appName: "Latchkey", minutes: 5 });
      expect([...whole].filter((character) => toGsm7(character) === "")).toEqual([]);
    });

    test("WhatsApp has the whole text with its accents, USSD that of the SMS", () => {
      const whole = texts.sms(wording, { code: "048213", appName: "Latchkey", minutes: 5 });
      expect(render(wording, { channel: "whatsapp" }).text).toBe(whole);
      expect(render(wording, { channel: "ussd", autofill }).text).toBe(sms());
    });

    test("a call says the name, and twice the digits apart", () => {
      const { text } = render(wording, { channel: "voice" });
      expect(text.match(/0, 4, 8, 2, 1, 3/g)).toHaveLength(2);
      expect(text).not.toContain("048213");
      expect(text).toContain("Latchkey");
      expectClean(texts, text);
    });

    test("a mail has the code first in subject, text and HTML, and says the same in both", () => {
      const mail = render(wording, { channel: "email", to: wording === "verify_phone" ? phone : email, notMeUrl });
      expect(mail.subject).toBe(`048213 ${texts.headline(wording, { code: "048213", appName: "Latchkey", minutes: 5 })}`);
      expect(mail.html).toContain(`<html lang="${language}" dir="${texts.direction}" `);
      const paragraphs = mail.text.trim().split("\n\n");
      expect(plain(paragraphs[0]!)).toBe(mail.subject);
      expect(paragraphs).toHaveLength(6);
      const seen = seenIn(mail.html);
      expect(seen.startsWith(mail.subject)).toBe(true);
      for (const line of mail.text
        .trim()
        .split("\n")
        .filter((one) => one !== "")) {
        expect(seen).toContain(plain(line).replace(`: ${notMeUrl}`, ""));
      }
      expect(mail.html).toContain(`href="${notMeUrl}"`);
      expectClean(texts, mail.text);
    });
  });

  test("no two wordings but the two sign-ins and the two verifications say the same", () => {
    const values = { code: "048213", appName: "Latchkey", minutes: 5 };
    const of = (say: (wording: Wording) => string) => new Set(wordings.map(say)).size;
    expect(of((wording) => texts.headline(wording, values))).toBe(4);
    expect(of((wording) => texts.explanation(wording, values))).toBe(6);
    expect(of((wording) => texts.sms(wording, values))).toBe(language === "ar" || language === "hi" ? 4 : 5);
    expect(of((wording) => texts.voice(wording, values))).toBe(5);
  });

  test.each(notices)("the notice %s names the app, the days and the link, and its SMS takes two segments at most", (notice) => {
    const { subject, explanation, sentence, label } = texts.notice(notice, { appName: "Latchkey", days: 7 });
    expect(subject).toContain("Latchkey");
    expect(sentence).toContain("7");
    expectClean(texts, [subject, explanation, sentence, label].join("\n"));
    const text = texts.noticeSms(notice, { appName: long.appName, days: 7, url: notMeUrl });
    expect(text.endsWith(notMeUrl)).toBe(true);
    expect(smsSizeOf(texts.smsAlphabet === "gsm7" ? toGsm7(text) : text).segments).toBeLessThanOrEqual(
      texts.smsAlphabet === "gsm7" ? 2 : 3,
    );
  });

  test("the four notices differ", () => {
    expect(new Set(notices.map((notice) => texts.notice(notice, { appName: "Latchkey", days: 7 }).subject)).size).toBe(4);
  });

  test("numbers are ASCII digits, also for one, two and many", () => {
    for (const minutes of [1, 2, 5, 10, 22]) {
      const said = texts.validity({ code: "048213", appName: "Latchkey", minutes });
      expectClean(texts, said);
      if (minutes > 2) expect(said).toContain(String(minutes));
    }
  });
});

const notMeUrl = "https://auth.example.com/not-me/01JXXXXXXXXXXXXXXXXXXXXXXX.abcdefghijklmnopqrstuv";

/** No text shows a missing value, a doubled space or mark, or digits of another script. */
function expectClean({ language }: Texts, text: string): void {
  expect(text).not.toMatch(/\bundefined\b|\bnull\b|\bNaN\b|\$\{|\{[a-z]+\}|[^\S\n]{2,}|\.\.|,,|!!/);
  expect([...text].filter((character) => /\p{Nd}/u.test(character) && !/[0-9]/.test(character))).toEqual([]);
  if (language !== "fr") expect(text).not.toMatch(/\s[?!:;,.](\s|$)/);
}

const plain = (text: string): string => text.replace(/[\u2068\u2069]/g, "");

/** What a reader sees of an HTML mail. */
function seenIn(html: string): string {
  return html
    .slice(html.indexOf("<body"))
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/<[^>]*>/g, "")
    .replace(/&#39;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, "&")
    .replace(/[^\S\u00a0]+/g, " ")
    .trim();
}

describe("the language of a message", () => {
  const languageOf = (locale: string, number: string): string =>
    renderMessage(renderInput({ locale, channel: "sms", to: { kind: "phone", value: number } })).locale;

  test("is that of the tag, then that of the number's country, then English", () => {
    expect(languageOf("ja-JP", "+4915112345678")).toBe("ja");
    expect(languageOf("de_CH", "+4915112345678")).toBe("de");
    expect(languageOf("", "+4915112345678")).toBe("de");
    expect(languageOf("sv", "+4915112345678")).toBe("de");
    expect(languageOf("", "+5511961234567")).toBe("pt");
    expect(languageOf("", "+46701234567")).toBe("en");
    expect(renderMessage(renderInput({ locale: "" })).locale).toBe("en");
  });

  test("of numbers that share a calling code is that of their own country", () => {
    expect(languageOf("", "+14155550132")).toBe("en");
    expect(languageOf("", "+18092345678")).toBe("es");
    expect(languageOf("", "+390669812345")).toBe("it");
  });

  test("of a country that reads several languages is English", () => {
    for (const number of ["+919812345678", "+32470123456", "+886912345678"]) expect(languageOf("", number)).toBe("en");
  });

  test("is one that Latchkey has, for every country of the table", () => {
    const known = allTexts.map(({ language }) => language);
    const found = countryCodes.map((country) => languageOfCountry(country)).filter((language) => language !== null);
    expect(found.length).toBeGreaterThan(90);
    expect(found.filter((language) => !known.includes(language))).toEqual([]);
  });

  test("chooses the app's own text too", () => {
    const own = { channel: "sms", wording: "", subject: "" } as const;
    const texts = [
      { ...own, locale: "de", text: "{otp} von {app}" },
      { ...own, locale: "", text: "{otp} from {app}" },
    ];
    const textTo = (value: string) =>
      renderMessage(renderInput({ locale: "", channel: "sms", to: { kind: "phone", value }, texts })).text;
    expect(textTo("+4915112345678")).toBe("048213 von Latchkey");
    expect(textTo("+46701234567")).toBe("048213 from Latchkey");
  });
});

describe("the lines that let phones read the code", () => {
  const text = (change: Parameters<typeof renderInput>[0]) =>
    renderMessage(renderInput({ channel: "sms", to: phone, ...change })).text;

  test("are the last ones, the page's after the Android app's, and none without a setting", () => {
    const both = { webHost: "shop.example", androidHash: "FA+9qCX9VSu" };
    expect(text({ autofill: both }).split("\n").slice(1)).toEqual(["FA+9qCX9VSu", "@shop.example #048213"]);
    expect(
      text({ autofill: { ...both, webHost: "" } })
        .split("\n")
        .slice(1),
    ).toEqual(["FA+9qCX9VSu"]);
    expect(text({})).not.toContain("\n");
  });

  test("follow a text of the app or of the call as well", () => {
    const words = { customMessage: "{app}: {otp}" };
    expect(text({ autofill, words })).toBe("Latchkey: 048213\n@login.example.com #048213");
  });

  test("make the text shorter rather than the SMS longer", () => {
    const change = { ...long, purpose: "registration", locale: "de", autofill } as const;
    expect(text(change)).toBe(
      "0482139999 ist Ihr Anmeldecode für Twenty-four characters!!. Nicht weitergeben.\n@login.example.com #0482139999",
    );
  });

  test("are in SMS only", () => {
    for (const channel of ["voice", "whatsapp", "ussd"] as const) expect(text({ channel, autofill })).not.toContain("@");
  });
});

describe("a mail from right to left", () => {
  const mail = renderMessage(renderInput({ locale: "ar", appName: "C++ (beta)", notMeUrl }));

  test("keeps the app's name together in both forms, and the code from left to right", () => {
    expect(mail.text.split("\n")[0]).toBe("048213 هو رمز تسجيل الدخول إلى \u2068C++ (beta)\u2069");
    expect(mail.html).toContain("<bdi>C++ (beta)</bdi>");
    expect(mail.html).toMatch(/<span class="code" dir="ltr"[^>]*text-align:right;[^>]*>048213<\/span>/);
    expect(mail.subject).toBe("048213 هو رمز تسجيل الدخول إلى C++ (beta)");
  });

  test("is laid out from right to left everywhere but in the code", () => {
    expect(mail.html).not.toMatch(/direction:\s*ltr|text-align:\s*left|align="left"/);
    expect(renderMessage(renderInput()).html).not.toMatch(/direction:\s*rtl|text-align:\s*right|align="right"/);
  });

  test("of an Arabic name in an English mail keeps that together too", () => {
    expect(renderMessage(renderInput({ appName: "متجر" })).text).toContain("is your \u2068متجر\u2069 sign-in code");
  });
});
