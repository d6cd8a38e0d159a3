import { createHash } from "node:crypto";
import { inboxScript } from "./page-script.js";
import { inboxStyle } from "./page-style.js";

/** The developer inbox as one page that loads only `/messages`, and the content security policy that enforces it. */
export function inboxPage(): { readonly html: string; readonly contentSecurityPolicy: string } {
  return {
    html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Latchkey inbox</title>
<link rel="icon" href="data:,">
<style>${inboxStyle}</style>
</head>
<body>
<header>
  <h1>Latchkey inbox</h1>
  <p class="status"><span class="dot" aria-hidden="true"></span><span id="status" role="status">Connecting…</span></p>
</header>
<main>
  <p class="lead">Every code that this development server sends ends up here, and leaves this machine only if a carrier is configured.</p>
  <div class="filter" id="filter-bar" hidden>
    <label for="filter">Show only messages to</label>
    <input id="filter" type="search" placeholder="ada@example.com or +1555…" autocomplete="off" spellcheck="false">
  </div>
  <p id="announce" class="visually-hidden" role="status" aria-live="polite"></p>
  <section id="empty" class="empty" hidden>
    <h2>No codes yet</h2>
    <p>Ask for one, to any address or number:</p>
    <pre><code>curl http://localhost:8080/latchkey.v1.AuthService/SendOtp \\
  -H 'content-type: application/json' -H 'connect-protocol-version: 1' \\
  -d '{"email":"ada@example.com","createUserIfMissing":true}'</code></pre>
    <p>It will appear here by itself. Scripts and tests read <code>/messages?to=ada@example.com</code>.</p>
  </section>
  <p id="no-match" class="no-match" hidden>No message to a destination like that.</p>
  <ol id="messages" aria-label="Messages, newest first"></ol>
  <noscript><p class="no-match">This page needs JavaScript. The messages themselves are at <a href="/messages">/messages</a>.</p></noscript>
</main>
<template id="message">
  <li>
    <article>
      <div class="code-row">
        <p class="code"><span class="digits" aria-hidden="true"></span><span class="spoken visually-hidden"></span></p>
        <button type="button" class="copy">Copy</button>
      </div>
      <p class="to"><span class="channel"></span><span class="destination"></span><span class="sender"></span><time></time></p>
      <details><summary>Message</summary><pre class="text"></pre></details>
    </article>
  </li>
</template>
<script>${inboxScript}</script>
</body>
</html>
`,
    contentSecurityPolicy: [
      "default-src 'none'",
      `script-src ${hashSource(inboxScript)}`,
      `style-src ${hashSource(inboxStyle)}`,
      "img-src data:",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
  };
}

function hashSource(content: string): string {
  return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
}
