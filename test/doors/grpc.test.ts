import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { promisify } from "node:util";
import { deflateSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Caller } from "../../src/auth/deps.js";
import { AuthService, RevokeTokenRequestSchema, SendOtpRequestSchema } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { toChallenge } from "../../src/rpc/convert.js";
import { challenge, createFakeApp, type DoorSettings, type Doors, type FakeApp, openDoors } from "../support/rpc.js";
import { callers, failureOf } from "./callers.js";
import { deferred, frame, openSession, rawGrpc } from "./raw.js";

const { revokeToken, sendOtp } = AuthService.method;
const revokePath = "/latchkey.v1.AuthService/RevokeToken";
const sendPath = "/latchkey.v1.AuthService/SendOtp";
const revoke = (token: string) => toBinary(RevokeTokenRequestSchema, create(RevokeTokenRequestSchema, { token }));
const sendRequest = { identifier: { case: "email" as const, value: "ada@example.com" } };
const send = toBinary(SendOtpRequestSchema, create(SendOtpRequestSchema, sendRequest));

let app: FakeApp;
let doors: Doors;
beforeAll(async () => {
  app = createFakeApp();
  doors = await openDoors(app);
});
afterAll(async () => await doors.stop());

function session(address = doors.grpcAddress) {
  const opened = openSession(address);
  onTestFinished(() => opened.destroy());
  return opened;
}

async function own(settings: DoorSettings = {}) {
  const ownApp = createFakeApp();
  const ownDoors = await openDoors(ownApp, settings);
  onTestFinished(async () => await ownDoors.stop());
  const caller = callers["gRPC (grpc-js)"]!(ownDoors);
  onTestFinished(() => caller.close());
  return { app: ownApp, doors: ownDoors, caller };
}

