import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { developmentEnv, endServers, productionEnv, type Server, startServer } from "../support/server.js";
import { get, listServices } from "./probes.js";

let development: Server;
let production: Server;

beforeAll(async () => {
  [development, production] = await Promise.all([startServer(developmentEnv()), startServer(productionEnv())]);
});

afterAll(endServers);

describe("the developer inbox", () => {
  it.each(["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "169.254.169.254"])(
    "is refused under the host name %j",
    async (host) => {
      const answer = await get(`${development.inboxUrl}/messages`, { host });
      expect(answer.status).toBe(421);
      expect(answer.body).not.toContain("@");
    },
  );

  it("shows what was sent under the machine's own names", async () => {
    await development.grpc.sendOtp({ identifier: { case: "email", value: "ada@example.com" }, createUserIfMissing: true });
    const port = new URL(development.inboxUrl!).port;
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      const answer = await get(`${development.inboxUrl}/messages?to=ada@example.com`, { host });
      expect(answer.status).toBe(200);
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    }
  });

  it("is not there in production: no listener, no path on the web door", async () => {
    expect(production.inboxUrl).toBeNull();
    expect(production.stdout.join("\n")).not.toMatch(/inbox|codes appear/);
    expect((await get(`${production.httpUrl}/messages`)).status).toBe(404);
  });
});

describe("reflection", () => {
  it.each(["v1", "v1alpha"] as const)("%s is there in development and off in production", async (version) => {
    expect(await listServices(development, version)).toContain("latchkey.v1.AuthService");
    expect(await listServices(production, version)).toBe("UNIMPLEMENTED");
  });

  it("is on in production when it is asked for", async () => {
    const server = await startServer({ ...productionEnv(), LATCHKEY_REFLECTION: "on" });
    for (const version of ["v1", "v1alpha"] as const) {
      expect(await listServices(server, version)).toContain("latchkey.v1.AuthService");
    }
    await server.stop();
  });
});

describe("the web door in production", () => {
  it.each(["/metrics", "/debug", "/debug/pprof/", "/json/version", "/.latchkey/pepper", "/latchkey.db", "/.env"])(
    "has nothing at %s",
    async (path) => {
      expect((await get(production.httpUrl + path)).status).toBe(404);
    },
  );

  it.each(["/healthz", "/readyz"])("%s says nothing but that it serves", async (path) => {
    const answer = await get(production.httpUrl + path);
    expect(answer.status).toBe(200);
    expect(answer.body.length).toBeLessThan(40);
    expect(JSON.stringify(answer)).not.toMatch(/sqlite|node\/|latchkey\.db|\d+\.\d+\.\d+/i);
  });

  it("never sends a code with an answer, whatever headers ask for it", async () => {
    const answer = await fetch(`${production.httpUrl}/latchkey.v1.AuthService/SendOtp?debug=1`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "connect-protocol-version": "1",
        "x-debug": "1",
        "x-latchkey-mode": "development",
        delivery: "return",
      },
      body: JSON.stringify({ email: "ada@example.com", createUserIfMissing: true }),
    });
    expect(await answer.text()).not.toMatch(/"code"|(?<![\d.:TZ-])\d{6}(?![\d.:TZ])/);
  });
});
