import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePorts } from "../support/ports.js";
import { startChromium } from "./harness/chromium.js";
import { type LatchkeyServer, startLatchkey } from "./harness/latchkey-server.js";
import { serveHtml, servePage } from "./harness/page-server.js";
import type { CookieApp } from "./page/cookie-page.js";

declare const app: CookieApp;

const [httpPort, grpcPort, inboxPort, pagePort, strangerPort] = (await freePorts(5)) as [
  number,
  number,
  number,
  number,
  number,
];
const apiUrl = `http://localhost:${httpPort}`;
const pageUrl = `http://localhost:${pagePort}/`;
/** Of the same site: browsers compare host names, not ports. So SameSite does not protect from it. */
const neighbourUrl = `http://localhost:${strangerPort}/`;
/** Of another site. */
const strangerUrl = `http://127.0.0.1:${strangerPort}/`;
const waitMs = 15_000;

const stops: (() => Promise<void>)[] = [];
let browser: Browser;
let latchkey: LatchkeyServer;
let context: BrowserContext;

beforeAll(async () => {
  browser = await startChromium();
  stops.push(() => browser.close());
  const env = { LATCHKEY_ALLOWED_ORIGINS: new URL(pageUrl).origin, LATCHKEY_CODE_HASH: "fast", LATCHKEY_RESEND_COOLDOWN: "0s" };
  latchkey = await startLatchkey({ httpPort, grpcPort, inboxPort, env });
  stops.push(
    () => latchkey.stop(),
    await servePage(pagePort, apiUrl, "cookie-page.ts"),
    await serveHtml(strangerPort, strangersHtml),
  );
});

afterAll(async () => {
  for (const stop of stops) await stop();
});

beforeEach(async () => {
  context = await browser.newContext();
});

afterEach(() => context.close());

const shownUser = (page: Page) => page.locator("#who").textContent();

async function expectUser(page: Page, email: string): Promise<void> {
  await expect.poll(() => shownUser(page), { timeout: waitMs }).toBe(email);
}

async function openPage(url = pageUrl, inContext = context): Promise<Page> {
  const page = await inContext.newPage();
  await page.goto(url);
  return page;
}

async function signIn(email: string, { url = pageUrl, inContext = context } = {}): Promise<Page> {
  const page = await openPage(url, inContext);
  const before = (await latchkey.codesTo(email)).length;
  await page.fill("#email", email);
  await page.click("#send button");
  await expect.poll(() => latchkey.codesTo(email), { timeout: waitMs }).toHaveLength(before + 1);
  const [code] = await latchkey.codesTo(email);
  await page.fill("#code", code!);
  await page.click("#verify button");
  await expectUser(page, email);
  return page;
}

const ownCookie = async (inContext = context) =>
  (await inContext.cookies(apiUrl)).find(({ name }) => name === "__Host-latchkey");

describe("a page in cookie mode", () => {
  it.each([
    ["Connect", ""],
    ["gRPC-Web", "?grpc-web"],
  ])(
    "signs in over %s, and stays signed in across a reload, in a second tab and across a restart of the server",
    async (protocol, query) => {
      const email = `ada-${protocol.toLowerCase()}@example.com`;
      const page = await signIn(email, { url: pageUrl + query });
      await page.reload();
      await expectUser(page, email);
      const other = await openPage(pageUrl + query);
      await expectUser(other, email);
      await latchkey.restart();
      await page.reload();
      await expectUser(page, email);
      await other.evaluate(() => app.showUser());
      await expectUser(other, email);
    },
  );

  it("keeps its session in a cookie of Chromium that holds for this host alone, secure and out of reach of scripts", async () => {
    await signIn("ben@example.com");
    const cookie = (await ownCookie())!;
    expect(cookie).toMatchObject({ domain: "localhost", path: "/", secure: true, httpOnly: true, sameSite: "Lax" });
    expect(cookie.value).toMatch(/^lkc_[A-Za-z0-9_-]{43}$/);
    const days = (cookie.expires - Date.now() / 1000) / 86_400;
    expect(days).toBeGreaterThan(1);
    expect(days).toBeLessThanOrEqual(90);
  });

  it("holds no secret where a script could read it, and no answer to a script has one", async () => {
    const answers: Promise<string>[] = [];
    context.on("response", (response) => {
      if (response.url().startsWith(apiUrl) && response.request().method() === "POST") answers.push(response.text());
    });
    const page = await signIn("carl@example.com");
    await page.reload();
    await expectUser(page, "carl@example.com");
    const credential = (await ownCookie())!.value;
    const readable = await page.evaluate(async () => {
      const databases = await indexedDB.databases();
      return { cookie: document.cookie, local: { ...localStorage }, session: { ...sessionStorage }, databases };
    });
    expect(readable).toEqual({ cookie: "", local: {}, session: {}, databases: [] });
    const texts = await Promise.all(answers);
    expect(texts.join()).toContain("carl@example.com");
    for (const text of texts) {
      expect(text).not.toContain(credential);
      expect(text).not.toMatch(/lkc_|accessToken|refreshToken|idToken|eyJ/);
    }
  });

  it("signs out in all tabs, and the cookie is gone", async () => {
    const page = await signIn("dora@example.com");
    const other = await openPage();
    await expectUser(other, "dora@example.com");
    await page.evaluate(() => app.client.signOut());
    expect(await ownCookie()).toBeUndefined();
    await page.evaluate(() => app.showUser());
    await expectUser(page, "nobody");
    await other.evaluate(() => app.showUser());
    await expectUser(other, "nobody");
    await other.reload();
    await expectUser(other, "nobody");
  });

  it("signs the user out in every browser: the other sessions first, then its own", async () => {
    const elsewhere = await browser.newContext();
    try {
      const there = await signIn("eve@example.com", { inContext: elsewhere });
      const here = await signIn("eve@example.com");
      const ended = await here.evaluate(async () => {
        const { revokedCount } = await app.client.auth.revokeOtherSessions({});
        await app.client.signOut();
        return revokedCount;
      });
      expect(ended).toBe(1);
      for (const page of [here, there]) {
        await page.reload();
        await expectUser(page, "nobody");
      }
    } finally {
      await elsewhere.close();
    }
  });
});

