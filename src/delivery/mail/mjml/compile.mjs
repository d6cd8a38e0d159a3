// Makes src/delivery/mail/template.ts of mail.mjml: `npm run generate:mail`.
import { readFileSync, writeFileSync } from "node:fs";
import mjml2html from "mjml";

const folder = new URL("./", import.meta.url);
const target = new URL("../template.ts", import.meta.url);
const { html, errors } = await mjml2html(readFileSync(new URL("mail.mjml", folder), "utf8"), {
  validationLevel: "soft",
  // A mail fetches nothing from a host that the app did not choose.
  fonts: {},
});
// A placeholder is no valid value of these attributes for MJML, but its value in a mail is.
const wrong = errors.filter(({ message }) => !message.includes("{{"));
if (wrong.length > 0) throw new Error(wrong.map(({ formattedMessage }) => formattedMessage).join("\n"));

const names = [...new Set(Array.from(html.matchAll(/\{\{#?(\w+)\}\}/g), ([, name]) => name))];
const body = html
  // MJML writes these two for pages from left to right only.
  .replaceAll("text-align:left", "text-align:{{start}}")
  .replaceAll("direction:ltr", "direction:{{direction}}")
  .replace(/^\s+/gm, "")
  .replace(/\n{2,}/g, "\n")
  .replace(/[\\`]|\$\{/g, "\\$&")
  .replace(/\{\{#(\w+)\}\}/g, (_, name) => `\${slots.${name} === "" ? "" : \``)
  .replace(/\{\{\/\w+\}\}/g, "`}")
  .replace(/\{\{(\w+)\}\}/g, (_, name) => `\${slots.${name}}`);

writeFileSync(
  target,
  `// Made of src/delivery/mail/mjml/mail.mjml by \`npm run generate:mail\`. Do not edit.

/** HTML, escaped where it comes from a text. Without some of them, the part of the mail around them is left out. */
export interface Slots {
${names.map((name) => `  readonly ${name}: string;`).join("\n")}
}

export function fillTemplate(slots: Slots): string {
  return \`${body.trim()}
\`;
}
`,
);
