import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { linkClient, repository } from "../support/client-package.js";
import { freePorts } from "../support/ports.js";
import { startChromium } from "./harness/chromium.js";
import { startLatchkey } from "./harness/latchkey-server.js";

const waitMs = 15_000;

it("the page of docs/examples signs a user in and out, with the bundle that its comment says how to make", async () => {
  const [httpPort, grpcPort, inboxPort, pagePort] = (await freePorts(4)) as [number, number, number, number];
  const html = readFileSync(join(repository, "docs/examples/browser.html"), "utf8");
  expect(html.split("\n").length).toBeLessThanOrEqual(40);
  const app = mkdtempSync(join(tmpdir(), "latchkey-page-"));
  const browser = await startChromium();
  const origin = `http://localhost:${pagePort}`;
  const latchkey = await startLatchkey({ httpPort, grpcPort, inboxPort, env: { LATCHKEY_ALLOWED_ORIGINS: origin } });
  const server = createServer((request, response) => {
    const file = request.url === "/" ? "browser.html" : request.url === "/latchkey-client.js" ? "latchkey-client.js" : null;
    if (file === null) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": file.endsWith(".js") ? "text/javascript" : "text/html" });
    response.end(readFileSync(join(app, file)));
  });
  try {
    await linkClient(app);
    const command = /npx esbuild (.+?) -->/.exec(html)?.[1] ?? "";
    await promisify(execFile)(join(repository, "node_modules/.bin/esbuild"), command.split(" "), { cwd: app });
    writeFileSync(join(app, "browser.html"), html.replaceAll("8080", String(httpPort)));
    await new Promise<void>((resolve) => server.listen(pagePort, "127.0.0.1", resolve));

    const page = await browser.newPage();
    const state = () => page.locator("#state").textContent();
    await page.goto(origin);
    await expect.poll(state, { timeout: waitMs }).toBe("Signed out");
    await page.fill("#email", "example@example.com");
    await page.click("#send button");
    await expect.poll(() => latchkey.codesTo("example@example.com"), { timeout: waitMs }).toHaveLength(1);
    const [code] = await latchkey.codesTo("example@example.com");
    await page.fill("#code", code === "000000" ? "000001" : "000000");
    await page.click("#verify button");
    await expect.poll(state, { timeout: waitMs }).toContain("CODE_INVALID: ");
    await page.fill("#code", code!);
    await page.click("#verify button");
    await expect.poll(state, { timeout: waitMs }).toContain("Signed in as ");
    await page.reload();
    await expect.poll(state, { timeout: waitMs }).toContain("Signed in as ");
    await page.click("#sign-out");
    await expect.poll(state, { timeout: waitMs }).toBe("Signed out");
  } finally {
    server.close();
    await browser.close();
    await latchkey.stop();
    rmSync(app, { recursive: true, force: true });
  }
});
