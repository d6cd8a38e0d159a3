import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { credentials, Metadata, Server, ServerCredentials, type sendUnaryData, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGrpcClient, errorDetails, type GrpcClient, grpcServiceDefinition } from "../../src/client/grpc.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";
import { AuthService, SendOtpResponseSchema } from "../../src/gen/latchkey/v1/auth_service_pb.js";

type Handler = (call: { request: unknown; metadata: Metadata }, reply: sendUnaryData<unknown>) => void;

const handlers: Record<string, Handler> = {
  sendOtp(call, reply) {
    const challengeId = `${call.metadata.get("x-latchkey-client").join()} ${JSON.stringify(call.request)}`;
    reply(null, create(SendOtpResponseSchema, { challenge: { challengeId } }));
  },
  verifyOtp(_call, reply) {
    const details = [
      anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "TOO_MANY_REQUESTS", domain: "latchkey" })),
      anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 500_000_000 } })),
      anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: [{ field: "code", description: "again" }] })),
    ];
    refuse(reply, Buffer.from(toBinary(StatusSchema, create(StatusSchema, { code: 8, message: "no", details }))));
  },
  refreshToken: (_call, reply) => refuse(reply, Buffer.from([255, 255])),
  // Never answers.
  getCurrentUser() {},
};

function refuse(reply: sendUnaryData<unknown>, statusBytes: Buffer): void {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", statusBytes);
  reply({ code: status.RESOURCE_EXHAUSTED, details: "no", metadata });
}

const server = new Server();
let client: GrpcClient;

beforeAll(async () => {
  server.addService(grpcServiceDefinition(AuthService), handlers as never);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  client = createGrpcClient(`127.0.0.1:${port}`, credentials.createInsecure(), { clientId: "backend" });
});

afterAll(() => {
  client.close();
  server.forceShutdown();
});

const failureOf = (call: Promise<unknown>): Promise<Error & { code?: number }> =>
  call.then(
    () => expect.unreachable(),
    (error: Error) => error,
  );

describe("createGrpcClient", () => {
  it("calls with typed messages and names the client", async () => {
    const { challenge } = await client.sendOtp({ identifier: { case: "email", value: "ada@example.com" } });
    expect(challenge?.challengeId).toContain('backend {"$typeName":"latchkey.v1.SendOtpRequest"');
    expect(challenge?.challengeId).toContain("ada@example.com");
  });

  it("leaves a client that the call names alone, and the caller's metadata unchanged", async () => {
    const metadata = new Metadata();
    metadata.set("x-latchkey-client", "other");
    const { challenge } = await client.sendOtp({}, { metadata });
    expect(challenge?.challengeId).toMatch(/^other /);
    const empty = new Metadata();
    await client.sendOtp({}, { metadata: empty });
    expect(empty.getMap()).toEqual({});
  });

  it("ends at its deadline and when it is cancelled", async () => {
    expect((await failureOf(client.getCurrentUser({}, { timeoutMs: 20 }))).code).toBe(status.DEADLINE_EXCEEDED);
    const abort = new AbortController();
    const call = failureOf(client.getCurrentUser({}, { signal: abort.signal }));
    abort.abort();
    expect((await call).code).toBe(status.CANCELLED);
    expect((await failureOf(client.getCurrentUser({}, { signal: abort.signal }))).code).toBe(status.CANCELLED);
  });
});

describe("errorDetails", () => {
  const nothing = { reason: null, retryAfterMs: null, fieldViolations: [], metadata: {} };

  it("reads grpc-status-details-bin", async () => {
    const error = await failureOf(client.verifyOtp({ challengeId: "x", code: "1" }));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(errorDetails(error)).toEqual({
      reason: "TOO_MANY_REQUESTS",
      retryAfterMs: 1500,
      fieldViolations: [{ field: "code", description: "again" }],
      metadata: {},
    });
  });

  it("knows nothing of methods that the server lacks, of damaged details and of other errors", async () => {
    expect(errorDetails(await failureOf(client.revokeToken({ token: "x" })))).toEqual(nothing);
    expect(errorDetails(await failureOf(client.refreshToken({ refreshToken: "x" })))).toEqual(nothing);
    expect(errorDetails(new Error("x"))).toEqual(nothing);
  });
});
