import { describe, expect, it } from "vitest";
import { renderNotice } from "../../src/delivery/render-notice.js";
import { allTexts } from "../../src/delivery/texts/languages.js";
import { pageLanguage, pageLanguages, pageTexts } from "../../src/delivery/texts/pages.js";
import type { Contact } from "../../src/model/contact.js";
import { look } from "./fixtures.js";

const url = "https://login.example.com/take-back/AAAAAAAAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBB_-?lang=en";
const contacts: readonly Contact[] = [
  { kind: "email", value: "ada@example.com" },
  { kind: "phone", value: "+14155550132" },
];

function noticeOf(contact: Contact, notice: "changed" | "removed", locale: string, appName = "Latchkey") {
  const channel = contact.kind === "email" ? ("email" as const) : ("sms" as const);
  const delivery = { challengeId: "change-1", channel, contact, locale, expiresAt: 0 };
  return renderNotice({ delivery, notice, sendKey: "5e4d", url, days: 7, brand: { ...look.brand, appName }, senderName: "" });
}

describe("the notice to a contact that was removed", () => {
  it.each(allTexts.map(({ language }) => language))(
    "says in %s what happened, and has the link once in each form",
    (locale) => {
      for (const contact of contacts) {
        const [changed, removed] = [noticeOf(contact, "changed", locale), noticeOf(contact, "removed", locale)];
        expect(changed.text).not.toBe(removed.text);
        for (const { text, subject, html, code, locale: language } of [changed, removed]) {
          expect([code, language]).toEqual(["", locale]);
          expect(text.split(url)).toHaveLength(2);
          expect(text).not.toMatch(/undefined|\bnull\b|\{\w*\}/);
          expect(subject === "").toBe(contact.kind === "phone");
          if (contact.kind === "phone") expect(html).toBe("");
          else {
            expect(html.split(url)).toHaveLength(2);
            expect(html).toMatch(/<h1[^>]*>\s*[^<\s]/);
            expect(html).not.toContain('class="code"');
          }
        }
      }
    },
  );

  it("shows a name as text", () => {
    const { text, html } = noticeOf(contacts[0]!, "changed", "en", '<b>{otp}\r\nBcc: evil"');
    expect(html).not.toContain("<b>");
    expect(text).toContain('<b>{otp} Bcc: evil"');
  });
});

describe("the pages behind links", () => {
  it("exist in every language of messages", () => {
    expect([...pageLanguages].sort()).toEqual(allTexts.map(({ language }) => language).sort());
  });

  it("have sentences that are safe as HTML, and different ones for each page", () => {
    for (const language of pageLanguages) {
      const [notMe, takeBack] = [pageTexts("notMe", language), pageTexts("takeBack", language)];
      for (const sentence of Object.values({ ...notMe, ...takeBack })) {
        expect(sentence).not.toBe("");
        expect(sentence).not.toMatch(/[<>&"{}]/);
      }
      expect(notMe.done).not.toBe(takeBack.done);
      expect(notMe.question).not.toBe(takeBack.question);
    }
  });

  it("take the first language that they have, from any text", () => {
    expect(pageLanguage(["xx", "PT-br;q=0.5", "de"])).toBe("pt");
    for (const tag of ["", "constructor", "__proto__", "../de", "e".repeat(10_000)]) expect(pageLanguage([tag])).toBe("en");
  });
});