describe("what arrives on the gRPC door", () => {
  const bomb = gzipSync(Buffer.alloc(60 * 1024 * 1024));
  const cases = [
    { what: "malformed bytes", body: [frame(Buffer.from([0x0a, 0xff]))], status: "3" },
    { what: "overlong UTF-8", body: [frame(Buffer.from([0x0a, 0x02, 0xc0, 0xaf]))], status: "3" },
    { what: "a length of 4 GiB", body: [frame(Buffer.from([]), { length: 0xffffffff })], status: "8" },
    { what: "a message of 1 MB", body: [frame(revoke("x".repeat(1_000_000)))], status: "8" },
    { what: "no message", body: [], status: "12" },
    { what: "two messages", body: [frame(revoke("a")), frame(revoke("b"))], status: "12" },
    {
      what: "an unknown encoding",
      body: [frame(revoke("a"), { compressed: true })],
      headers: { "grpc-encoding": "zstd" },
      status: "12",
    },
    {
      what: "broken gzip",
      body: [frame(revoke("a"), { compressed: true })],
      headers: { "grpc-encoding": "gzip" },
      status: "13",
    },
    { what: "K02: a gzip bomb", body: [frame(bomb, { compressed: true })], headers: { "grpc-encoding": "gzip" }, status: "8" },
    {
      what: "K02: a deflate bomb",
      body: [frame(deflateSync(Buffer.alloc(50 * 1024 * 1024)), { compressed: true })],
      headers: { "grpc-encoding": "deflate" },
      status: "8",
    },
    { what: "an unknown method", path: "/latchkey.v1.AuthService/None", body: [frame(Buffer.alloc(0))], status: "12" },
    { what: "a method that is not even text", path: "/a%00\u00e9\u00ff", body: [frame(Buffer.alloc(0))], status: "12" },
    { what: "a timeout that is not one", body: [frame(revoke("a"))], headers: { "grpc-timeout": "soon" }, status: "13" },
    { what: "a timeout of a nanosecond", body: [frame(revoke("a"))], headers: { "grpc-timeout": "1n" }, status: "4" },
  ];

  it.each(cases)("$what is answered with status $status", async ({ path, headers, body, status }) => {
    const started = performance.now();
    const answer = await rawGrpc(session(), { path: path ?? revokePath, headers: headers ?? {}, body });
    expect(String(answer.headers["grpc-status"])).toBe(status);
    expect(performance.now() - started).toBeLessThan(1000);
    const alive = await rawGrpc(session(), { path: revokePath, body: [frame(revoke("a"))] });
    expect(String(alive.headers["grpc-status"])).toBe("0");
  });

  it.each(["99999999H", "2592000S", "10000m", "30S"])("K10: a timeout of %s is no reason to refuse", async (timeout) => {
    const headers = { "grpc-timeout": timeout };
    const answer = await rawGrpc(session(), { path: revokePath, headers, body: [frame(revoke("a"))] });
    expect(String(answer.headers["grpc-status"])).toBe("0");
  });

  it("a truncated frame is no message", async () => {
    const answer = await rawGrpc(session(), { path: revokePath, body: [frame(revoke("a")).subarray(0, 6)] });
    expect(String(answer.headers["grpc-status"])).toBe("12");
  });

  it("JSON is refused by its content type", async () => {
    const headers = { "content-type": "application/json" };
    const answer = await rawGrpc(session(), { path: revokePath, headers, body: [Buffer.from("{}")] });
    expect(answer.headers[":status"]).toBe(415);
  });

  it("a passed deadline is told with our details, and aborts the method", async () => {
    const { app, doors } = await own();
    const seen = deferred<unknown>();
    app.sendOtp = (caller: Caller) =>
      new Promise((_, reject) => {
        caller.signal.addEventListener("abort", () => {
          seen.resolve(caller.signal.reason);
          reject(caller.signal.reason);
        });
      });
    const answer = await rawGrpc(session(doors.grpcAddress), {
      path: sendPath,
      headers: { "grpc-timeout": "50m" },
      body: [frame(send)],
    });
    expect(String(answer.headers["grpc-status"])).toBe("4");
    expect(answer.headers["grpc-status-details-bin"]).toBeDefined();
    expect(await seen.promise).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    expect(app.inFlight.count()).toBe(0);
  });

  it("a caller that goes away aborts the method", async () => {
    const { app, caller } = await own();
    const seen = deferred<unknown>();
    const abort = new AbortController();
    app.sendOtp = (from: Caller) =>
      new Promise((_, reject) => {
        from.signal.addEventListener("abort", () => {
          seen.resolve(from.signal.reason);
          reject(from.signal.reason);
        });
        abort.abort();
      });
    expect(await failureOf(caller.call(sendOtp, sendRequest, { signal: abort.signal }))).toMatchObject({ code: 1 });
    expect(await seen.promise).toMatchObject({ reason: "CANCELED" });
  });

  it("an answered call is not aborted afterwards", async () => {
    const { app, caller } = await own();
    let signal: AbortSignal | undefined;
    app.sendOtp = async (from: Caller) => {
      signal = from.signal;
      return { challenge: toChallenge(challenge) };
    };
    await caller.call(sendOtp, sendRequest);
    await caller.call(revokeToken, { token: "t" });
    expect(signal?.aborted).toBe(false);
  });
});

describe("C09: the address of a gRPC caller", () => {
  async function addressSeen(settings: DoorSettings, headers: Record<string, string>): Promise<string> {
    const { app, caller } = await own(settings);
    let address = "";
    app.sendOtp = async (from: Caller) => {
      address = from.address;
      return { challenge: toChallenge(challenge) };
    };
    await caller.call(sendOtp, sendRequest, { headers });
    return address;
  }

  const spoofed = { forwarded: "for=198.51.100.7", "x-real-ip": "198.51.100.7", "cf-connecting-ip": "198.51.100.7" };

  it("is the connection's, whatever the headers say", async () => {
    expect(await addressSeen({}, { "x-forwarded-for": "198.51.100.7", ...spoofed })).toBe("127.0.0.1");
  });

  it("is the right-most hop that is not a trusted proxy, behind one", async () => {
    const settings = { trustedProxies: ["127.0.0.0/8", "10.0.0.0/8"] };
    expect(await addressSeen(settings, { "x-forwarded-for": "203.0.113.1, ::ffff:198.51.100.7, 10.1.2.3", ...spoofed })).toBe(
      "198.51.100.7",
    );
  });
});

