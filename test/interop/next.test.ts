import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startChromium } from "../browser/harness/chromium.js";
import { freePort } from "../support/ports.js";
import { codeTo, inboxMessages } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { repository } from "./support/paths.js";
import { prepareNext } from "./support/prepare-next.js";
import { cleanEnv, runWell } from "./support/run.js";
import { until } from "./support/until.js";

const waitMs = 15_000;

let latchkey: Latchkey;
let app: string;
let next: ChildProcess;
let origin: string;

beforeAll(async () => {
  app = await prepareNext();
  for (const made of ["app", ".next", "tsconfig.json"]) rmSync(join(app, made), { recursive: true, force: true });
  cpSync(join(repository, "docs/examples/next"), app, { recursive: true });
  const port = await freePort();
  origin = `http://localhost:${port}`;
  latchkey = await startLatchkey({ LATCHKEY_ALLOWED_ORIGINS: origin });
  const env = { LATCHKEY_URL: latchkey.issuer, NEXT_TELEMETRY_DISABLED: "1" };
  const bin = join(app, "node_modules/next/dist/bin/next");
  await runWell(process.execPath, [bin, "build"], { cwd: app, env, timeoutMs: 240_000 });
  next = spawn(process.execPath, [bin, "start", "-p", String(port)], { cwd: app, env: cleanEnv(env), stdio: "ignore" });
  await until("the app serves", async () => (await fetch(origin).catch(() => null))?.ok || undefined);
}, 600_000);
afterAll(async () => {
  if (next !== undefined) {
    const ended = once(next, "exit");
    next.kill();
    await ended;
  }
  await latchkey?.stop();
});

const page = async (cookie = "") => await (await fetch(origin, { headers: { cookie } })).text();

describe("the Next.js example", () => {
  it("compiles, and its server renders a page for the user of the cookie alone", async () => {
    const auth = async (method: string, body: object, headers: Record<string, string> = {}) => {
      const response = await fetch(`${origin}/latchkey.v1.AuthService/${method}`, {
        method: "POST",
        headers: {
          ...headers,
          origin,
          "content-type": "application/json",
          "connect-protocol-version": "1",
          "x-latchkey-session": "cookie",
        },
        body: JSON.stringify(body),
      });
      expect(response.status).toBe(200);
      return {
        body: (await response.json()) as { challenge: { challengeId: string } },
        cookies: response.headers.getSetCookie(),
      };
    };
    expect(await page()).toContain('name="email"');
    const { challengeId } = (await auth("SendOtp", { email: "nina@example.com", createUserIfMissing: true })).body.challenge;
    const verified = await auth("VerifyOtp", { challengeId, code: await codeTo(latchkey, challengeId) });
    expect(verified.body).not.toHaveProperty("tokens");
    expect(verified.cookies).toHaveLength(1);
    const cookie = verified.cookies[0]!.split(";")[0]!;
    expect(cookie).toMatch(/^__Host-latchkey=lkc_/);
    expect(await page(cookie)).toContain("nina@example.com");
    expect(await page(`${cookie}x`)).toContain('name="email"');
    await auth("RevokeToken", {}, { cookie });
    expect(await page(cookie)).toContain('name="email"');
  });

  it("signs a user in and out in Chromium", async () => {
    const browser = await startChromium();
    try {
      const tab = await browser.newPage();
      await tab.goto(origin);
      await tab.fill("[name=email]", "olga@example.com");
      await tab.click("button");
      const code = await until(
        "a code",
        async () => (await inboxMessages(latchkey)).find(({ to }) => to === "olga@example.com")?.code,
      );
      await tab.fill("[name=code]", code === "000000" ? "000001" : "000000");
      await tab.click("button");
      const alert = () => tab.locator("form [role=alert]").textContent();
      await expect.poll(alert, { timeout: waitMs }).toContain("CODE_INVALID: ");
      await tab.fill("[name=code]", code);
      await tab.click("button");
      const signedIn = () => tab.locator("main p").first().textContent();
      await expect.poll(signedIn, { timeout: waitMs }).toBe("Signed in as olga@example.com");
      await tab.reload();
      expect(await signedIn()).toBe("Signed in as olga@example.com");
      expect(await tab.evaluate(() => [document.cookie, localStorage.length])).toEqual(["", 0]);
      await tab.click("button");
      await expect.poll(() => tab.locator("[name=email]").count(), { timeout: waitMs }).toBe(1);
    } finally {
      await browser.close();
    }
  });
});
