import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthService, RevokeTokenRequestSchema, SendOtpRequestSchema } from "../../../src/gen/latchkey/v1/auth_service_pb.js";
import type { Caller } from "../../../src/model/caller.js";
import { toChallenge } from "../../../src/rpc/convert/challenge.js";
import { challenge, createFakeApp, type DoorSettings, type Doors, type FakeApp, openDoors } from "../../support/rpc.js";
import { failureOf } from "../callers.js";
import { deferred, frame, rawGrpc } from "../raw.js";
import { ownDoors, ownSession } from "./own.js";

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

const session = (address = doors.grpcAddress) => ownSession(address);

describe("what arrives on the gRPC door", () => {
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
    const { app, doors } = await ownDoors();
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
    const { app, caller } = await ownDoors();
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
    const { app, caller } = await ownDoors();
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
    const { app, caller } = await ownDoors(settings);
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
