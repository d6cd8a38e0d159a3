import { request as httpRequest, type IncomingHttpHeaders, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createInbox, type InboxMessage } from "../../../src/delivery/taps/inbox.js";
import { createInboxServer } from "../../../src/doors/inbox/server.js";
import { message } from "../../delivery/fixtures.js";

const at = "2026-01-05T10:00:00.000Z";
const inbox = createInbox(() => Date.parse(at));
let server: Server;
let port: number;

beforeAll(async () => {
  server = createInboxServer(inbox);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  await inbox.send(message("email"));
  await inbox.send(message("sms", { code: "555123" }));
  await inbox.send(message("email", { to: { kind: "email", value: "ada+shop@example.com" }, code: "777888" }));
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<Reply> {
  const headers = { host: `127.0.0.1:${port}`, ...options.headers };
  return new Promise((resolve, reject) => {
    const call = httpRequest(
      { port, host: "127.0.0.1", path, method: options.method ?? "GET", headers, agent: false },
      (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    call.on("error", reject);
    call.end(options.body);
  });
}

const codes = ({ body }: Reply) => (JSON.parse(body) as InboxMessage[]).map(({ code }) => code);
const holdsNoCode = ({ body }: Reply) => !/048213|555123|777888/.test(body);

describe("GET /messages", () => {
  test("gives all messages, newest first, in the documented shape", async () => {
    const reply = await ask("/messages");
    expect(reply.headers["content-type"]).toBe("application/json; charset=utf-8");
    const messages = JSON.parse(reply.body) as InboxMessage[];
    expect(messages.map(({ code }) => code)).toEqual(["777888", "555123", "048213"]);
    expect(messages[2]).toEqual({
      to: "ada@example.com",
      channel: "email",
      ...(message("email").senderName !== "" && { from: message("email").senderName }),
      subject: message("email").subject,
      text: message("email").text,
      code: "048213",
      challengeId: "challenge-1",
      at,
    });
  });

  test.each([
    ["ada@example.com", ["048213"]],
    ["ada%40example.com", ["048213"]],
    ["ada%2Bshop@example.com", ["777888"]],
    ["ada+shop@example.com", ["777888"]],
    ["%2B14155550132", ["555123"]],
    ["+14155550132", ["555123"]],
    ["14155550132", []],
    ["ADA@example.com", []],
    ["ada@example", []],
    ["", []],
    ["%", []],
  ])("with to=%s gives exactly %j", async (to, expected) => {
    expect(codes(await ask(`/messages?to=${to}`))).toEqual(expected);
  });
});

describe("who may read", () => {
  const hosts = (name: string) => [name, `${name}:1`, `${name}:65535`];

  test.each([...hosts("localhost"), ...hosts("127.0.0.1"), ...hosts("[::1]"), "LOCALHOST:8025"])(
    "Host %s is answered",
    async (host) => {
      expect((await ask("/messages", { headers: { host } })).status).toBe(200);
    },
  );

  test.each([
    "evil.test",
    "evil.test:8025",
    "localhost.evil.test",
    "evil.localhost",
    "127.0.0.1.evil.test",
    "127.0.0.2",
    "10.0.0.1",
    "::1",
    "[::2]",
    "localhost:8025:1",
    "localhost:",
    "user@localhost",
    "localhost.",
    "0.0.0.0",
    "2130706433",
  ])("Host %j is refused in a clear sentence, whatever is asked", async (host) => {
    for (const path of ["/", "/messages"]) {
      const reply = await ask(path, { headers: { host } });
      expect(reply.status).toBe(421);
      expect(reply.body).toBe("The developer inbox answers only to localhost, 127.0.0.1 and [::1].\n");
    }
  });

  test("no Host at all is refused", async () => {
    const reply = await new Promise<string>((resolve, reject) => {
      let text = "";
      const socket = connect(port, "127.0.0.1", () => socket.end("GET /messages HTTP/1.0\r\n\r\n"));
      socket.on("data", (chunk) => {
        text += chunk.toString();
      });
      socket.on("close", () => resolve(text)).on("error", reject);
    });
    expect(reply).toMatch(/^HTTP\/1\.1 421 /);
  });

  test("forwarded names change nothing", async () => {
    const headers = { host: "evil.test", "x-forwarded-host": "localhost", forwarded: "host=localhost" };
    expect((await ask("/messages", { headers })).status).toBe(421);
  });

  test.each(["https://evil.test", "null", "http://localhost:3000", "https://localhost:8025", "http://localhost", ""])(
    "Origin %j is refused",
    async (origin) => {
      const reply = await ask("/messages", { headers: { host: "localhost:8025", origin } });
      expect([reply.status, holdsNoCode(reply)]).toEqual([403, true]);
    },
  );

  test("its own Origin is answered, and no CORS header is given to any", async () => {
    const own = await ask("/messages", { headers: { host: "localhost:8025", origin: "http://localhost:8025" } });
    const foreign = await ask("/messages", { headers: { origin: "https://evil.test" } });
    const preflight = await ask("/messages", { method: "OPTIONS", headers: { "access-control-request-method": "GET" } });
    expect(own.status).toBe(200);
    for (const { headers } of [own, foreign, preflight]) {
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  test("a page of another site can't embed it, but a link to it works", async () => {
    for (const site of ["cross-site", "same-site"]) {
      expect((await ask("/messages", { headers: { "sec-fetch-site": site, "sec-fetch-mode": "no-cors" } })).status).toBe(403);
      expect((await ask("/", { headers: { "sec-fetch-site": site, "sec-fetch-mode": "navigate" } })).status).toBe(200);
    }
    expect((await ask("/messages", { headers: { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" } })).status).toBe(
      200,
    );
  });

  test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("%s is not allowed", async (method) => {
    const reply = await ask("/messages", { method, body: method === "POST" ? "x" : undefined });
    expect([reply.status, reply.headers.allow, holdsNoCode(reply)]).toEqual([405, "GET, HEAD", true]);
  });

  test("HEAD has the headers of GET and no body", async () => {
    const [get, head] = [await ask("/messages"), await ask("/messages", { method: "HEAD" })];
    expect([head.status, head.body]).toEqual([200, ""]);
    expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
  });

  test.each(["/nothing", "/messages/", "/messages/1", "//evil.test/messages", "/%6dessages", "/favicon.ico"])(
    "%s is not found",
    async (path) => {
      const reply = await ask(path);
      expect([reply.status, holdsNoCode(reply)]).toEqual([404, true]);
    },
  );
});

describe("headers", () => {
  test.each(["/", "/messages", "/nothing"])("%s may be neither kept, guessed at, embedded nor framed", async (path) => {
    const { headers } = await ask(path);
    expect(headers).toMatchObject({
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
    });
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
  });

  test("the page holds no code and nothing of another host, and its policy allows its own script and style alone", async () => {
    const reply = await ask("/");
    expect(reply.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(holdsNoCode(reply)).toBe(true);
    expect(reply.body).not.toMatch(/(?:src|href)="(?!data:,|\/messages)|@import|url\(/);
    const policy = String(reply.headers["content-security-policy"]);
    expect(policy).not.toContain("unsafe");
    expect(policy.match(/'sha256-[A-Za-z0-9+/]{43}='/g)).toHaveLength(2);
  });
});
