import { gzipSync } from "node:zlib";
import { createContextValues } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Taken, takeMessage } from "../../src/doors/web/message.js";
import { createFakeApp, type Doors, type FakeApp, goodToken, openDoors } from "../support/rpc.js";
import { bytesField, numberField, times, wire } from "../support/wire.js";
import { frame, openSession, rawGrpc } from "./raw.js";
import { rawDoors } from "./raw-doors.js";

const sendOtp = "/latchkey.v1.AuthService/SendOtp";
const refreshToken = "/latchkey.v1.AuthService/RefreshToken";
const registerUser = "/latchkey.v1.AuthService/RegisterUser";
const updateCurrentUser = "/latchkey.v1.AuthService/UpdateCurrentUser";
const kibibyte = 1024;

let app: FakeApp;
let doors: Doors;
beforeAll(async () => {
  app = createFakeApp();
  doors = await openDoors(app);
});
afterAll(async () => await doors.stop());
const { sendOtp: answer } = createFakeApp();
beforeEach(() => {
  app.sendOtp = vi.fn(answer);
});

/** A message of exactly so many bytes that is good but for its size: blanks in JSON, a field of the future in binary. */
function padded(format: "binary" | "json", length: number): Buffer {
  if (format === "json") return Buffer.from('{"email":"ada@example.com"}'.padEnd(length));
  const known = bytesField(1, "ada@example.com");
  const headBytes = 5;
  return Buffer.concat([known, bytesField(99, Buffer.alloc(length - known.length - headBytes))]);
}

/** The same hostile message in both formats, for RegisterUser. */
const hostile = [
  {
    what: "30,000 values in a list of two",
    binary: bytesField(6, Buffer.alloc(30_000)),
    json: `{"verificationSources":[${Array(15_000).fill(0).join()}]}`,
  },
  {
    what: "three values in a list of two",
    binary: times(3, numberField(6, 1)),
    json: '{"verificationSources":[1,1,1]}',
  },
  {
    what: "2,000 keys in custom attributes, with an idempotency key",
    binary: Buffer.concat([
      bytesField(7, ...Array.from({ length: 2_000 }, (_, n) => wire.entry(`k${n}`, wire.nullValue))),
      bytesField(8, "0123456789abcdef"),
    ]),
    json: `{"idempotencyKey":"0123456789abcdef","customAttributes":{${Array.from({ length: 2_000 }, (_, n) => `"k${n}":1`).join()}}}`,
  },
  {
    what: "custom attributes twice",
    binary: times(2, bytesField(7, wire.entry("a", wire.nullValue))),
    json: '{"customAttributes":{"a":null},"customAttributes":{"a":null}}',
  },
];

describe.each(Object.entries(rawDoors))("a hostile request over %s", (_name, door) => {
  it.each(hostile)("with $what is an invalid argument", async ({ binary, json }) => {
    const message = door.format === "json" ? Buffer.from(json) : binary;
    expect(await door.post(doors, registerUser, message)).toMatchObject({
      code: 3,
      reason: "REQUEST_INVALID",
      violations: [{ field: expect.any(String) }],
    });
  });

  it("of more bytes than its method needs is exhausting: 8 KiB, and 32 KiB where there are custom attributes", async () => {
    const tooLarge = { code: 8, reason: "REQUEST_INVALID", violations: [] };
    const headers = { authorization: `Bearer ${goodToken}` };
    expect(await door.post(doors, refreshToken, Buffer.alloc(8 * kibibyte + 1, " "))).toEqual(tooLarge);
    for (const path of [registerUser, sendOtp, updateCurrentUser]) {
      expect(await door.post(doors, path, Buffer.alloc(32 * kibibyte + 1, " "), headers)).toEqual(tooLarge);
    }
    expect(app.sendOtp).not.toHaveBeenCalled();
    const largest = padded(door.format, 32 * kibibyte);
    expect(largest).toHaveLength(32 * kibibyte);
    expect(await door.post(doors, sendOtp, largest)).toMatchObject({ code: 0 });
    expect(app.sendOtp).toHaveBeenCalledOnce();
  });

  it("of an unknown client is refused for the client, and never decoded", async () => {
    const parsed = vi.spyOn(JSON, "parse");
    const message = Buffer.from(door.format === "json" ? '{"email":' : [0x0a, 0xff]);
    const reply = await door.post(doors, sendOtp, message, { "x-latchkey-client": "unknown" });
    const texts = parsed.mock.calls.map(([text]) => text);
    parsed.mockRestore();
    expect(reply).toMatchObject({ code: 16, reason: "CLIENT_UNKNOWN" });
    expect(texts).not.toContain('{"email":');
  });
});

describe("a request on the web door", () => {
  const headers = { "content-type": "application/proto", "connect-protocol-version": "1" };

  it.each([false, true])("that comes byte by byte is put together once (in a frame: %s)", async (framed) => {
    const message = padded("binary", 8 * kibibyte);
    const body = framed ? frame(message) : message;
    async function* bytes() {
      for (const byte of body) yield Uint8Array.of(byte);
    }
    const call = {
      method: "POST",
      url: doors.webUrl,
      httpVersion: "1.1",
      header: new Headers({ "content-type": framed ? "application/grpc-web+proto" : "application/proto" }),
      body: bytes(),
      signal: new AbortController().signal,
      contextValues: createContextValues(),
    };
    const taken: Taken[] = [];
    const copied = vi.spyOn(Buffer, "concat");
    const emptied = takeMessage(call, { maxBytes: 8 * kibibyte, gunzip: (bytes) => Buffer.from(bytes) }, (one) =>
      taken.push(one),
    );
    for await (const chunk of emptied.body as AsyncIterable<Uint8Array>) expect(chunk.length).toBeLessThanOrEqual(5);
    const copies = copied.mock.calls.length;
    copied.mockRestore();
    expect(copies).toBeLessThanOrEqual(3);
    expect(taken).toEqual([{ message: { format: "binary", bytes: message } }]);
  });

  it("whose frame says that it is compressed, while no header says how, is invalid", async () => {
    const body = frame(bytesField(1, "ada@example.com"), { compressed: true }) as BodyInit;
    const grpcWeb = { ...headers, "content-type": "application/grpc-web+proto" };
    const answer = await fetch(`${doors.webUrl}${sendOtp}`, { method: "POST", headers: grpcWeb, body });
    expect(await answer.text()).toContain("grpc-status: 3\r\n");
    expect(app.sendOtp).not.toHaveBeenCalled();
  });
});

describe("a compressed request", () => {
  it("of 105 bytes that becomes 65,400 values is too large for its method on either door", async () => {
    const small = gzipSync(bytesField(6, Buffer.alloc(65_400)));
    expect(small.length).toBeLessThan(200);
    const session = openSession(doors.grpcAddress);
    const body = [frame(small, { compressed: true })];
    const grpc = await rawGrpc(session, { path: registerUser, headers: { "grpc-encoding": "gzip" }, body });
    session.close();
    expect(String(grpc.headers["grpc-status"])).toBe("8");
    const headers = { "content-type": "application/proto", "connect-protocol-version": "1", "content-encoding": "gzip" };
    const web = await fetch(`${doors.webUrl}${registerUser}`, { method: "POST", headers, body: small });
    expect(await web.json()).toMatchObject({ code: "resource_exhausted" });
  });
});
