import { once } from "node:events";
import { type ClientHttp2Stream, constants } from "node:http2";
import { createConnection } from "node:net";
import { HealthImplementation } from "grpc-health-check";
import { expect, it, onTestFinished, vi } from "vitest";
import { createFakeApp, type DoorSettings, openDoors } from "../../support/rpc.js";
import { bytesField } from "../../support/wire.js";
import { frame, openSession, rawGrpc } from "../raw.js";

const watch = "/grpc.health.v1.Health/Watch";
const check = "/grpc.health.v1.Health/Check";
const list = "/grpc.health.v1.Health/List";
const reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const exhausted = "8";
const listServices = frame(Buffer.from([0x3a, 0x01, 0x2a]));
const named = (name: string) => frame(name === "" ? Buffer.alloc(0) : bytesField(1, name));
const answers = { serving: frame(Buffer.from([8, 1])), unknown: frame(Buffer.from([8, 3])) };

async function own(settings: DoorSettings = {}) {
  const doors = await openDoors(createFakeApp(), settings);
  onTestFinished(async () => await doors.stop());
  const connect = () => {
    const session = openSession(doors.grpcAddress);
    onTestFinished(() => session.destroy());
    return session;
  };
  return { doors, connect };
}

type Session = ReturnType<typeof openSession>;

/** A stream that stays open, once its first message is there. Health answers only after the request's end. */
async function follow(session: Session, body: Buffer, path = watch): Promise<{ stream: ClientHttp2Stream; first: Buffer }> {
  const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
  const stream = session.request(headers);
  stream.on("error", () => {});
  if (path === watch) stream.end(body);
  else stream.write(body);
  const [first] = await once(stream, "data");
  return { stream, first };
}

async function statusOf(session: Session, path: string, body: Buffer): Promise<string> {
  return String((await rawGrpc(session, { path, body: [body] })).headers["grpc-status"]);
}

async function closed(stream: ClientHttp2Stream): Promise<void> {
  const gone = once(stream, "close");
  stream.close(constants.NGHTTP2_CANCEL);
  await gone;
}

it("a fifth stream of a connection is refused, the calls beside it work, and a stream that ends makes room", async () => {
  const { connect } = await own();
  const session = connect();
  const first = await follow(session, named(""));
  await follow(session, listServices, reflection);
  for (let n = 0; n < 2; n += 1) expect((await follow(session, named(""))).first).toEqual(answers.serving);
  expect(await statusOf(session, watch, named(""))).toBe(exhausted);
  expect(await statusOf(session, reflection, listServices)).toBe(exhausted);
  expect(await statusOf(session, check, named(""))).toBe("0");
  expect(await statusOf(session, list, named(""))).toBe("0");
  expect((await follow(connect(), named(""))).first).toEqual(answers.serving);
  await closed(first.stream);
  expect((await follow(session, named(""))).first).toEqual(answers.serving);
});

it.each([
  { of: "a network", streams: { perNetwork: 3 } },
  { of: "the process", streams: { total: 3 } },
])("streams beyond those of $of are refused, whatever the connection", async ({ streams }) => {
  const { connect } = await own({ streams });
  const open = [];
  for (let n = 0; n < 3; n += 1) open.push(await follow(connect(), named("")));
  const other = connect();
  expect(await statusOf(other, watch, named(""))).toBe(exhausted);
  expect(await statusOf(other, check, named(""))).toBe("0");
  await closed(open[0]!.stream);
  expect((await follow(other, named(""))).first).toEqual(answers.serving);
});

it("a trusted proxy has the streams of many networks", async () => {
  const { connect } = await own({ streams: { perNetwork: 1 }, trustedProxies: ["127.0.0.1"] });
  for (let n = 0; n < 3; n += 1) expect((await follow(connect(), named(""))).first).toEqual(answers.serving);
});

it("a stream ends well after its time, whether it asked or not", async () => {
  const { connect } = await own({ streams: { lastMs: 50 } });
  const session = connect();
  const ended = await Promise.all([
    rawGrpc(session, { path: watch, body: [named("")] }),
    rawGrpc(session, { path: watch, body: null }),
    rawGrpc(session, { path: reflection, body: null }),
  ]);
  for (const { headers } of ended) expect(String(headers["grpc-status"])).toBe("0");
  expect(ended[0].body).toEqual(answers.serving);
});

