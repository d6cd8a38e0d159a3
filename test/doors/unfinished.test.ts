import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from "node:http2";
import { createConnection } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { UnfinishedOptions } from "../../src/doors/unfinished.js";
import { AuthService, SendOtpRequestSchema } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { toChallenge } from "../../src/rpc/convert.js";
import { eventually } from "../support/app.js";
import { challenge, createFakeApp, type Doors, type FakeApp, openDoors } from "../support/rpc.js";
import { createAuthority } from "../support/tls.js";
import { callers } from "./callers.js";
import { frame, openSession } from "./raw.js";

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

type Begin = (doors: Doors) => Promise<Begun>;

const authority = createAuthority();
const bytesMax = 512 * 1024;

/** Each way of sending to one of the doors, `framed` when a message has gRPC's head. */
const ways: Readonly<Record<string, { readonly tls: boolean; readonly framed: boolean; readonly begin: Begin }>> = {
  gRPC: { tls: false, framed: true, begin: ({ grpcAddress }) => beginStream(grpcAddress, grpcHeaders) },
  "gRPC with TLS": {
    tls: true,
    framed: true,
    begin: ({ grpcAddress }) => beginStream(`https://${grpcAddress}`, grpcHeaders),
  },
  "Connect over HTTP/1.1": { tls: false, framed: false, begin: beginHttp1 },
  "Connect over HTTP/2": {
    tls: true,
    framed: false,
    begin: ({ webUrl }) => beginStream(webUrl, { "content-type": "application/proto", "connect-protocol-version": "1" }),
  },
  "gRPC on the web door": { tls: true, framed: true, begin: ({ webUrl }) => beginStream(webUrl, grpcHeaders) },
};

const grpcHeaders = { "content-type": "application/grpc", te: "trailers" };

let session: { readonly address: string; readonly opened: ClientHttp2Session } | undefined;

async function beginStream(address: string, headers: OutgoingHttpHeaders): Promise<Begun> {
  if (session?.address !== address) {
    const opened = openSession(address, { ca: authority.cert });
    onTestFinished(() => opened.destroy());
    session = { address, opened };
  }
  return begunOn(session.opened.request({ ":method": "POST", ":path": path, ...headers }));
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

async function beginHttp1({ webUrl }: Doors): Promise<Begun> {
  const { hostname, port } = new URL(webUrl);
  const socket = createConnection(Number(port), hostname);
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

async function open(tls: boolean, unfinished: UnfinishedOptions = { bytesMax }): Promise<Doors> {
  session = undefined;
  app = createFakeApp();
  resets = [];
  const doors = await openDoors(app, {
    tls: tls ? authority.issue(["127.0.0.1"]) : null,
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