/** What a page of a stranger can do. Each function gives what it got, or "failed". */
const strangersHtml = `<!doctype html>
<title>A stranger's page</title>
<link rel="icon" href="data:,">
<script>
const rpc = (name) => "${apiUrl}/latchkey.v1.AuthService/" + name;
const attempt = (send) => send().then((response) => response.text()).catch(() => "failed");
const json = { "content-type": "application/json", "connect-protocol-version": "1" };
const post = (name, headers, mode) => attempt(() =>
  fetch(rpc(name), { method: "POST", mode, credentials: "include", headers, body: "{}" }));
const attacks = {
  asked: (name) => post(name, { ...json, "x-latchkey-session": "cookie" }, "cors"),
  unasked: (name) => post(name, json, "cors"),
  simple: (name) => post(name, { "content-type": "text/plain" }, "no-cors"),
  beacon: async (name) => String(navigator.sendBeacon(rpc(name), "{}")),
};
function submitForm(name, enctype) {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: rpc(name), enctype });
  const input = document.createElement("input");
  Object.assign(input, { name: '{"a":"', value: '"}' });
  form.append(input);
  document.body.append(form);
  form.submit();
}
</script>
<body></body>
`;

declare const attacks: Readonly<Record<string, (rpc: string) => Promise<string>>>;
declare function submitForm(rpc: string, enctype: string): void;

describe("L03: a page of a stranger", () => {
  it.each([
    ["on the same site, whose requests carry the cookie", neighbourUrl],
    ["on another site", strangerUrl],
  ])("%s neither reads nor ends the session", async (where, url) => {
    const email = `finn-${where.length}@example.com`;
    const page = await signIn(email);
    const before = await ownCookie();
    const carried: (string | undefined)[] = [];
    context.on("request", (request) => {
      if (request.frame().url().startsWith(url) && request.url().startsWith(apiUrl)) {
        request.allHeaders().then(
          (headers) => carried.push(headers.cookie),
          () => {},
        );
      }
    });
    const stranger = await openPage(url);
    for (const rpc of ["GetCurrentUser", "RevokeToken", "RevokeOtherSessions", "DeleteCurrentUser"]) {
      for (const attack of ["asked", "unasked", "simple", "beacon"]) {
        const got = await stranger.evaluate(([name, to]) => attacks[name!]!(to!), [attack, rpc]);
        expect(["failed", "", "true"], `${attack} ${rpc}`).toContain(got);
      }
      for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) {
        const tab = await openPage(url);
        const answered = tab.waitForResponse((response) => response.url().startsWith(apiUrl));
        await tab.evaluate(([name, type]) => submitForm(name!, type!), [rpc, enctype]);
        expect((await answered).status()).toBe(415);
        await tab.close();
      }
    }
    if (url === neighbourUrl) expect(carried.join()).toContain("__Host-latchkey=");
    expect(await ownCookie()).toEqual(before);
    await page.reload();
    await expectUser(page, email);
  });
});
