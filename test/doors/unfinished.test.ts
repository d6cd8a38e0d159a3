import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from "node:http2";
import { createConnection } from "node:net";
import { connect as connectTls } from "node:tls";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { UnfinishedOptions } from "../../src/doors/unfinished.js";
import { AuthService, SendOtpRequestSchema } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { toChallenge } from "../../src/rpc/convert/challenge.js";
import { eventually } from "../support/app.js";
import { challenge, createFakeApp, type Doors, type FakeApp, openDoors } from "../support/rpc.js";
import { createAuthority } from "../support/tls.js";
import { callers } from "./callers.js";
import { frame, openSession, rawTcp } from "./raw.js";

const path = "/latchkey.v1.AuthService/SendOtp";
const { sendOtp } = AuthService.method;
const identifier = { case: "email" as const, value: "ada@example.com" };
/** With a field of 7 kB that is refused, so that what arrived late is told from what was complete. */
const large = toBinary(SendOtpRequestSchema, create(SendOtpRequestSchema, { identifier, locale: "x".repeat(7000) }));
const small = toBinary(SendOtpRequestSchema, create(SendOtpRequestSchema, { identifier }));

/** A request of which one part is sent, and the rest when it is asked for. */
interface Begun {
  readonly wasReset: () => boolean;
  send(bytes: Uint8Array): void;
  /** Ends the message. Gives the status as it came: `200` or `grpc-status` 0 for a call that was served. */
  finish(): Promise<string>;
}

/** `localAddress` is the one it comes from. */
type Begin = (doors: Doors, localAddress?: string) => Promise<Begun>;

const authority = createAuthority();
const bytesMax = 512 * 1024;

/** Each way of sending to one of the doors, `framed` when a message has gRPC's head. */
const ways: Readonly<Record<string, { readonly tls: boolean; readonly framed: boolean; readonly begin: Begin }>> = {
  gRPC: { tls: false, framed: true, begin: ({ grpcAddress }, from) => beginStream(`http://${grpcAddress}`, grpcHeaders, from) },
  "gRPC with TLS": {
    tls: true,
    framed: true,
    begin: ({ grpcAddress }, from) => beginStream(`https://${grpcAddress}`, grpcHeaders, from),
  },
  "Connect over HTTP/1.1": { tls: false, framed: false, begin: beginHttp1 },
  "Connect over HTTP/2": {
    tls: true,
    framed: false,
    begin: ({ webUrl }, from) => beginStream(webUrl, connectHeaders, from),
  },
  "gRPC on the web door": { tls: true, framed: true, begin: ({ webUrl }, from) => beginStream(webUrl, grpcHeaders, from) },
};

const grpcHeaders = { "content-type": "application/grpc", te: "trailers" };
const connectHeaders = { "content-type": "application/proto", "connect-protocol-version": "1" };

let session: { readonly url: string; readonly opened: ClientHttp2Session } | undefined;
let others: Map<string, ClientHttp2Session>;

async function beginStream(url: string, headers: OutgoingHttpHeaders, localAddress?: string): Promise<Begun> {
  const opened = localAddress === undefined ? ownSession(url) : sessionFrom(url, localAddress);
  return begunOn(opened.request({ ":method": "POST", ":path": path, ...headers }));
}

function ownSession(url: string): ClientHttp2Session {
  if (session?.url !== url) session = { url, opened: openFrom(url) };
  return session.opened;
}

function sessionFrom(url: string, localAddress: string): ClientHttp2Session {
  const opened = others.get(localAddress) ?? openFrom(url, localAddress);
  others.set(localAddress, opened);
  return opened;
}

function openFrom(url: string, localAddress?: string): ClientHttp2Session {
  const { port, protocol } = new URL(url);
  const to = { host: "127.0.0.1", port: Number(port), localAddress };
  const tls = { ...to, ca: authority.cert, ALPNProtocols: ["h2"] };
  const createSocket = () => (protocol === "https:" ? connectTls(tls) : createConnection(to));
  const opened = openSession(url, { createConnection: createSocket });
  onTestFinished(() => opened.destroy());
  return opened;
}

function begunOn(stream: ClientHttp2Stream): Begun {
  const seen: Record<string, unknown> = {};
  stream.on("response", (headers) => Object.assign(seen, headers));
  stream.on("trailers", (headers) => Object.assign(seen, headers));
  stream.on("error", () => {});
  stream.resume();
  return {
    wasReset: () => stream.rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM,
    send: (bytes) => void stream.write(bytes),
    async finish() {
      stream.end();
      await once(stream, "close");
      return String(seen["grpc-status"] ?? seen[":status"]);
    },
  };
}

