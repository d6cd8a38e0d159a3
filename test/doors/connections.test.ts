import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, createServer, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Worker } from "node:worker_threads";
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it, onTestFinished } from "vitest";
import { limitConnections } from "../../src/doors/connections.js";
import { AuthService, SendOtpRequestSchema } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import type { Dropped } from "../../src/model/door.js";
import { toChallenge } from "../../src/rpc/convert/challenge.js";
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

interface Door {
  readonly tls: boolean;
  readonly http2: boolean;
  urlOf(doors: Doors): string;
}

const doorsOf: Readonly<Record<string, Door>> = {
  "the gRPC door": { tls: false, http2: true, urlOf: ({ grpcAddress }) => `http://${grpcAddress}` },
  "the gRPC door with TLS": { tls: true, http2: true, urlOf: ({ grpcAddress }) => `https://${grpcAddress}` },
  "the web door over HTTP/1.1": { tls: false, http2: false, urlOf: ({ webUrl }) => webUrl },
  "the web door over HTTP/2": { tls: true, http2: true, urlOf: ({ webUrl }) => webUrl },
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

/** Opens connections and resets them, all while this thread is busy, so that the server accepts them afterwards. */
async function resetBeforeAccept(port: number, count: number): Promise<void> {
  const done = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { connect } = require("node:net");
    const { workerData: { port, count, done }, parentPort } = require("node:worker_threads");
    let left = count;
    function reset(socket) {
      socket.resetAndDestroy();
      left -= 1;
      if (left > 0) return;
      Atomics.store(done, 0, 1);
      Atomics.notify(done, 0);
    }
    parentPort.once("message", () => {
      for (let n = 0; n < count; n += 1) {
        const socket = connect(port, "127.0.0.1", () => reset(socket));
      }
    });`,
    { eval: true, workerData: { port, count, done } },
  );
  await once(worker, "online");
  worker.postMessage("go");
  expect(Atomics.wait(done, 0, 0, 10_000)).not.toBe("timed-out");
  await worker.terminate();
}

/** Connects twice from one port of this machine, to two addresses of the server, and hangs up. */
async function connectTwiceFromOnePort(port: number): Promise<void> {
  const first = connectTcp({ port, host: "127.0.0.1", localAddress: "127.0.0.1" });
  await once(first, "connect");
  const { localPort } = first;
  const second = connectTcp({ port, host: "127.0.0.5", localAddress: "127.0.0.1", localPort });
  await once(second, "connect");
  for (const socket of [first, second]) socket.on("error", () => {}).destroy();
}

describe.each(Object.entries(doorsOf))("the connections of %s", (_name, { tls, http2, urlOf }) => {
  let app: FakeApp;
  let dropped: Dropped[];
  let url: string;

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
    url = urlOf(doors);
    return async (localAddress) => await (http2 ? openHttp2 : openHttp1)(url, localAddress);
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

  /** Opens so many connections from an address, each in the middle of a call. */
  async function hold(count: number, from: () => Promise<Client>): Promise<() => Promise<void>> {
    const calls = holdCalls();
    const running: Promise<boolean>[] = [];
    for (let n = 0; n < count; n += 1) running.push((await from()).call());
    await calls.entered(count);
    return async () => {
      calls.release();
      expect(await Promise.all(running)).toEqual(running.map(() => true));
    };
  }

  it("make room above half of all in the network that holds the most, its longest idle one first", async () => {
    const from = await open({ connections: { connectionsMax: 10 } });
    const kept = await from("127.0.0.3");
    expect(await kept.call()).toBe(true);
    const many = [await from("127.0.0.2"), await from("127.0.0.2"), await from("127.0.0.2")];
    for (const client of many) expect(await client.call()).toBe(true);
    const endHeld = await hold(1, async () => await from("127.0.0.2"));
    const newcomer = await from("127.0.0.4");
    await closed(many[0]!);
    expect(dropped).toEqual(["idle"]);
    await endHeld();
    for (const client of [kept, newcomer, many[1]!, many[2]!]) expect(await client.call()).toBe(true);
  });

  it("are refused above half of all to the network that holds the most, all with calls, and given to others", async () => {
    const from = await open({ connections: { connectionsMax: 10 } });
    const kept = await from("127.0.0.3");
    const endHeld = await hold(4, async () => await from("127.0.0.2"));
    const newcomers = [await from("127.0.0.4"), await from("127.0.0.5")];
    expect(dropped).toEqual([]);
    await closed(await from("127.0.0.2"));
    expect(dropped).toEqual(["network_full"]);
    await endHeld();
    for (const client of [kept, ...newcomers]) expect(await client.call()).toBe(true);
  });

  it("have five seconds for their first call before they make room for other networks", async () => {
    let now = 0;
    const from = await open({ connections: { connectionsMax: 10, now: () => now } });
    const first = await from("127.0.0.2");
    for (let n = 3; n < 7; n += 1) await from(`127.0.0.${n}`);
    now = 4999;
    await from("127.0.0.7");
    expect(dropped).toEqual([]);
    now = 5000;
    await from("127.0.0.8");
    await closed(first);
    expect(dropped).toEqual(["idle"]);
  });

  it("make room at the cap of all, even where they have not called yet, but never one with a call", async () => {
    const from = await open({ connections: { connectionsMax: 8 } });
    const endHeld = await hold(4, async () => await from("127.0.0.2"));
    const unused = [await from("127.0.0.3"), await from("127.0.0.4"), await from("127.0.0.5")];
    expect(dropped).toEqual([]);
    const newcomer = await from("127.0.0.6");
    await closed(unused[0]!);
    expect(dropped).toEqual(["idle"]);
    await endHeld();
    for (const client of [unused[1]!, unused[2]!, newcomer]) expect(await client.call()).toBe(true);
  });

  async function expectCapOf(perNetworkMax: number, from: (localAddress: string) => Promise<Client>): Promise<void> {
    const clients: Client[] = [];
    for (let n = 0; n < perNetworkMax + 2; n += 1) clients.push(await from("127.0.0.1"));
    for (const client of clients.slice(0, 2)) await closed(client);
    for (const client of clients.slice(2)) expect(await client.call()).toBe(true);
  }

  it("that two addresses of the server have from one port of a caller are each counted until they end", async () => {
    const from = await open({ host: "0.0.0.0", connections: { perNetworkMax: 3 } });
    for (let n = 0; n < 3; n += 1) await connectTwiceFromOnePort(Number(new URL(url).port));
    await expectCapOf(3, from);
  });

  it("that were reset before they were accepted count for nothing", async () => {
    const from = await open({ connections: { connectionsMax: 8 } });
    await resetBeforeAccept(Number(new URL(url).port), 20);
    // Half of all, from which on a network makes room for itself.
    await expectCapOf(4, async () => await from("127.0.0.2"));
    expect(dropped).toEqual(["idle", "idle"]);
  });
});

describe("a connection with the ends of an older one", () => {
  it("takes its place in the count, when the older one's close was not seen yet", () => {
    const dropped: Dropped[] = [];
    const listener = createServer();
    const limits = { networkOf: () => "a network", onDropped: (why: Dropped) => dropped.push(why), perNetworkMax: 2 };
    const { sockets } = limitConnections(listener, limits);
    const ends = { remoteAddress: "192.0.2.1", remotePort: 5000, localAddress: "192.0.2.9", localPort: 443 };
    const accept = (more: Partial<typeof ends>): Socket => {
      const socket = Object.defineProperties(
        new Socket(),
        Object.fromEntries(Object.entries({ ...ends, ...more }).map(([name, value]) => [name, { value }])),
      );
      listener.emit("connection", socket);
      return socket;
    };
    const older = accept({});
    const newer = accept({});
    const other = accept({ remotePort: 5001 });
    expect([older.destroyed, newer.destroyed, other.destroyed]).toEqual([true, false, false]);
    expect(dropped).toEqual([]);
    accept({ remotePort: 5002 });
    expect([newer.destroyed, other.destroyed]).toEqual([true, false]);
    expect(dropped).toEqual(["idle"]);
    for (const socket of sockets) socket.destroy();
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
