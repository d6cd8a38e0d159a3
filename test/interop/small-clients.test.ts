import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeTo } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { interop } from "./support/paths.js";
import { runWell } from "./support/run.js";

const text = expect.stringMatching(/./);

let latchkey: Latchkey;
/** Answers what is not Latchkey's, as a proxy would. */
let other: Server | undefined;
const heard: string[] = [];

beforeAll(async () => {
  latchkey = await startLatchkey();
  const server = createServer((request, response) => {
    heard.push(request.url!);
    if (request.url!.startsWith("/moved/")) response.writeHead(307, { location: "/target/" }).end();
    if (request.url!.startsWith("/html/")) response.writeHead(200, { "content-type": "text/html" }).end("<p>Hello</p>");
    if (request.url!.startsWith("/down/")) response.writeHead(502).end("Bad gateway");
    if (request.url!.startsWith("/large/")) response.writeHead(200).end("x".repeat(4 * 1024 * 1024));
  });
  other = server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  other?.closeAllConnections();
  other?.close();
  await latchkey?.stop();
});

/** The clients use the machine's own Python, which has no packages. */
const clients = [
  { language: "Python", command: "python3", file: "python/latchkey_client.py", domain: "python" },
  { language: "PHP", command: "php", file: "php/latchkey_client.php", domain: "php" },
] as const;

describe.each(clients)("the client for $language", ({ command, file, domain }) => {
  interface Done {
    // biome-ignore lint/suspicious/noExplicitAny: JSON
    readonly result?: any;
    readonly error?: { readonly reason: string; readonly text: string };
  }

  async function call(method: string, given: object, settings: object = {}, secret?: string): Promise<Done> {
    const { clientId, clientSecret } = latchkey.backend;
    const about = { baseUrl: latchkey.issuer, clientId, ...settings };
    const args = [join(interop, file), JSON.stringify(about), JSON.stringify(method), JSON.stringify(given)];
    const done = JSON.parse(await runWell(command, args, { env: { CLIENT_SECRET: secret ?? clientSecret } })) as Done;
    if (done.error !== undefined) expect(done.error.text).toMatch(new RegExp(`^${done.error.reason}: .+[.]`));
    return done;
  }

  it("signs a user in with a secret, and refreshes the session", async () => {
    const endUserIp = "203.0.113.7";
    const sent = await call("send", { email: `ada@${domain}.example.com`, createUserIfMissing: true, endUserIp });
    const { challengeId } = sent.result;
    expect(sent.result).toMatchObject({ challengeId: text, maskedDestination: text, codeLength: 6 });
    const code = await codeTo(latchkey, challengeId);
    const { result } = await call("verify", { challengeId, code, endUserIp });
    expect(result).toMatchObject({
      tokens: { accessToken: text, refreshToken: text },
      user: { userId: text },
      isNewUser: true,
    });
    const renewed = await call("refresh", { refreshToken: result.tokens.refreshToken, endUserIp });
    expect(renewed.result).toMatchObject({ accessToken: text, refreshToken: text });
    expect(renewed.result.refreshToken).not.toBe(result.tokens.refreshToken);
  });

  it("signs a user in as a public client", async () => {
    const web = { clientId: "default-web" };
    const email = `eve@${domain}.example.com`;
    const { challengeId } = (await call("send", { email, createUserIfMissing: true }, web, "")).result;
    const verified = await call("verify", { challengeId, code: await codeTo(latchkey, challengeId) }, web, "");
    expect(verified.result).toMatchObject({ tokens: { accessToken: text } });
  });

  it("gets a token of the client, for the scope that it asks for", async () => {
    const { result } = await call("client_token", { scope: "otp:send" });
    expect(result).toEqual({ accessToken: text, tokenType: "Bearer", expiresIn: expect.any(Number), scope: "otp:send" });
  });

  it("has the reason, message, status and cause of a refusal", async () => {
    const { challengeId } = (await call("send", { email: `bob@${domain}.example.com`, createUserIfMissing: true })).result;
    const code = (await codeTo(latchkey, challengeId)) === "000000" ? "000001" : "000000";
    expect((await call("verify", { challengeId, code })).error).toMatchObject({
      reason: "CODE_INVALID",
      message: text,
      code: "unauthenticated",
      status: 401,
      retryAfter: null,
      cause: "MISMATCH",
    });
    expect((await call("send", { challengeId })).error).toMatchObject({
      reason: "TOO_MANY_REQUESTS",
      status: 429,
      retryAfter: expect.any(Number),
    });
    expect((await call("send", { email: "" })).error).toMatchObject({ reason: "REQUEST_INVALID", status: 400 });
    expect((await call("client_token", {}, {}, "wrong")).error).toMatchObject({ reason: "CLIENT_INVALID", status: 401 });
    expect((await call("refresh", { refreshToken: "x" })).error).toMatchObject({ reason: "SESSION_ENDED" });
  });

  it("says that no answer came from a port without server, or in time", async () => {
    const unreachable = { reason: "UNREACHABLE", status: 0, code: "" };
    const closed = await call("client_token", {}, { baseUrl: "http://127.0.0.1:1" });
    expect(closed.error).toMatchObject(unreachable);
    const silent = { baseUrl: `http://127.0.0.1:${(other!.address() as AddressInfo).port}/silent`, timeout: 0.3 };
    expect((await call("client_token", {}, silent)).error).toMatchObject(unreachable);
  });

  it("takes no answer that is not Latchkey's, and follows no redirect", async () => {
    const at = (path: string) => ({ baseUrl: `http://127.0.0.1:${(other!.address() as AddressInfo).port}/${path}` });
    for (const [path, status] of [
      ["moved", 307],
      ["html", 200],
      ["down", 502],
    ] as const)
      expect((await call("client_token", {}, at(path))).error).toMatchObject({ reason: "UNEXPECTED", status });
    expect((await call("client_token", {}, at("large"))).error?.reason).toMatch(/^(UNEXPECTED|UNREACHABLE)$/);
    expect(heard.filter((url) => url.startsWith("/target/"))).toEqual([]);
  });
});