async function beginHttp1({ webUrl }: Doors, localAddress?: string): Promise<Begun> {
  const { port } = new URL(webUrl);
  const socket = createConnection({ host: "127.0.0.1", port: Number(port), localAddress });
  onTestFinished(() => void socket.destroy());
  let answer = "";
  socket.setEncoding("latin1").on("data", (text) => {
    answer += text;
  });
  socket.on("error", () => {});
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/proto\r\nconnect-protocol-version: 1\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n`,
  );
  // The server has begun to read it, before the next one.
  await once(socket, "data");
  answer = "";
  return {
    wasReset: () => socket.destroyed && answer === "",
    send(bytes) {
      socket.write(`${bytes.length.toString(16)}\r\n`);
      socket.write(bytes);
      socket.write("\r\n");
    },
    async finish() {
      socket.write("0\r\n\r\n");
      await once(socket, "close");
      return answer.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length);
    },
  };
}

let app: FakeApp;
let resets: string[];

async function open(
  tls: boolean,
  unfinished: UnfinishedOptions = { bytesMax },
  trustedProxies: readonly string[] = [],
): Promise<Doors> {
  session = undefined;
  others = new Map();
  app = createFakeApp();
  resets = [];
  const doors = await openDoors(app, {
    tls: tls ? authority.issue(["127.0.0.1"]) : null,
    trustedProxies,
    unfinished: { ...unfinished, onReset: (door) => resets.push(door) },
  });
  onTestFinished(async () => await doors.stop());
  return doors;
}

describe.each(Object.entries(ways))("requests that have not arrived in full, over %s,", (name, { tls, framed, begin }) => {
  const served = name.startsWith("Connect") ? "200" : "0";
  const bodyOf = (message: Uint8Array): Buffer => (framed ? frame(message) : Buffer.from(message));

  it("are reset from the oldest on when all together hold more than they may", async () => {
    const doors = await open(tls);
    let calls = 0;
    app.sendOtp = async () => {
      calls += 1;
      return { challenge: toChallenge(challenge) };
    };
    const begun: Begun[] = [];
    for (let n = 0; n < 60; n += 1) {
      const one = await begin(doors);
      // The oldest has sent what would do as a whole message.
      one.send(n === 0 ? bodyOf(small) : bodyOf(large).subarray(0, 7000));
      begun.push(one);
    }
    // 7 kB, and the 16 KiB that a request takes at least: more than 22 are never held.
    await eventually("resets", async () => (resets.length >= 38 ? true : undefined));
    await eventually("resets at the client", async () =>
      begun.filter((one) => one.wasReset()).length >= 38 ? true : undefined,
    );
    const wereReset = begun.map((one) => one.wasReset());
    expect(wereReset.indexOf(false)).toBe(wereReset.lastIndexOf(true) + 1);
    expect(calls).toBe(0);

    const newest = begun.at(-1)!;
    expect(newest.wasReset()).toBe(false);
    newest.send(bodyOf(large).subarray(7000));
    // It was read as a whole: its own field is what is wrong with it.
    expect(await newest.finish()).toMatch(/^(3|400)$/);
    const another = await begin(doors);
    another.send(bodyOf(small));
    expect(await another.finish()).toBe(served);
  });

  /** Begins requests from one address until others would have been reset too, and gives them. */
  async function fill(doors: Doors, count: number, from: string): Promise<Begun[]> {
    const begun: Begun[] = [];
    for (let n = 0; n < count; n += 1) {
      const one = await begin(doors, from);
      one.send(bodyOf(large).subarray(0, 7000));
      begun.push(one);
    }
    return begun;
  }

  it("are reset in the network that holds the most, and older ones of others are served", async () => {
    const doors = await open(tls);
    const honest = [await begin(doors, "127.0.0.2"), await begin(doors, "127.0.0.3")];
    for (const one of honest) one.send(bodyOf(small).subarray(0, 5));
    const hostile = await fill(doors, 60, "127.0.0.4");
    await eventually("resets", async () => (resets.length >= 38 ? true : undefined));
    for (const one of honest) {
      one.send(bodyOf(small).subarray(5));
      expect(await one.finish()).toBe(served);
    }
    await eventually("resets at the client", async () =>
      hostile.filter((one) => one.wasReset()).length >= 38 ? true : undefined,
    );
    expect(hostile[0]!.wasReset()).toBe(true);
  });

  // Over HTTP/1.1 every request has a connection of its own.
  const manyOnOne = name.includes("HTTP/1.1") ? [] : [""];
  it.each(manyOnOne)("are reset on that connection of a trusted proxy which holds the most%s", async () => {
    const doors = await open(tls, { bytesMax }, ["127.0.0.2/31"]);
    const honest = await begin(doors, "127.0.0.2");
    honest.send(bodyOf(small).subarray(0, 5));
    const hostile = await fill(doors, 60, "127.0.0.3");
    await eventually("resets", async () => (resets.length >= 38 ? true : undefined));
    honest.send(bodyOf(small).subarray(5));
    expect(await honest.finish()).toBe(served);
    expect(hostile[0]!.wasReset()).toBe(true);
  });

  it("are reset when they come in more than 1024 pieces, and others are served", async () => {
    const doors = await open(tls, {});
    const other = await begin(doors);
    const hostile = await begin(doors);
    for (const byte of bodyOf(large)) {
      if (hostile.wasReset()) break;
      hostile.send(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually("the reset", async () => hostile.wasReset() || undefined);
    expect(resets).toHaveLength(1);
    other.send(bodyOf(small));
    expect(await other.finish()).toBe(served);
  });

  it("are served when they come byte by byte, below that", async () => {
    const doors = await open(tls);
    const slow = await begin(doors);
    for (const byte of bodyOf(small)) {
      slow.send(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await slow.finish()).toBe(served);
    expect(resets).toEqual([]);
  });

  it("are many times as much in the course of time, since one that was served holds nothing", async () => {
    const doors = await open(tls);
    for (let n = 0; n < 60; n += 1) {
      const one = await begin(doors);
      one.send(bodyOf(large));
      expect(await one.finish()).toMatch(/^(3|400)$/);
    }
    expect(resets).toEqual([]);
  });
});

describe.each(Object.entries(ways).filter(([name]) => !name.includes("HTTP/1.1")))(
  "a connection with 100 requests that were reset, over %s,",
  (_name, { tls, begin }) => {
    it.each([
      ["is closed", []],
      ["of a trusted proxy takes no more", ["127.0.0.2"]],
    ])("%s", async (_what, trustedProxies) => {
      const doors = await open(tls, { bytesMax: 1 }, trustedProxies);
      for (let n = 0; n < 99; n += 1) void (await begin(doors, "127.0.0.2"));
      await eventually("resets", async () => (resets.length === 99 ? true : undefined));
      const connection = others.get("127.0.0.2")!;
      expect([connection.closed, connection.destroyed]).toEqual([false, false]);
      await begin(doors, "127.0.0.2");
      if (!connection.closed && !connection.destroyed) await once(connection, "close");
      expect(resets).toHaveLength(100);
    });
  },
);

/** Requests that the web door answers without reading their bodies. */
const unread: Readonly<Record<string, OutgoingHttpHeaders>> = {
  "a CORS preflight": { ":method": "OPTIONS", ":path": path, "access-control-request-method": "POST" },
  "a wrong content type": { ":method": "POST", ":path": path, "content-type": "text/plain" },
  "a wrong method": { ":method": "PUT", ":path": path, ...connectHeaders },
  "a document's wrong method": { ":method": "POST", ":path": "/healthz" },
  "a document": { ":method": "GET", ":path": "/healthz" },
  "an unknown path": { ":method": "POST", ":path": "/nothing" },
  "a body that is too large": { ":method": "POST", ":path": path, "content-length": 100_000, ...connectHeaders },
  "an expectation that is not known": { ":method": "POST", ":path": path, expect: "wonders" },
  CONNECT: { ":method": "CONNECT", ":authority": "a" },
};

describe.each(Object.entries(unread))("a request that the web door answers unread, with %s,", (_name, headers) => {
  it("is over once it is answered, over HTTP/2", async () => {
    const doors = await open(true);
    const opened = openSession(doors.webUrl, { ca: authority.cert });
    onTestFinished(() => opened.destroy());
    const stream = opened.request(headers, { endStream: false });
    stream.on("error", () => {}).resume();
    stream.write(Buffer.alloc(500));
    const [answer] = await once(stream, "response");
    await once(stream, "close");
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
    expect(answer[":status"]).toBeGreaterThanOrEqual(200);
    expect(resets).toEqual([]);
  });

  it("counts from its headers on, over HTTP/2", async () => {
    const doors = await open(true, { bytesMax: 1 });
    const opened = openSession(doors.webUrl, { ca: authority.cert });
    onTestFinished(() => opened.destroy());
    const stream = opened.request(headers, { endStream: false });
    stream.on("error", () => {}).resume();
    await new Promise((resolve) => stream.once("close", resolve));
    expect(resets).toEqual(["web"]);
  });
});

/** Node answers the others itself over HTTP/1.1, and closes the connection. */
const unreadHttp1 = Object.entries(unread).filter(([, headers]) => !(":authority" in headers || "expect" in headers));

describe.each(unreadHttp1)("a request that the web door answers unread, with %s,", (_name, headers) => {
  it("counts from its headers on, over HTTP/1.1", async () => {
    const doors = await open(false, { bytesMax: 1 });
    const { ":method": method, ":path": target, "content-length": length = 10, ...more } = headers;
    const lines = Object.entries({ host: "a", "content-length": length, ...more }).map(([name, value]) => `${name}: ${value}`);
    await rawTcp(doors.webUrl, `${method} ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    expect(resets).toEqual(["web"]);
  });
});

