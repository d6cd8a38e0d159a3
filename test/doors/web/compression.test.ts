import { execFileSync } from "node:child_process";
import { constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it, onTestFinished } from "vitest";
import { SendOtpRequestSchema } from "../../../src/gen/latchkey/v1/auth_service_pb.js";
import { createFakeApp, type Doors, openDoors } from "../../support/rpc.js";
import { createAuthority } from "../../support/tls.js";
import { frame, openSession, rawGrpc } from "../raw.js";

const path = "/latchkey.v1.AuthService/SendOtp";
const message = toBinary(
  SendOtpRequestSchema,
  create(SendOtpRequestSchema, { identifier: { case: "email", value: "ada@example.com" } }),
);

interface Answer {
  /** The gRPC status, which Connect's codes equal by number. */
  readonly code: number;
  readonly text: string;
  /** The encodings that the server says it reads. */
  readonly accepted: string | undefined;
  /** What the error says besides, decoded from base64 but not read. */
  readonly details: string;
}

type Send = (doors: Doors, encoding: string, bodies: readonly Uint8Array[]) => Promise<Answer>;

const connectCodes: Readonly<Record<string, number>> = {
  invalid_argument: 3,
  resource_exhausted: 8,
  unimplemented: 12,
  internal: 13,
};

/** Sends compressed messages as each protocol does; Connect has only one message in a body. */
const protocols: Readonly<Record<string, Send>> = {
  async Connect({ webUrl }, encoding, bodies) {
    const headers = { "content-type": "application/proto", "connect-protocol-version": "1", "content-encoding": encoding };
    const response = await fetch(`${webUrl}${path}`, { method: "POST", headers, body: bodies[0] as BodyInit });
    const text = await response.text();
    const error = response.status === 200 ? null : (JSON.parse(text) as { code: string; details: { value: string }[] });
    const code = error === null ? 0 : (connectCodes[error.code] ?? -1);
    const details = (error?.details ?? []).map(({ value }) => decoded(value)).join();
    return { code, text, accepted: response.headers.get("accept-encoding") ?? undefined, details };
  },
  async "gRPC-Web"({ webUrl }, encoding, bodies) {
    const headers = { "content-type": "application/grpc-web+proto", "grpc-encoding": encoding };
    const body = Buffer.concat(bodies.map((one) => frame(one, { compressed: true })));
    const text = decodeURIComponent(await (await fetch(`${webUrl}${path}`, { method: "POST", headers, body })).text());
    const trailer = (name: string) => new RegExp(`${name}: ([^\r]*)`).exec(text)?.[1];
    const details = decoded(trailer("grpc-status-details-bin"));
    return { code: Number(trailer("grpc-status")), text, accepted: trailer("grpc-accept-encoding"), details };
  },
  gRPC: async ({ grpcAddress }, encoding, bodies) => await sendGrpc(grpcAddress, { encoding, bodies }),
};

async function sendGrpc(
  address: string,
  { encoding, bodies, ca }: { encoding: string; bodies: readonly Uint8Array[]; ca?: string },
): Promise<Answer> {
  const session = openSession(address, ca === undefined ? {} : { ca });
  onTestFinished(() => session.destroy());
  const body = [Buffer.concat(bodies.map((one) => frame(one, { compressed: true })))];
  const { headers } = await rawGrpc(session, { path, headers: { "grpc-encoding": encoding }, body });
  const text = decodeURIComponent(String(headers["grpc-message"]));
  const accepted = headers["grpc-accept-encoding"] as string | undefined;
  return { code: Number(headers["grpc-status"]), text, accepted, details: decoded(headers["grpc-status-details-bin"]) };
}

function decoded(base64: unknown): string {
  return Buffer.from(String(base64 ?? ""), "base64").toString("latin1");
}

async function openOwn(options: { callsMax?: number } = {}): Promise<{ app: ReturnType<typeof createFakeApp>; doors: Doors }> {
  const app = createFakeApp(options);
  const doors = await openDoors(app);
  onTestFinished(async () => await doors.stop());
  return { app, doors };
}

const bomb = gzipSync(Buffer.alloc(1024 * 1024));

