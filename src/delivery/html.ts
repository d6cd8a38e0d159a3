import type { Texts, Values, Wording } from "./texts/texts.js";

// Colours are inline for mail clients that drop <style>, and in <style> for clients with a dark mode.
const style = `
  body { margin: 0; padding: 24px 12px; background: #f3f4f6; }
  .card { max-width: 440px; margin: 0 auto; padding: 32px 28px; border-radius: 12px; background: #ffffff; color: #1f2937;
    font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
  h1 { margin: 0 0 20px; font-size: 18px; font-weight: 600; line-height: 1.4; }
  .code { display: block; margin: 0 0 8px; font: 700 40px/1.2 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
    letter-spacing: 0.18em; color: #111827; white-space: nowrap; }
  p { margin: 0 0 14px; }
  .note { margin: 22px 0 0; padding: 16px 0 0; border-top: 1px solid #e5e7eb; font-size: 14px; color: #4b5563; }
  @media (prefers-color-scheme: dark) {
    body { background: #0f1216 !important; }
    .card { background: #1b2027 !important; color: #e5e7eb !important; }
    .code { color: #ffffff !important; }
    .note { color: #aab2bd !important; border-top-color: #333b45 !important; }
  }`;

/** The HTML form of a message, without links, images or other resources. Only CSS spaces the code, so it copies unchanged. */
export function renderHtml(texts: Texts, wording: Wording, values: Values): string {
  const headline = texts.headline(wording, values);
  return `<!doctype html>
<html lang="${escapeHtml(texts.language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(`${values.code} ${headline}`)}</title>
<style>${style}
</style>
</head>
<body style="margin:0;padding:24px 12px;background:#f3f4f6">
<div class="card" role="article" style="max-width:440px;margin:0 auto;padding:32px 28px;border-radius:12px;background:#ffffff;color:#1f2937;font-family:sans-serif;font-size:16px;line-height:1.5">
<h1 style="margin:0 0 20px;font-size:18px"><span class="code" style="display:block;font-family:monospace;font-size:40px;font-weight:700;letter-spacing:0.18em;color:#111827">${escapeHtml(values.code)}</span> ${escapeHtml(headline)}</h1>
<p>${escapeHtml(texts.explanation(wording, values))}</p>
<p>${escapeHtml(texts.validity(values))}</p>
<p class="note" style="font-size:14px;color:#4b5563">${escapeHtml(texts.warning(values))}</p>
</div>
</body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
