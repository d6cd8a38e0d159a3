import { describe, expect, test } from "vitest";
import { appTextViolations, messageWordsViolations, wordingViolations } from "../../src/model/text-rules.js";
import { type AppText, type AppWording, noWording } from "../../src/model/wording.js";

const wording: AppWording = { ...noWording, linkHosts: ["shop.example.com"], senderIds: ["SHOP", "+46701234567"] };

function problemsOf(text: Partial<AppText>, given: AppWording = wording): readonly string[] {
  const full: AppText = { channel: "sms", wording: "", locale: "", subject: "", text: "Code {otp}", ...text };
  return appTextViolations(full, given).map(({ field, description }) => `${field} ${description}`);
}

const customProblems = (customMessage: string, given: AppWording = wording): readonly string[] =>
  messageWordsViolations({ customMessage }, given).map(({ description }) => description);

describe("a text of an app", () => {
  test.each([
    "Hello, your user verification code is {otp}",
    "{app}: {otp} ({minutes} min). Not you? https://shop.example.com/help?a=b#c",
    "{app} {otp}\nLine two. See shop.example.com/help.html",
    "आपका {app} कोड {otp} है। क्\u200dष",
    "您的验证码是{otp}。请勿分享。",
    "{otp} z.B. um 5 p.m. or 1.5 h, u.a.",
  ])("%j is accepted", (text) => {
    expect(problemsOf({ text })).toEqual([]);
  });

  test.each([
    ["Your code", "must have {otp}"],
    ["{otp} {code}", "has “{code}”: braces are only for the placeholders {otp}, {app}, {minutes}"],
    ["{otp} {{app}}", "has “{ }”: braces are only for the placeholders {otp}, {app}, {minutes}"],
    ["{otp} {constructor}", "has “{constructor}”: braces are only"],
    ["{otp} }", "has “}”"],
    ["{otp} a\u0000b", "must not have control or invisible characters"],
    ["{otp} a\rb", "must not have control or invisible characters"],
    ["{otp} \u202egpj", "must not have control or invisible characters"],
    ["{otp} a\u2028b", "must not have control or invisible characters"],
  ])("%j is judged", (text, problem) => {
    const problems = problemsOf({ text });
    expect(problems.join()).toContain(problem);
  });

  test.each([
    "http://evil.test",
    "http://shop.example.com",
    "https://evil.test/shop.example.com",
    "https://shop.example.com.evil.test",
    "https://shop.example.com@evil.test",
    "https://evil.test\\@shop.example.com",
    "https://shop.example.com{otp}.evil.test",
    "https://{app}/",
    "{app}.com",
    "evil.{app}",
    "evil.test",
    "EVIL.TEST/x",
    "bit.ly/x",
    "www.evil.test",
    "ｅｖｉｌ．ｔｅｓｔ",
    "evil。test",
    "evil․test",
    "e\u00advil.te\u200dst",
    "еvil.com",
    "пример.рф",
    "xn--e1afmkfd.xn--p1ai",
    "ada@evil.test",
    "1.2.3.4",
    "http://2130706433/",
    "//evil.test",
    "hxxp://evil",
    "javascript:alert(1)",
    "tel:+15005550006",
    "sms:12345",
    "mailto:ada@shop.example.com",
    "sub.shop.example.com",
    "code.Enter",
  ])("the link %j is refused", (link) => {
    expect(problemsOf({ text: `{otp} ${link}` }).join()).toContain("only https links to the app's link_hosts are allowed");
    expect(customProblems(`{app} {otp} ${link}`).join()).toContain("only https links");
  });

  test("says all that is wrong at once, in the order of the fields", () => {
    const problems = problemsOf({ locale: "e", subject: "x", text: "evil.test {x}\u0007" });
    expect(problems).toHaveLength(6);
    expect(problems.map((problem) => problem.split(" ")[0])).toEqual([
      "text.locale",
      "text.subject",
      "text.text",
      "text.text",
      "text.text",
      "text.text",
    ]);
  });

  test("is as long as its channel allows, counted with the longest values", () => {
    expect(problemsOf({ text: `{otp}${"x".repeat(449)}` })).toEqual([]);
    expect(problemsOf({ text: `{otp}${"x".repeat(450)}` })).toEqual([
      "text.text takes up to 4 short messages, and at most 3 are allowed: shorten it",
    ]);
    expect(problemsOf({ text: `{otp}${"ж".repeat(192)}` }).join()).toContain("use only characters of the GSM alphabet");
    expect(problemsOf({ channel: "ussd", text: `{otp}${"x".repeat(178)}` }).join()).toContain("183 characters: at most 182");
    expect(problemsOf({ channel: "email", text: `{otp}${"x".repeat(1_995)}` })).toEqual([]);
    expect(problemsOf({ channel: "email", text: `{otp}${"x".repeat(1_996)}` }).join()).toContain("at most 2000");
    const subject = "x".repeat(121);
    expect(problemsOf({ channel: "email", subject }).join()).toContain("text.subject has 121 characters: at most 120");
  });

  test("leaves room for the line that lets browsers read the code", () => {
    const text = `{otp}${"x".repeat(440)}`;
    expect(problemsOf({ text })).toEqual([]);
    const autofill = { webHost: "shop.example.com", androidHash: "" };
    expect(problemsOf({ text }, { ...wording, autofill }).join()).toContain("4 short messages");
  });

  test("has line ends only where they can be shown, and a subject only in a mail", () => {
    expect(problemsOf({ channel: "voice", text: "{otp}\nx" }).join()).toContain("nor line ends");
    expect(problemsOf({ channel: "email", subject: "a\nb" }).join()).toContain("text.subject must not have");
    expect(problemsOf({ subject: "Code" })).toEqual(["text.subject must be left out: only a mail has a subject"]);
  });
});

