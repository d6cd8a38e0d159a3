import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthService } from "../../../src/gen/latchkey/v1/auth_service_pb.js";
import { createFakeApp, type DoorSettings, type Doors, type FakeApp, goodToken, openDoors } from "../../support/rpc.js";
import { failureOf } from "../callers.js";
import { ownDoors } from "../own.js";
import { deferred, frame, rawTcp } from "../raw.js";

const { sendOtp } = AuthService.method;
const sendRequest = { identifier: { case: "email" as const, value: "ada@example.com" } };
const path = "/latchkey.v1.AuthService/RevokeToken";

let app: FakeApp;
let doors: Doors;
beforeAll(async () => {
  app = createFakeApp();
  doors = await openDoors(app);
});
afterAll(async () => await doors.stop());

const own = (settings?: DoorSettings) => ownDoors("Connect JSON", settings);

const connectJson = { "content-type": "application/json", "connect-protocol-version": "1" };

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly code: string;
  readonly reason: string;
}

async function post(body: string | Uint8Array, headers: Record<string, string> = connectJson, at = path): Promise<Answer> {
  const response = await fetch(`${doors.webUrl}${at}`, { method: "POST", headers, body: body as BodyInit });
  const text = await response.text();
  const json = text.startsWith("{") ? JSON.parse(text) : {};
  const reason = json.details?.[0]?.debug?.reason ?? "";
  return { status: response.status, headers: response.headers, text, code: json.code ?? "", reason };
}

