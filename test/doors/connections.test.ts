import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Dropped } from "../../src/doors/connections.js";
import { AuthService, SendOtpRequestSchema } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { toChallenge } from "../../src/rpc/convert.js";
import { eventually } from "../support/app.js";
import { challenge, createFakeApp, type DoorSettings, type Doors, type FakeApp, openDoors } from "../support/rpc.js";
import { createAuthority } from "../support/tls.js";
import { callers } from "./callers.js";
import { deferred, frame, rawGrpc } from "./raw.js";

const { sendOtp } = AuthService.method;
const path = "/latchkey.v1.AuthService/SendOtp";
const identifier = { case: "email" as const, value: "ada@example.com" };
const message = toBinary(SendOtpRequestSchema, create(SendOtpRequestSchema, { identifier }));
const authority = createAuthority();

/** A connection of a test from an address of its choice. */
interface Client {
  readonly isClosed: () => boolean;
  /** Whether the server said goodbye before it closed. */
  readonly hadGoaway: () => boolean;
  /** Calls SendOtp. Gives whether it was served. */
  call(): Promise<boolean>;
}

type Connect = (doors: Doors, localAddress: string) => Promise<Client>;

const doorsOf: Readonly<Record<string, { readonly tls: boolean; readonly http2: boolean; readonly connect: Connect }>> = {
  "the gRPC door": { tls: false, http2: true, connect: (doors, from) => openHttp2(`http://${doors.grpcAddress}`, from) },
  "the gRPC door with TLS": {
    tls: true,
    http2: true,
    connect: (doors, from) => openHttp2(`https://${doors.grpcAddress}`, from),
  },
  "the web door over HTTP/1.1": { tls: false, http2: false, connect: (doors, from) => openHttp1(doors.webUrl, from) },
  "the web door over HTTP/2": { tls: true, http2: true, connect: (doors, from) => openHttp2(doors.webUrl, from) },
};

async function openHttp2(url: string, localAddress: string): Promise<Client> {
  const { port, protocol } = new URL(url);
  const to = { host: "127.0.0.1", port: Number(port), localAddress };
  const createConnection = (): Socket =>
    protocol === "https:" ? connectTls({ ...to, ca: authority.cert, ALPNProtocols: ["h2"] }) : connectTcp(to);
  const session: ClientHttp2Session = connectHttp2(url, { createConnection });
  onTestFinished(() => session.destroy());
  let goaway = false;
  session.on("goaway", () => {
    goaway = true;
  });
  session.on("error", () => {});
  // A refused connection is closed instead.
  await new Promise<void>((resolve) => {
    session.once("remoteSettings", () => resolve());
    session.once("close", () => resolve());
  });
  return {
    isClosed: () => session.destroyed,
    hadGoaway: () => goaway,
    async call() {
      const { headers } = await rawGrpc(session, { path, body: [frame(message)] });
      return headers["grpc-status"] === "0";
    },
  };
}