describe("a custom message", () => {
  test.each([
    "{app}: {otp}",
    "Your {app} code is {otp}, valid for {minutes} min.",
    "{app} {otp} (2026)",
    "{app} {otp} +46701234567",
  ])("%j is accepted", (text) => {
    expect(customProblems(text)).toEqual([]);
  });

  test.each([
    ["{otp}", "must have {app}"],
    ["{app}", "must have {otp}"],
    ["{app} {otp} {otp}", "must have {otp} once only"],
    ["{app} {app} {otp}", "must have {app} once only"],
    ["{app}\n{otp}", "nor line ends"],
    [`{app} {otp} ${"x".repeat(2_000)}`, "at most 200 are allowed"],
    [`{app} {otp} ${"ж".repeat(180)}`, "at most 2 are allowed"],
  ])("%j is refused: %s", (text, problem) => {
    expect(customProblems(text).join()).toContain(problem);
  });

  test.each([
    "+1 500 555 0006",
    "0900-12345",
    "(0900) 12 34 5",
    "12345",
    "٠٩٠٠١٢٣٤٥",
    "０９００１２３",
    "0900{minutes}",
    "1900 {minutes}",
    "1\ufe0f\u20e32\ufe0f\u20e33\ufe0f\u20e34\ufe0f\u20e35\ufe0f\u20e3",
    "900–123–45",
    "900 ‑ 123 ‑ 45",
    "900·123·45",
    "*21*9001#",
  ])("the number %j is refused", (number) => {
    expect(customProblems(`{app} {otp} call ${number}`).join()).toContain("looks like a phone number");
  });

  test("a value does not complete an IP address", () => {
    for (const text of ["{minutes}.1.1.1", "see {minutes}.1.12.3/x"]) {
      expect(customProblems(`{app} {otp} ${text}`).join()).toContain("only https links");
    }
  });

  test("nothing invisible is accepted, nor a mark on a value", () => {
    for (const blank of ["\u034f", "\u115f", "\u3164", "\uffa0", "\u2800", "\u{e0061}"]) {
      expect(customProblems(`{app} {otp} ${blank}`).join()).toContain("invisible characters");
    }
    for (const mark of ["\u0336", "\u20dd", "\u200d"]) {
      expect(customProblems(`{app} {otp}${mark} `).join()).toContain("mark or joiner behind a placeholder");
    }
    expect(customProblems("{app} {otp} ✔️ नमस्ते")).toEqual([]);
  });

  test("a number may not run into the code", () => {
    expect(customProblems("{app} 0900 {otp}").join()).toContain("looks like a phone number");
    expect(customProblems("{app} +{otp}").join()).toContain("looks like a phone number");
  });
});

