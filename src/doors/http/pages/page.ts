import { createHash } from "node:crypto";
import { directionOf } from "../../../delivery/texts/languages.js";
import type { PageTexts } from "../../../delivery/texts/pages.js";

const style = `
  :root { color-scheme: light dark; }
  body { margin: 0; padding: 8vh 16px; font: 17px/1.5 system-ui, sans-serif; background: #f3f4f6; color: #1f2937; }
  main { max-width: 30em; margin: 0 auto; padding: 28px; border-radius: 12px; background: #ffffff; }
  h1 { margin: 0 0 16px; font-size: 22px; line-height: 1.3; }
  p { margin: 0 0 20px; }
  button { width: 100%; padding: 14px 20px; border: 0; border-radius: 8px; font: inherit; font-weight: 600; background: #1d4ed8;
    color: #ffffff; cursor: pointer; }
  button:focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
  @media (prefers-color-scheme: dark) {
    body { background: #0f1216; color: #e5e7eb; }
    main { background: #1b2027; }
    button { background: #3b6ef0; }
  }`;

/** Nothing is loaded and no script runs. The one form posts to the page's own address, and no other page can frame it. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "img-src data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What a page says. `ask` and `failed` have the button. */
export type PageState = "ask" | "done" | "failed";

/** A page in one language. It holds nothing of the request, so it is the same for every link. */
export function pageHtml(language: string, texts: PageTexts, state: PageState): string {
  const sentence = { ask: texts.question, done: texts.done, failed: texts.failed }[state];
  const form = state === "done" ? "" : `\n<form method="post"><button type="submit">${texts.button}</button></form>`;
  return `<!doctype html>
<html lang="${language}" dir="${directionOf(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${texts.title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<h1>${texts.title}</h1>
<p role="status">${sentence}</p>${form}
</main>
</body>
</html>
`;
}
