import { renderHtml } from "./html.js";
import type { MailParts } from "./parts.js";

/** Writes both forms of a mail. They say the same. */
export function writeMail(parts: MailParts): { readonly text: string; readonly html: string } {
  return { text: plainMail(parts), html: renderHtml(parts) };
}

function plainMail({ code, headline, explanation, validity, warning, notMe }: MailParts): string {
  const link = notMe === null ? "" : `${notMe.sentence}\n${notMe.label}: ${notMe.url}`;
  const paragraphs = [`${code} ${headline}`.trim(), explanation, validity, warning, link];
  return `${paragraphs.filter((paragraph) => paragraph !== "").join("\n\n")}\n`;
}