it("1,000 watched names that nothing serves are answered as unknown and leave nothing behind", async () => {
  const added = vi.spyOn(HealthImplementation.prototype, "addToServer");
  onTestFinished(() => added.mockRestore());
  const { connect } = await own();
  const { watchers } = added.mock.contexts[0] as unknown as { watchers: ReadonlyMap<string, ReadonlySet<unknown>> };
  let session = connect();
  for (let n = 0; n < 1000; n += 1) {
    // A caller that resets many streams of one connection loses it.
    if (n % 100 === 0) session = connect();
    const { stream, first } = await follow(session, named(`unknown.${n}`));
    expect(first).toEqual(answers.unknown);
    await closed(stream);
  }
  const { stream, first } = await follow(session, named("latchkey.v1.AuthService"));
  expect(first).toEqual(answers.serving);
  expect([...watchers.keys()]).toEqual(["latchkey.v1.AuthService"]);
  await closed(stream);
  await vi.waitFor(() => expect([...watchers.values()].map(({ size }) => size)).toEqual([0]));
  expect(await statusOf(session, check, named("unknown"))).toBe("5");
});

it.each([watch, check, reflection])("%s reads no message of more than 256 bytes", async (path) => {
  const { connect } = await own();
  const session = connect();
  const field = path === reflection ? 3 : 1;
  const headBytes = 3;
  const long = bytesField(field, "n".repeat(257 - headBytes));
  expect(long.length).toBe(257);
  expect(await statusOf(session, path, frame(long))).toBe(exhausted);
  expect(await statusOf(session, check, frame(bytesField(1, "n".repeat(256 - headBytes))))).toBe("5");
});

it("a request with more than 8 KiB of headers is reset, and the calls beside it work", async () => {
  const { connect } = await own();
  const session = connect();
  await once(session, "remoteSettings");
  expect(session.remoteSettings.maxHeaderListSize).toBe(8192);
  const long = rawGrpc(session, { path: check, headers: { "x-long": "~".repeat(8192) }, body: [named("")] });
  await expect(long).rejects.toThrow("NGHTTP2_ENHANCE_YOUR_CALM");
  const token = { authorization: `Bearer ${"~".repeat(4096)}`, tracestate: "~".repeat(512) };
  const good = await rawGrpc(session, { path: check, headers: token, body: [named("")] });
  expect(String(good.headers["grpc-status"])).toBe("0");
});

it("a peer that never acknowledges the setting has no longer headers either", async () => {
  const { doors } = await own();
  const socket = createConnection(Number(doors.grpcAddress.split(":")[1]), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  const settings = http2Frame(4, 0, 0, Buffer.alloc(0));
  const literal = (name: string, value: string) =>
    Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), length7(value.length), Buffer.from(value)]);
  const block = Buffer.concat([
    literal(":method", "POST"),
    literal(":scheme", "http"),
    literal(":authority", "127.0.0.1"),
    literal(":path", watch),
    literal("content-type", "application/grpc"),
    literal("x-long", "~".repeat(8192)),
  ]);
  const endHeaders = 4;
  socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings, http2Frame(1, endHeaders, 1, block)]));
  let seen = Buffer.alloc(0);
  const reset = http2Frame(3, 0, 1, Buffer.from([0, 0, 0, constants.NGHTTP2_ENHANCE_YOUR_CALM]));
  for await (const chunk of socket) {
    seen = Buffer.concat([seen, chunk]);
    if (seen.includes(reset)) break;
  }
  expect(seen.includes(reset)).toBe(true);
});

function http2Frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A length as HPACK writes it, in a prefix of seven bits. */
function length7(length: number): Buffer {
  if (length < 127) return Buffer.from([length]);
  const bytes = [127];
  let rest = length - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

it("a connection that only watches makes room at the cap", async () => {
  const { connect } = await own({ connections: { perNetworkMax: 1 } });
  const watching = connect();
  await follow(watching, named(""));
  await follow(watching, listServices, reflection);
  const gone = once(watching, "close");
  expect(await statusOf(connect(), check, named(""))).toBe("0");
  await gone;
});