describe("requests that have not arrived in full", () => {
  it("of both doors share one bound", async () => {
    const doors = await open(false);
    const oldest = await ways.gRPC!.begin(doors);
    oldest.send(frame(large).subarray(0, 7000));
    const fill: Begun[] = [];
    // The server may read the connections in another order than they were opened.
    await new Promise((resolve) => session!.opened.ping(resolve));
    for (let n = 0; n < 30; n += 1) {
      const one = await ways["Connect over HTTP/1.1"]!.begin(doors);
      one.send(large.subarray(0, 7000));
      fill.push(one);
    }
    await eventually("the oldest is reset", async () => (oldest.wasReset() ? true : undefined));
    expect(resets[0]).toBe("grpc");
    expect(fill.at(-1)!.wasReset()).toBe(false);
  });

  it("count with what their pieces take, not with their length alone", async () => {
    const doors = await open(false);
    const begun = await ways["Connect over HTTP/1.1"]!.begin(doors);
    for (let n = 0; n < 4000; n += 1) begun.send(Buffer.of(0));
    await eventually("a reset", async () => (begun.wasReset() ? true : undefined));
    expect(resets).toEqual(["web"]);
  });

  it("are not taken for whole ones when their caller resets them, over HTTP/2", async () => {
    const doors = await open(true);
    let calls = 0;
    app.sendOtp = async () => {
      calls += 1;
      return { challenge: toChallenge(challenge) };
    };
    const opened = openSession(doors.webUrl, { ca: authority.cert });
    onTestFinished(() => opened.destroy());
    const headers = { "content-type": "application/proto", "connect-protocol-version": "1" };
    const stream = opened.request({ ":method": "POST", ":path": path, ...headers });
    stream.on("error", () => {});
    stream.write(small);
    await new Promise((resolve) => opened.ping(resolve));
    stream.close(constants.NGHTTP2_CANCEL);
    await once(stream, "close");
    await callers["Connect JSON"]!({ ...doors, tls: { ca: authority.cert } }).call(sendOtp, { identifier });
    await eventually("no call is under way", async () => (app.inFlight.count() === 0 ? true : undefined));
    expect(calls).toBe(1);
    expect(app.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("are no failure of this server when their connection is reset, over HTTP/1.1", async () => {
    const doors = await open(false);
    const { hostname, port } = new URL(doors.webUrl);
    const socket = createConnection(Number(port), hostname);
    const head = `content-type: application/proto\r\nconnect-protocol-version: 1\r\ncontent-length: ${small.length + 1}`;
    socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n${head}\r\n\r\n`);
    // The server has begun to read it.
    await once(socket, "data");
    socket.write(small);
    socket.resetAndDestroy();
    await callers["Connect JSON"]!(doors).call(sendOtp, { identifier });
    await doors.stop();
    expect(app.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("a gRPC call that is answered before its caller has ended the request", () => {
  let doors: Doors;
  beforeEach(async () => {
    app = createFakeApp();
    doors = await openDoors(app);
  });
  afterEach(() => doors.stop());

  it("is over: nothing more is read and nothing of it is kept", async () => {
    const opened = openSession(doors.grpcAddress);
    onTestFinished(() => opened.destroy());
    const stream = opened.request({ ":method": "POST", ":path": path, ...grpcHeaders });
    const begun = begunOn(stream);
    stream.write(Buffer.concat([frame(small), frame(small)]));
    const [headers] = await once(stream, "response");
    expect(String(headers["grpc-status"])).toBe("12");
    await once(stream, "close");
    expect(begun.wasReset()).toBe(false);
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });
});