describe.each(Object.entries(protocols))("a compressed request over %s", (_name, send) => {
  it("is read when it is gzip", async () => {
    const { doors } = await openOwn();
    expect(await send(doors, "gzip", [gzipSync(message)])).toMatchObject({ code: 0 });
  });

  it("is refused as not implemented when it is brotli or deflate, with the encoding that is read", async () => {
    const { app, doors } = await openOwn();
    let calls = 0;
    app.sendOtp = async () => {
      calls += 1;
      return {};
    };
    for (const [encoding, body] of [
      ["br", brotliCompressSync(message)],
      ["deflate", deflateSync(message)],
    ] as const) {
      expect(await send(doors, encoding, [body])).toMatchObject({ code: 12, accepted: "gzip" });
    }
    expect(calls).toBe(0);
  });

  it("K02: is refused as too large when it expands beyond what its method reads", async () => {
    const { doors } = await openOwn();
    const answer = await send(doors, "gzip", [bomb]);
    expect(answer.code).toBe(8);
    expect(answer.text).toMatch(/larger than this method accepts/);
  });

  it("is an invalid request when it is not gzip at all", async () => {
    const { doors } = await openOwn();
    expect(await send(doors, "gzip", [message])).toMatchObject({ code: 3 });
  });

  it("counts as a call in flight before it is decompressed", async () => {
    const { app, doors } = await openOwn({ callsMax: 1 });
    expect(app.inFlight.enter()).toBe(true);
    // Decompressing it would give the refusal of a message that is too large.
    const refused = await send(doors, "gzip", [bomb]);
    expect(refused.code).toBe(8);
    expect(refused.text).toMatch(/busy/);
    app.inFlight.leave();
    expect(await send(doors, "gzip", [gzipSync(message)])).toMatchObject({ code: 0 });
    expect(app.inFlight.count()).toBe(0);
  });

  it("that this server fails to read is an internal error, which the log converters under the same id", async () => {
    const { app, doors } = await openOwn();
    app.inFlight.enter = () => {
      throw new Error("a fault of ours");
    };
    const { code, text, details } = await send(doors, "gzip", [gzipSync(message)]);
    const [line, ...others] = app.lines;
    expect(line).toMatchObject({
      level: "error",
      message: "internal error",
      fields: { method: path.slice(1), correlationId: expect.any(String), error: { message: "a fault of ours" } },
    });
    expect(others).toEqual([]);
    expect(code).toBe(13);
    expect(details).toContain(line!.fields.correlationId);
    expect(text + details).not.toContain("a fault of ours");
  });

  it("is decompressed while the thread pool that hashes codes is full", async () => {
    const { doors } = await openOwn();
    fillThreadPool();
    expect(await send(doors, "gzip", [gzipSync(message)])).toMatchObject({ code: 0 });
  });
});

describe("a compressed request", () => {
  it("of brotli is refused over gRPC on the web door too", async () => {
    const authority = createAuthority();
    const doors = await openDoors(createFakeApp(), { tls: authority.issue(["127.0.0.1"]) });
    onTestFinished(async () => await doors.stop());
    const how = { encoding: "br", bodies: [brotliCompressSync(message)], ca: authority.cert };
    expect(await sendGrpc(doors.webUrl, how)).toMatchObject({ code: 12 });
  });

  it("K02: that has many bombs in one frame has only its first one decompressed", async () => {
    const { app, doors } = await openOwn();
    const { enter } = app.inFlight;
    let entered = 0;
    app.inFlight.enter = () => {
      entered += 1;
      return enter();
    };
    const small = gzipSync(Buffer.alloc(150_000));
    expect(await sendGrpc(doors.grpcAddress, { encoding: "gzip", bodies: Array(80).fill(small) })).toMatchObject({ code: 8 });
    expect(entered).toBe(1);
  });

  it("is not taken by a method that streams", async () => {
    const { doors } = await openOwn();
    const session = openSession(doors.grpcAddress);
    onTestFinished(() => session.destroy());
    const answer = await rawGrpc(session, {
      path: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      headers: { "grpc-encoding": "gzip" },
      body: [frame(gzipSync(Buffer.from([0x3a, 0x01, 0x2a])), { compressed: true })],
    });
    expect(String(answer.headers["grpc-status"])).toBe("12");
  });
});

/** Has every thread wait for a writer of a named pipe, until the test is over. */
function fillThreadPool(): void {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-pool-"));
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
  const readers = Array.from({ length: threads }, () => open(pipe, "r"));
  onTestFinished(async () => {
    openSync(pipe, constants.O_RDWR);
    for (const reader of await Promise.all(readers)) await reader.close();
    rmSync(folder, { recursive: true });
  });
}
