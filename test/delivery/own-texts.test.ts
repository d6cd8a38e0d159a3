import { describe, expect, test } from "vitest";
import { renderMessage } from "../../src/delivery/render.js";
import { gsm7Length } from "../../src/model/gsm7.js";
import type { AppText } from "../../src/model/wording.js";
import { renderInput } from "./fixtures.js";

const phone = { kind: "phone", value: "+14155550132" } as const;
const sms = { channel: "sms", to: phone } as const;
const ofSms = (text: string, changes: Partial<AppText> = {}): AppText => ({
  ...{ channel: "sms", wording: "", locale: "", subject: "", text: `${text} {otp}` },
  ...changes,
});

describe("the text of an app that a message has", () => {
  const texts = [
    ofSms("any"),
    ofSms("login", { wording: "login" }),
    ofSms("de", { locale: "de" }),
    ofSms("de login", { locale: "de", wording: "login" }),
    ofSms("pt-BR", { locale: "pt-BR" }),
    ofSms("mail", { channel: "email" }),
  ];
  const said = (locale: string, purpose: "login" | "registration" = "login") =>
    renderMessage(renderInput({ ...sms, texts, locale, purpose, hasUser: purpose === "login" })).text;

  test("is that of its locale before that of all, and in each that of its wording before that of all", () => {
    expect(said("de-AT")).toBe("de login 048213");
    expect(said("DE", "registration")).toBe("de 048213");
    expect(said("fr")).toBe("login 048213");
    expect(said("fr", "registration")).toBe("any 048213");
    expect(said("pt-br")).toBe("pt-BR 048213");
    expect(said("pt")).toBe("login 048213");
  });

  test("is Latchkey's if the app has none for the channel", () => {
    const input = renderInput({ channel: "voice", to: phone, texts });
    expect(renderMessage(input)).toEqual(renderMessage({ ...input, texts: [] }));
  });

  test("is that of the call, if it gives one", () => {
    const words = { customMessage: "{app}: {otp}" };
    expect(renderMessage(renderInput({ ...sms, texts, words })).text).toBe("Latchkey: 048213");
  });
});

describe("values", () => {
  test("are inserted once and never read as placeholders", () => {
    const appName = "{otp}{minutes}$&";
    const text = "{app} {otp} {minutes}";
    const { text: said } = renderMessage(
      renderInput({ channel: "whatsapp", to: phone, appName, texts: [ofSms("", { channel: "whatsapp", text })] }),
    );
    expect(said).toBe("{otp}{minutes}$& 048213 5");
  });

  test("turn no text of the GSM alphabet into one of twice the price", () => {
    const text = renderMessage(renderInput({ ...sms, appName: "Łódź ✓", texts: [ofSms("Code of {app}:")] })).text;
    expect(gsm7Length(text)).not.toBeNull();
    expect(renderMessage(renderInput({ ...sms, appName: "Łódź", texts: [ofSms("Код {app}:")] })).text).toContain("Łódź");
  });
});

test("a call says an own text twice, or once if it has the code twice, with the digits apart", () => {
  const call = { channel: "voice", to: phone } as const;
  const once = renderMessage(renderInput({ ...call, texts: [ofSms("Code", { channel: "voice" })] }));
  expect(once.text).toBe("Code 0, 4, 8, 2, 1, 3 Code 0, 4, 8, 2, 1, 3");
  const twice = renderMessage(renderInput({ ...call, texts: [ofSms("{otp} and", { channel: "voice" })] }));
  expect(twice.text).toBe("0, 4, 8, 2, 1, 3 and 0, 4, 8, 2, 1, 3");
});

describe("a mail with an own text", () => {
  const text = "Dear reader,\n<b>{otp}</b> & {app}";
  const mailWith = (changes: Partial<AppText>, notMeUrl: string | null = null) =>
    renderMessage(renderInput({ notMeUrl, texts: [ofSms("", { channel: "email", text, ...changes })] }));

  test("keeps the code in its subject, how long it is valid, the warning and the link", () => {
    const mail = mailWith({}, "https://auth.example.com/not-me/x");
    expect(mail.subject).toBe("048213 is your Latchkey sign-in code");
    for (const part of ["valid for 5 minutes", "share this code", "https://auth.example.com/not-me/x"]) {
      expect(mail.text).toContain(part);
      expect(mail.html).toContain(part);
    }
  });

  test("has the text in both forms, escaped in HTML, and says no more how long it is valid if the text does", () => {
    const mail = mailWith({ text: `${text}, {minutes} min`, subject: "{app}" });
    expect(mail.subject).toBe("Latchkey");
    expect(mail.text).toContain("Dear reader,\n<b>048213</b> & Latchkey, 5 min");
    expect(mail.html).toContain("&lt;b&gt;048213&lt;/b&gt; &amp; Latchkey, 5 min");
    expect(mail.text).not.toContain("valid for");
  });
});
