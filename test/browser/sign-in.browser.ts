import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page, Request } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AccessTokenError, createAccessTokenVerifier } from "../../src/client/index.js";
import { freePorts } from "../support/ports.js";
import { startChromium } from "./harness/chromium.js";
import { type LatchkeyServer, startLatchkey } from "./harness/latchkey-server.js";
import { servePage } from "./harness/page-server.js";
import type { App } from "./page/page.js";

declare const app: App;

const [httpPort, grpcPort, inboxPort, pagePort, strangerPort] = (await freePorts(5)) as [
  number,
  number,
  number,
  number,
  number,
];
const apiUrl = `http://localhost:${httpPort}`;
const pageUrl = `http://localhost:${pagePort}/`;
const strangerUrl = `http://localhost:${strangerPort}/`;
const waitMs = 15_000;

const stops: (() => Promise<void>)[] = [];
let browser: Browser;
let latchkey: LatchkeyServer;
let context: BrowserContext;
let refreshes: Request[];

beforeAll(async () => {
  browser = await startChromium();
  stops.push(() => browser.close());
  latchkey = await startLatchkey({
    httpPort,
    grpcPort,
    inboxPort,
    env: { LATCHKEY_ACCESS_TOKEN_TTL: "3s", LATCHKEY_ALLOWED_ORIGINS: new URL(pageUrl).origin, LATCHKEY_CODE_HASH: "fast" },
  });
  stops.push(() => latchkey.stop(), await servePage(pagePort, apiUrl), await servePage(strangerPort, apiUrl));
});

afterAll(async () => {
  for (const stop of stops) await stop();
});

beforeEach(async () => {
  context = await browser.newContext();
  refreshes = [];
  context.on("request", (request) => {
    if (request.url().endsWith("/RefreshToken") && request.method() === "POST") refreshes.push(request);
  });
});

afterEach(() => context.close());

const textOf = (page: Page, id: string) => page.locator(`#${id}`).textContent();

async function expectUser(page: Page, email: string): Promise<void> {
  await expect.poll(() => textOf(page, "who"), { timeout: waitMs }).toBe(email);
}

/** Asks for a code in the page and gives what arrives. */
async function requestCode(page: Page, email: string): Promise<string> {
  await page.fill("#email", email);
  await page.click("#send button");
  await expect.poll(() => latchkey.codesTo(email), { timeout: waitMs }).toHaveLength(1);
  const [code] = await latchkey.codesTo(email);
  return code!;
}

async function signIn(email: string, url = pageUrl): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  const code = await requestCode(page, email);
  await page.fill("#code", code);
  await page.click("#verify button");
  await expectUser(page, email);
  return page;
}

/** Resolves when the server no longer takes the page's present access token. */
async function accessTokenExpired(page: Page): Promise<void> {
  const token = await page.evaluate(() => app.client.getAccessToken());
  const call = async () => {
    const response = await fetch(`${apiUrl}/latchkey.v1.AuthService/GetCurrentUser`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-protocol-version": "1", authorization: `Bearer ${token}` },
      body: "{}",
    });
    return response.status;
  };
  await expect.poll(call, { timeout: waitMs }).toBe(401);
}

const currentEmail = (page: Page) =>
  page.evaluate(async () => (await app.client.auth.getCurrentUser({})).user?.contacts[0]?.value);

const keyOf = (request: Request) => (request.postDataJSON() as { idempotencyKey: string }).idempotencyKey;