async function openHttp1(url: string, localAddress: string): Promise<Client> {
  const socket = connectTcp({ host: "127.0.0.1", port: Number(new URL(url).port), localAddress });
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  socket.setEncoding("latin1").resume();
  await once(socket, "connect");
  return {
    isClosed: () => socket.destroyed,
    hadGoaway: () => false,
    async call() {
      const head = "content-type: application/proto\r\nconnect-protocol-version: 1";
      socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\n${head}\r\ncontent-length: ${message.length}\r\n\r\n`);
      socket.write(message);
      const answered = once(socket, "data").then(([text]) => String(text).startsWith("HTTP/1.1 200"));
      return await Promise.race([answered, once(socket, "close").then(() => false)]);
    },
  };
}

describe.each(Object.entries(doorsOf))("the connections of %s", (_name, { tls, http2, connect }) => {
  let app: FakeApp;
  let dropped: Dropped[];

  async function open(settings: DoorSettings): Promise<(localAddress: string) => Promise<Client>> {
    app = createFakeApp();
    dropped = [];
    const onDropped = (why: Dropped): void => void dropped.push(why);
    const doors = await openDoors(app, {
      ...settings,
      tls: tls ? authority.issue(["127.0.0.1"]) : null,
      connections: { ...settings.connections, onDropped },
    });
    onTestFinished(async () => await doors.stop());
    return async (localAddress) => await connect(doors, localAddress);
  }

  const closed = async (client: Client): Promise<void> =>
    void (await eventually("a closed connection", async () => (client.isClosed() ? true : undefined)));

  /** Has calls wait until the test lets them go. */
  function holdCalls(): { readonly release: () => void; entered(count: number): Promise<unknown> } {
    const held = deferred();
    let entered = 0;
    app.sendOtp = async () => {
      entered += 1;
      await held.promise;
      return { challenge: toChallenge(challenge) };
    };
    return {
      release: held.resolve,
      entered: (count) => eventually(`${count} calls`, async () => (entered === count ? true : undefined)),
    };
  }

  it("of a network at its cap make room by its own longest idle one, with a GOAWAY on HTTP/2", async () => {
    const from = await open({ connections: { perNetworkMax: 3 } });
    const other = await from("127.0.0.3");
    const [first, second, third] = [await from("127.0.0.2"), await from("127.0.0.2"), await from("127.0.0.2")];
    expect(await first.call()).toBe(true);
    const fourth = await from("127.0.0.2");
    await closed(second);
    expect(second.hadGoaway()).toBe(http2);
    for (const client of [other, first, third, fourth]) expect(await client.call()).toBe(true);
    expect(dropped).toEqual(["idle"]);
  });

  it("of a network that is at its cap with calls are refused, and other networks are served", async () => {
    const from = await open({ connections: { perNetworkMax: 2 } });
    const clients = [await from("127.0.0.2"), await from("127.0.0.2")];
    const calls = holdCalls();
    const running = clients.map((client) => client.call());
    await calls.entered(2);
    await closed(await from("127.0.0.2"));
    expect(dropped).toEqual(["network_full"]);
    const other = (await from("127.0.0.3")).call();
    await calls.entered(3);
    calls.release();
    expect(await Promise.all([...running, other])).toEqual([true, true, true]);
    // They are idle now, and one makes room.
    expect(await (await from("127.0.0.2")).call()).toBe(true);
  });

  it("of a trusted proxy have no cap", async () => {
    const from = await open({ trustedProxies: ["127.0.0.2"], connections: { perNetworkMax: 2 } });
    const clients = [await from("127.0.0.2"), await from("127.0.0.2"), await from("127.0.0.2"), await from("127.0.0.2")];
    for (const client of clients) expect(await client.call()).toBe(true);
    expect(dropped).toEqual([]);
  });

  it("make room above half of all, the longest idle one first and never one with a call", async () => {
    const from = await open({ connections: { connectionsMax: 8 } });
    const oldest = await from("127.0.0.2");
    const calls = holdCalls();
    const running = oldest.call();
    await calls.entered(1);
    const idle: Client[] = [];
    for (let n = 3; n < 23; n += 1) idle.push(await from(`127.0.0.${n}`));
    const latest = await from("127.0.0.30");
    for (const client of idle.slice(0, 18)) await closed(client);
    calls.release();
    expect(await running).toBe(true);
    for (const client of [idle.at(-1)!, latest]) expect(await client.call()).toBe(true);
    expect(new Set(dropped)).toEqual(new Set(["idle"]));
  });
});

describe("a gRPC client whose idle connection had to make room", () => {
  it("calls again without an error", async () => {
    const dropped: Dropped[] = [];
    const doors = await openDoors(createFakeApp(), {
      connections: { perNetworkMax: 1, onDropped: (why) => dropped.push(why) },
    });
    onTestFinished(async () => await doors.stop());
    const [one, another] = [callers["gRPC (grpc-js)"]!(doors), callers["gRPC (grpc-js)"]!(doors)];
    for (const caller of [one, another, one, another]) {
      expect((await caller.call(sendOtp, { identifier })).challenge).toBeDefined();
    }
    expect(dropped).toEqual(["idle", "idle", "idle"]);
    one.close();
    another.close();
  });
});
