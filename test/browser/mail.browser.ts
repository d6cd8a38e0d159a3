import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderMessage } from "../../src/delivery/render.js";
import { renderNotice } from "../../src/delivery/render-notice.js";
import { allTexts } from "../../src/delivery/texts/languages.js";
import { renderInput } from "../delivery/fixtures.js";
import { startChromium } from "./harness/chromium.js";

/** Everything that a mail can show, with a name and an address that hardly fit. */
const brand = {
  appName: "Donaudampfschifffahrtsgesellschaft",
  logoUrl: "https://shop.example/logo.png",
  accentColor: "#0f766e",
  supportAddress: "https://support.shop.example/a/long/path/of/forty-four/characters",
};
const token = "01JXXXXXXXXXXXXXXXXXXXXXXX.abcdefghijklmnopqrstuv";

/** A mail with the longest code, and one without a code. */
const mailsIn = (locale: string) => [
  {
    lines: 1,
    html: renderMessage(
      renderInput({ locale, code: "0482139999", brand, notMeUrl: `https://auth.example.com/not-me/${token}` }),
    ).html,
  },
  { lines: 0, html: noticeIn(locale) },
];

function noticeIn(locale: string): string {
  const contact = { kind: "email", value: "ada@example.com" } as const;
  const delivery = { challengeId: "change-1", channel: "email", contact, locale, expiresAt: 0 } as const;
  const url = `https://auth.example.com/take-back/${token}`;
  return renderNotice({ delivery, notice: "changed", sendKey: "5e4d", url, days: 7, brand, senderName: "" }).html;
}

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(async () => await browser.close());

describe.each(["light", "dark"] as const)("a mail in %s", (colorScheme) => {
  it.each([320, 640])("fits %i pixels in every language, is readable and asks for the logo alone", async (width) => {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 600 } });
    const requested = new Set<string>();
    await page.route("**/*", (route) => {
      requested.add(route.request().url());
      return route.fulfill({
        contentType: "image/svg+xml",
        body: '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="90"/>',
      });
    });
    for (const { language, lines, html } of allTexts.flatMap(({ language }) =>
      mailsIn(language).map((mail) => ({ language, ...mail })),
    )) {
      await page.setContent(html, { waitUntil: "load" });
      const seen = await page.evaluate(look);
      expect(seen.texts.length, language).toBeGreaterThan(4 + 2 * lines);
      expect(seen.overflow, language).toEqual([]);
      expect(
        seen.texts.filter(({ contrast }) => contrast < 4.5),
        language,
      ).toEqual([]);
      expect(seen.background, language).toBe(colorScheme === "dark" ? "rgb(15, 18, 22)" : "rgb(243, 244, 246)");
      expect(seen.codeLines, language).toBe(lines);
    }
    expect([...requested]).toEqual(["https://shop.example/logo.png"]);
    await page.close();
  });
});

/** Runs in the page. Contrast is that of WCAG 2.2 §1.4.3. */
function look() {
  const colorOf = (text: string): number[] => (text.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: number[]): number => {
    const [red, green, blue] = color.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const backgroundOf = (element: Element | null): number[] => {
    if (element === null) return [255, 255, 255];
    const color = colorOf(getComputedStyle(element).backgroundColor);
    return color[3] === 0 ? backgroundOf(element.parentElement) : color;
  };
  const texts: { text: string; contrast: number }[] = [];
  const overflow: string[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent!.trim();
    const element = walker.currentNode.parentElement!;
    if (text === "" || getComputedStyle(element).fontSize === "0px") continue;
    const [one, other] = [luminance(colorOf(getComputedStyle(element).color)), luminance(backgroundOf(element))];
    texts.push({ text, contrast: (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) });
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    for (const { left, right } of range.getClientRects()) {
      if (left < 0 || right > window.innerWidth) overflow.push(text);
    }
  }
  if (document.documentElement.scrollWidth > window.innerWidth) overflow.push("the page");
  const code = document.querySelector(".code");
  const lines = document.createRange();
  if (code !== null) lines.selectNodeContents(code);
  return {
    texts,
    overflow,
    background: getComputedStyle(document.body).backgroundColor,
    codeLines: code === null ? 0 : lines.getClientRects().length,
  };
}