describe("a page on an origin that the app allows", () => {
  it.each([
    ["Connect", ""],
    ["gRPC-Web", "?grpc-web"],
  ])("signs in over %s, and stays signed in across a reload and an expired access token", async (protocol, query) => {
    const email = `ada-${protocol.toLowerCase()}@example.com`;
    const page = await signIn(email, pageUrl + query);
    await page.reload();
    await expectUser(page, email);

    await accessTokenExpired(page);
    refreshes.length = 0;
    expect(await currentEmail(page)).toBe(email);
    expect(refreshes).toHaveLength(1);

    await accessTokenExpired(page);
    await page.reload();
    await expectUser(page, email);
  });

  it("gets an access token that the app's own backend can check by discovery alone", async () => {
    const page = await signIn("ben@example.com");
    const verify = createAccessTokenVerifier({ issuer: apiUrl });
    const token = await page.evaluate(() => app.client.getAccessToken());
    const session = await page.evaluate(() => app.client.session());
    const { userId, sessionId, clientId, amr } = await verify(token ?? "");
    expect({ userId, sessionId }).toEqual({ userId: session?.userId, sessionId: session?.sessionId });
    expect({ clientId, amr }).toEqual({ clientId: "default-web", amr: ["latchkey:email"] });
    await accessTokenExpired(page);
    await expect
      .poll(() => verify(token ?? "").catch((error: AccessTokenError) => error.reason), { timeout: waitMs })
      .toBe("TOKEN_INVALID");
  });

  it("is told why a code does not work", async () => {
    const page = await context.newPage();
    await page.goto(pageUrl);
    const code = await requestCode(page, "bob@example.com");
    await page.fill("#code", code === "000000" ? "000001" : "000000");
    await page.click("#verify button");
    await expect.poll(() => textOf(page, "trouble"), { timeout: waitMs }).toContain("CODE_INVALID: ");
    expect(await textOf(page, "who")).toBe("nobody");
  });

  it("keeps nothing where every script can read it", async () => {
    const page = await signIn("carl@example.com");
    const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
    expect(kept).toEqual([0, 0, ""]);
  });

  it("renews in two tabs with one RefreshToken call", async () => {
    const one = await signIn("dora@example.com");
    const other = await context.newPage();
    await other.goto(pageUrl);
    await expectUser(other, "dora@example.com");
    await accessTokenExpired(one);
    refreshes.length = 0;
    const calls = [one, other, one, other].map(currentEmail);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["dora@example.com"]));
    expect(refreshes).toHaveLength(1);
  });

  it("is signed out in every tab at once", async () => {
    const one = await signIn("eve@example.com");
    const other = await context.newPage();
    await other.goto(pageUrl);
    await expectUser(other, "eve@example.com");
    expect(await one.evaluate(() => app.client.signOut())).toBe(true);
    await expectUser(other, "nobody");
    expect(await other.evaluate(() => app.changes.at(-1))).toEqual({ kind: "signed-out", session: null, reason: null });
    await other.reload();
    await expectUser(other, "nobody");
  });

  it("asks for a lost reply again with the same key after a reload", async () => {
    const page = await signIn("finn@example.com");
    await accessTokenExpired(page);
    refreshes.length = 0;
    await context.route("**/RefreshToken", async (route) => {
      await route.fetch();
      await route.abort();
    });
    const lost = page.evaluate(() => app.client.getAccessToken()).catch(() => "the page went away");
    await expect.poll(() => refreshes.length, { timeout: waitMs }).toBeGreaterThan(1);
    await context.unrouteAll({ behavior: "ignoreErrors" });
    await page.reload();
    await lost;
    await expectUser(page, "finn@example.com");
    expect(refreshes.length).toBeGreaterThan(2);
    expect(new Set(refreshes.map(keyOf)).size).toBe(1);
  });
});

describe("a page on another origin", () => {
  it("is refused by the browser, since no answer allows it", async () => {
    const page = await context.newPage();
    await page.goto(strangerUrl);
    await page.fill("#email", "gus@example.com");
    await page.click("#send button");
    await expect.poll(() => textOf(page, "trouble"), { timeout: waitMs }).toContain("NETWORK: ");
    expect(await latchkey.codesTo("gus@example.com")).toEqual([]);
  });

  it("is refused by the server with ORIGIN_NOT_ALLOWED, whatever the browser does", async () => {
    const response = await fetch(`${apiUrl}/latchkey.v1.AuthService/SendOtp`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-protocol-version": "1", origin: new URL(strangerUrl).origin },
      body: JSON.stringify({ email: "hal@example.com", createUserIfMissing: true }),
    });
    expect(response.status).toBe(403);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    const { details } = (await response.json()) as { details: { type: string; value: string }[] };
    const info = details.find(({ type }) => type === "google.rpc.ErrorInfo");
    expect(Buffer.from(info?.value ?? "", "base64").toString()).toContain("ORIGIN_NOT_ALLOWED");
    expect(await latchkey.codesTo("hal@example.com")).toEqual([]);
  });
});

describe("the developer inbox", () => {
  it("shows a person the code, for whom it is and the message", async () => {
    const page = await context.newPage();
    await page.goto(pageUrl);
    const code = await requestCode(page, "ida@example.com");
    const inbox = await context.newPage();
    await inbox.setViewportSize({ width: 900, height: 700 });
    await inbox.goto(`http://127.0.0.1:${inboxPort}/`);
    const message = inbox.locator("#messages > li").filter({ hasText: "ida@example.com" });
    await expect.poll(() => message.locator(".digits").textContent(), { timeout: waitMs }).toBe(code);
    expect(await message.locator(".digits").isVisible()).toBe(true);
    expect(await message.locator(".channel").textContent()).toBe("E-mail");
    const path = join(mkdtempSync(join(tmpdir(), "latchkey-inbox-")), "inbox.png");
    await inbox.screenshot({ path });
    console.info(`screenshot of the inbox: ${path}`);
    await message.locator("summary").click();
    expect(await message.locator(".text").textContent()).toContain(code);
  });
});