describe("what arrives on the web door", () => {
  const malformed = [
    { what: "JSON that ends early", body: '{"token":"secret-1' },
    { what: "a number for a string", body: '{"token":471100}' },
    { what: "a list for a message", body: '["secret-1"]' },
    { what: "a lone surrogate", body: '{"token":"\\ud800"}' },
    { what: "a field twice", body: '{"token":"a","token":"secret-1"}' },
    { what: "nothing", body: "" },
  ];

  it.each(malformed)("J05: $what is an invalid request, and not repeated to the caller", async ({ body }) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status: 400, code: "invalid_argument", reason: "REQUEST_INVALID" });
    expect(answer.text).not.toMatch(/secret-1|4711/);
  });

  it("names the field that can't be read", async () => {
    expect((await post('{"token":4711}')).text).toContain('"field":"token"');
  });

  it("malformed binary is an invalid request over Connect and gRPC-Web", async () => {
    const binary = await post(Buffer.from([0x0a, 0xff]), { ...connectJson, "content-type": "application/proto" });
    expect(binary).toMatchObject({ status: 400, code: "invalid_argument", reason: "REQUEST_INVALID" });
    const web = await post(frame(Buffer.from([0x0a, 0xff])), { "content-type": "application/grpc-web+proto" });
    expect(web.text).toContain("grpc-status: 3\r\n");
    expect(web.text).toContain("grpc-status-details-bin: ");
    const json = await post(frame(Buffer.from('{"token":4711}')), { "content-type": "application/grpc-web+json" });
    expect(json.text).toContain("grpc-status: 3\r\n");
    expect(json.text).not.toContain("4711");
  });

  it("J04, J06: unknown fields and unknown names of values are refused: neither is taken for a default", async () => {
    const misspelt = await post('{"token":"t","roles":["admin"]}');
    expect(misspelt).toMatchObject({ status: 400 });
    expect(JSON.stringify(misspelt)).toContain("roles");
    expect(JSON.stringify(await post('{"token":"t","123456":1}'))).not.toContain("123456");
    expect(await post('{"token":"t"}')).toMatchObject({ status: 200 });
  });

  it("L02: a call that a form or a plain fetch could make is not one", async () => {
    const protocol = { "connect-protocol-version": "1" };
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "application/json;charset=utf-16",
    ]) {
      expect(await post('{"token":"t"}', { ...protocol, "content-type": type })).toMatchObject({ status: 415 });
    }
    const withoutType = await fetch(`${doors.webUrl}${path}`, { method: "POST", headers: protocol, body: Buffer.from("{}") });
    expect(withoutType.status).toBe(415);
    expect(await post('{"token":"t"}', { "content-type": "application/json" })).toMatchObject({
      status: 400,
      reason: "REQUEST_INVALID",
    });
    const get = await fetch(`${doors.webUrl}${path}?connect=v1&encoding=json&message=%7B%22token%22%3A%22t%22%7D`);
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
    const head = await fetch(`${doors.webUrl}${path}`, { method: "HEAD" });
    expect(head.status).toBe(405);
  });

  it("a method without side effects can be called by GET", async () => {
    const url = `${doors.webUrl}/latchkey.v1.AuthService/GetCurrentUser?connect=v1&encoding=json&message=%7B%7D`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${goodToken}` } });
    expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store"]);
    expect((await fetch(url)).status).toBe(401);
  });

  it("K02: what was compressed twice is decompressed once", async () => {
    const nested = gzipSync(gzipSync(Buffer.from('{"token":"t"}')));
    expect(await post(nested, { ...connectJson, "content-encoding": "gzip" })).toMatchObject({ status: 400 });
  });

  it("K03: a body that says it is too long is refused unread, and the connection closed", async () => {
    const head = `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnect-protocol-version: 1\r\ncontent-length: 100000000\r\n\r\n`;
    const answer = await rawTcp(doors.webUrl, `${head}{`);
    expect(answer).toContain("429 Too Many Requests");
    expect(answer).toContain("resource_exhausted");
    expect(answer.toLowerCase()).toContain("connection: close");
  });

  it("K03: a body that does not say its length is cut off", async () => {
    const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
    const head = `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnect-protocol-version: 1\r\ntransfer-encoding: chunked\r\n\r\n`;
    const answer = await rawTcp(doors.webUrl, head + chunk.repeat(20));
    expect(answer).toContain("429 Too Many Requests");
    expect(answer.toLowerCase()).toContain("connection: close");
  });

  it("K08: ambiguous framing is refused", async () => {
    const answer = await rawTcp(
      doors.webUrl,
      `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    );
    expect(answer).toContain("400 Bad Request");
  });

  it.each([
    "GET //a HTTP/1.1\r\nhost: a\r\n\r\n",
    "GET http:// HTTP/1.1\r\nhost: a b\r\n\r\n",
    `POST ${path} HTTP/1.0\r\n\r\n`,
  ])("an odd request line ends in a refusal: %j", async (text) => {
    expect(await rawTcp(doors.webUrl, text, 300)).toMatch(/^HTTP\/1\.1 4/);
  });

  it("two authorization headers, or two clients, are ambiguous", async () => {
    const twice = async (name: string, at: string) =>
      await rawTcp(
        doors.webUrl,
        `POST ${at} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${name}: Bearer ${goodToken}\r\n${name}: Bearer other\r\ncontent-type: application/json\r\nconnect-protocol-version: 1\r\ncontent-length: 2\r\n\r\n{}`,
      );
    expect(await twice("Authorization", "/latchkey.v1.AuthService/GetCurrentUser")).toContain("TOKEN_INVALID");
    expect(await twice("X-Latchkey-Client", "/latchkey.v1.AuthService/GetCurrentUser")).toContain("CLIENT_UNKNOWN");
  });

  it("K10: deadlines are capped, not refused; those in the past are over", async () => {
    for (const timeout of ["9999999999", "10001", "2147483648"]) {
      expect(await post('{"token":"t"}', { ...connectJson, "connect-timeout-ms": timeout })).toMatchObject({ status: 200 });
    }
    expect(await post('{"token":"t"}', { ...connectJson, "connect-timeout-ms": "0" })).toMatchObject({
      reason: "DEADLINE_EXCEEDED",
    });
    for (const timeout of ["-1", "99999999999", "soon"]) {
      expect(await post('{"token":"t"}', { ...connectJson, "connect-timeout-ms": timeout })).toMatchObject({
        reason: "REQUEST_INVALID",
      });
    }
    const grpcWeb = { "content-type": "application/grpc-web+proto", "grpc-timeout": "99999999H" };
    expect((await post(frame(Buffer.from([0x0a, 1, 0x74])), grpcWeb)).text).toContain("grpc-status: 0");
  });

  it("a passed deadline is answered at once and aborts the method; so does a caller that goes away", async () => {
    const { app, doors, caller } = await own();
    const reasons: unknown[] = [];
    let entered = deferred();
    let aborted = deferred();
    app.sendOtp = (from) =>
      new Promise((_, reject) => {
        entered.resolve();
        from.signal.addEventListener("abort", () => {
          reasons.push(from.signal.reason.reason);
          reject(from.signal.reason);
          aborted.resolve();
        });
      });
    const late = await fetch(`${doors.webUrl}/latchkey.v1.AuthService/SendOtp`, {
      method: "POST",
      // Long enough for the method to be reached on a busy machine.
      headers: { ...connectJson, "connect-timeout-ms": "500" },
      body: '{"email":"ada@example.com"}',
    });
    expect(await late.text()).toContain("DEADLINE_EXCEEDED");
    await aborted.promise;
    [entered, aborted] = [deferred(), deferred()];
    const abort = new AbortController();
    const call = failureOf(caller.call(sendOtp, sendRequest, { signal: abort.signal }));
    await entered.promise;
    abort.abort();
    expect(await call).toMatchObject({ code: 1 });
    await aborted.promise;
    expect(reasons).toEqual(["DEADLINE_EXCEEDED", "CANCELED"]);
  });
});