test("a subject has the rules of a message except its placeholders", () => {
  const problems = (subject: string) => messageWordsViolations({ subject }, wording).map(({ description }) => description);
  expect(problems("Your code")).toEqual([]);
  expect(problems("{otp} for {app}")).toEqual([]);
  for (const subject of ["evil.test", "a\r\nBcc: x@evil.test", "{x}", "call 0900 1234", "x".repeat(121)]) {
    expect(problems(subject)).not.toEqual([]);
  }
});

test("a sender must be one of the app's", () => {
  expect(messageWordsViolations({ senderId: "SHOP" }, wording)).toEqual([]);
  for (const senderId of ["BANK", "shop", "SHOP ", "ABCDEFGHIJKL", "46701234567", "ШОП", "constructor"]) {
    expect(messageWordsViolations({ senderId }, wording)).toEqual([
      { field: "sender_id", description: "is none of the app's sender_ids" },
    ]);
  }
});

describe("an app's wording", () => {
  const fieldsOf = (changes: Partial<AppWording>): readonly string[] =>
    wordingViolations({ ...noWording, ...changes }).map(({ field }) => field);

  test("is accepted in its usual forms", () => {
    const autofill = { webHost: "shop.example.com", androidHash: "FA+9qCX9VSu" };
    const senderIds = ["SHOP", "My Shop 24", "+46701234567", "12345"];
    expect(
      fieldsOf({
        senderName: "Ada’s Shop",
        accentColor: "#1a73e8",
        linkHosts: ["shop.example.com", "a.xn--p1ai"],
        senderIds,
        autofill,
      }),
    ).toEqual([]);
  });

  test.each<[Partial<AppWording>, string]>([
    [{ senderName: "Shop\r\nBcc: evil@example.net" }, "sender_name"],
    [{ senderName: "x".repeat(41) }, "sender_name"],
    [{ accentColor: "red" }, "accent_color"],
    [{ accentColor: "#fff;}" }, "accent_color"],
    ...["https://shop.example.com", "shop.example.com/x", "Shop.example.com", "localhost", "1.2.3.4", "*.example.com", ""].map(
      (host): [Partial<AppWording>, string] => [{ linkHosts: [host] }, "link_hosts[0]"],
    ),
    ...["ABCDEFGHIJKL", "ШОП", "", "12", " SHOP", "SHOP\n", "+0123456789", "A_B"].map((id): [Partial<AppWording>, string] => [
      { senderIds: [id] },
      "sender_ids[0]",
    ]),
    [{ senderIds: ["SHOP", "SHOP"] }, "sender_ids[1]"],
    [{ senderIds: Array.from({ length: 21 }, (_, index) => `S${index}`) }, "sender_ids"],
    [{ autofill: { webHost: "evil.test #1", androidHash: "" } }, "autofill.web_host"],
    [{ autofill: { webHost: "", androidHash: "short" } }, "autofill.android_hash"],
  ])("%j is refused", (changes, field) => {
    expect(fieldsOf(changes)).toEqual([field]);
  });
});

describe("phone numbers in the words of a call", () => {
  const senderIds = ["123", "456", "72345", "+46701234567"];
  const problemsOf = (text: string) =>
    messageWordsViolations({ customMessage: `{otp} {app} call ${text}` }, { ...noWording, senderIds });

  test.each(["123456123", "+49 123456123", "123 456 123", "+467012345678", "4672345"])(
    "are refused if listed ones form %s",
    (text) => {
      expect(problemsOf(text)).toMatchObject([
        { field: "custom_message", description: expect.stringMatching(/looks like a phone number/) },
      ]);
    },
  );

  test.each(["+46701234567", "72345, or +46701234567", "+46701234567. 5 min"])("are taken as they are listed: %s", (text) => {
    expect(problemsOf(text)).toEqual([]);
  });
});
