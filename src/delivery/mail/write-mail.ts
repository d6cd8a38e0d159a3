import { escapeHtml } from "./escape-html.js";
import type { MailParts } from "./parts.js";
import { fillTemplate } from "./template.js";

/** Writes both forms of a mail. They say the same. */
export function writeMail(parts: MailParts): { readonly text: string; readonly html: string } {
  return { text: plainMail(parts), html: htmlMail(parts) };
}

function plainMail(parts: MailParts): string {
  const { code, headline, explanation, validity, warning, notMe } = parts;
  const link = notMe === null ? "" : `${notMe.sentence}\n${notMe.label}: ${notMe.url}`;
  const paragraphs = [`${code} ${headline}`.trim(), explanation, validity, warning, link, footOf(parts)];
  return `${paragraphs.filter((paragraph) => paragraph !== "").join("\n\n")}\n`;
}

/**
 * The template fetches nothing but the logo, which is no link and has one URL for all recipients, and only CSS spaces the code, so it
 * copies unchanged.
 */
function htmlMail(parts: MailParts): string {
  const { language, direction, subject, code, headline, explanation, validity, warning, notMe, brand } = parts;
  return fillTemplate({
    language: escapeHtml(language),
    direction,
    start: direction === "rtl" ? "right" : "left",
    subject: escapeHtml(subject),
    accent: /^#[0-9a-f]{6}$/i.test(brand.accentColor) ? brand.accentColor : "",
    logo: brand.logoUrl.startsWith("https://") ? escapeHtml(brand.logoUrl) : "",
    name: escapeHtml(brand.appName),
    code: escapeHtml(code),
    headline: written(headline),
    explanation: written(explanation),
    validity: written(validity),
    warning: written(warning),
    sentence: written(notMe?.sentence ?? ""),
    label: written(notMe?.label ?? ""),
    link: escapeHtml(notMe?.url ?? ""),
    foot: written(footOf(parts)),
  });
}

/** Returns from which app the mail is, and whom to ask. */
function footOf({ brand }: MailParts): string {
  return [brand.appName, brand.supportAddress].filter((text) => text !== "").join(" · ");
}

/** Isolated names become elements, because not all mail programs know the characters. */
function written(text: string): string {
  return escapeHtml(text)
    .replaceAll("\n", "<br>")
    .replace(/\u2068([^\u2068\u2069]*)\u2069/g, "<bdi>$1</bdi>");
}