describe("health and reflection", () => {
  it("health says SERVING for the server and its service until the door drains", async () => {
    const { doors } = await own();
    const client = new Client(doors.grpcAddress, credentials.createInsecure());
    onTestFinished(() => client.close());
    const check = healthService.Check!;
    const ask = (service: string) =>
      new Promise((resolve) => {
        client.makeUnaryRequest(check.path, check.requestSerialize, check.responseDeserialize, { service }, (error, answer) =>
          resolve(error === null ? answer : (error as ServiceError).code),
        );
      });
    expect(await ask("")).toMatchObject({ status: "SERVING" });
    expect(await ask("latchkey.v1.AuthService")).toMatchObject({ status: "SERVING" });
    expect(await ask("other")).toBe(5);
    doors.grpc.setServing(false);
    expect(await ask("")).toMatchObject({ status: "NOT_SERVING" });
  });

  it.each(["v1", "v1alpha"])("M06: reflection %s is there only when it is wanted", async (version) => {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const listServices = frame(Buffer.from([0x3a, 0x01, 0x2a]));
    const listed = await rawGrpc(session(), { path, body: [listServices] });
    expect(String(listed.headers["grpc-status"])).toBe("0");
    expect(listed.body.toString("latin1")).toContain("latchkey.v1.AuthService");
    const { doors } = await own({ reflection: false });
    const hidden = await rawGrpc(session(doors.grpcAddress), { path, body: [listServices] });
    expect(String(hidden.headers["grpc-status"])).toBe("12");
  });

  const grpcurl = promisify(execFile);
  const installed = spawnSync("grpcurl", ["-version"]).status === 0;

  it.runIf(installed)("grpcurl lists, describes with access rules, calls and names error details", async () => {
    const run = async (...args: string[]) =>
      await grpcurl("grpcurl", ["-plaintext", ...args]).then(
        ({ stdout }) => stdout,
        (error: { stderr: string }) => error.stderr,
      );
    expect(await run(doors.grpcAddress, "list")).toBe("grpc.health.v1.Health\nlatchkey.v1.AuthService\n");
    const described = await run(doors.grpcAddress, "describe", "latchkey.v1.AuthService.DeleteCurrentUser");
    expect(described).toContain("option (.latchkey.v1.access) = { caller: CALLER_USER, recent: true }");
    expect(await run("-d", '{"email":"ada@example.com"}', doors.grpcAddress, "latchkey.v1.AuthService/SendOtp")).toContain(
      "maskedDestination",
    );
    expect(await run("-d", '{"email":""}', doors.grpcAddress, "latchkey.v1.AuthService/SendOtp")).toContain(
      '"reason": "REQUEST_INVALID"',
    );
    expect(await run(doors.grpcAddress, "grpc.health.v1.Health/Check")).toContain("SERVING");
  });
});

describe("the end of the gRPC door", () => {
  it("lets a running call end, takes no new connection, and does not wait for those who watch health", async () => {
    const { app, doors, caller } = await own();
    const entered = deferred();
    const release = deferred();
    app.sendOtp = async () => {
      entered.resolve();
      await release.promise;
      return { challenge: toChallenge(challenge) };
    };
    const client = new Client(doors.grpcAddress, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
    const watch = healthService.Watch!;
    const watching = client.makeServerStreamRequest(watch.path, watch.requestSerialize, watch.responseDeserialize, {
      service: "",
    });
    watching.on("error", () => {});
    const heard: unknown[] = [];
    watching.on("data", (status) => heard.push(status));
    await once(watching, "data");

    const call = caller.call(sendOtp, sendRequest);
    await entered.promise;
    const started = performance.now();
    const drained = doors.grpc.drain(10_000);
    const late = createConnection(Number(doors.grpcAddress.split(":")[1]), "127.0.0.1");
    expect(await once(late, "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
    release.resolve();
    expect((await call).challenge?.challengeId).toBe(challenge.challengeId);
    await drained;
    client.close();
    expect(performance.now() - started).toBeLessThan(2000);
    expect(heard).toContainEqual({ status: "NOT_SERVING" });
  });

  it("ends calls that take longer than it is given", async () => {
    const { app, doors, caller } = await own();
    const entered = deferred();
    app.sendOtp = async () => {
      entered.resolve();
      return await new Promise(() => {});
    };
    const call = failureOf(caller.call(sendOtp, sendRequest));
    await entered.promise;
    await doors.grpc.drain(50);
    expect([1, 14]).toContain((await call).code);
  });
});
