import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFakeApp, type Doors, goodToken, issuer, openDoors, origin } from "../../support/rpc.js";

const path = "/latchkey.v1.AuthService/GetCurrentUser";

let doors: Doors;
beforeAll(async () => {
  doors = await openDoors(createFakeApp());
});
afterAll(async () => await doors.stop());

async function preflight(from: string) {
  const headers = {
    origin: from,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,connect-protocol-version,content-type,x-latchkey-client",
  };
  return await fetch(`${doors.webUrl}${path}`, { method: "OPTIONS", headers });
}

async function call(from: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${doors.webUrl}${path}`, {
    method: "POST",
    headers: {
      origin: from,
      authorization: `Bearer ${goodToken}`,
      "content-type": "application/json",
      "connect-protocol-version": "1",
      ...headers,
    },
    body: "{}",
  });
  return { response, text: await response.text() };
}

describe("L01: a page may call", () => {
  it.each([origin, issuer])("from %s, which the app lists or the service itself is on", async (from) => {
    const answer = await preflight(from);
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe(from);
    expect(answer.headers.get("access-control-max-age")).toBe("7200");
    expect(answer.headers.get("access-control-allow-methods")).toContain("POST");
    expect(answer.headers.get("vary")).toBe("Origin");
    const allowed = (answer.headers.get("access-control-allow-headers") ?? "").toLowerCase().split(", ");
    expect(allowed).toEqual(
      expect.arrayContaining([
        "authorization",
        "x-latchkey-client",
        "traceparent",
        "tracestate",
        "connect-protocol-version",
        "content-type",
        "x-grpc-web",
      ]),
    );
    const { response } = await call(from);
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([200, from]);
    const exposed = (response.headers.get("access-control-expose-headers") ?? "").toLowerCase().split(", ");
    expect(exposed).toEqual(expect.arrayContaining(["retry-after", "grpc-status-details-bin", "grpc-status"]));
  });

  it.each([origin, issuer])(
    "from %s with the session cookie: the preflight allows credentials and the header that asks",
    async (from) => {
      const answers = [await preflight(from), (await call(from)).response];
      for (const { headers } of answers) {
        expect(headers.get("access-control-allow-credentials")).toBe("true");
        expect(headers.get("access-control-allow-origin")).toBe(from);
      }
      expect(answers[0]!.headers.get("access-control-allow-headers")?.split(", ")).toContain("x-latchkey-session");
    },
  );

  it.each([
    "https://evil.test",
    "null",
    `${origin}.evil.test`,
    origin.replace("https:", "http:"),
    origin.toUpperCase(),
    `${origin}:443`,
    `${origin}:8443`,
    `${origin}/`,
    "http://localhost:3000",
    `${origin}, https://evil.test`,
  ])("not from %s", async (from) => {
    const answer = await preflight(from);
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([204, null]);
    expect(answer.headers.get("access-control-allow-headers")).toBeNull();
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    const { response, text } = await call(from);
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([403, null]);
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    expect(text).toContain("ORIGIN_NOT_ALLOWED");
  });

  it("without an origin it is no page, and is let in", async () => {
    const headers = {
      authorization: `Bearer ${goodToken}`,
      "content-type": "application/json",
      "connect-protocol-version": "1",
    };
    expect((await fetch(`${doors.webUrl}${path}`, { method: "POST", headers, body: "{}" })).status).toBe(200);
  });
});
