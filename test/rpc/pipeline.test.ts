import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { AuthService, SendOtpRequestSchema, type SendOtpResponse } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { type CallContext, callerGone } from "../../src/rpc/call-context.js";
import { toChallenge } from "../../src/rpc/convert/challenge.js";
import { composeService } from "../../src/rpc/pipeline.js";
import { createAuthService } from "../../src/rpc/services/auth-service.js";
import { challenge, createFakeApp, type FakeApp } from "../support/rpc.js";

const message = create(SendOtpRequestSchema, { identifier: { case: "email", value: "a@example.com" } });
const request = { format: "binary", bytes: toBinary(SendOtpRequestSchema, message) } as const;

function context(facts: Partial<CallContext> = {}): CallContext {
  const nothing = {
    door: "grpc" as const,
    authorization: [],
    clientIds: [],
    endUserIps: [],
    cookie: null,
    origin: undefined,
    address: "192.0.2.1",
    userAgent: "",
  };
  return { ...nothing, timeoutMs: Number.POSITIVE_INFINITY, abort: new AbortController(), ...facts };
}

function callOf(app: FakeApp) {
  return app.service.methods.find(({ method }) => method.name === "SendOtp")!.call;
}

async function refusalOf(call: Promise<unknown>): Promise<{ code: Code; reason: string | undefined; error: ConnectError }> {
  const error = await call.then(
    () => Promise.reject(new Error("the call succeeded")),
    (reason: ConnectError) => reason,
  );
  return { code: error.code, reason: error.findDetails(ErrorInfoSchema)[0]?.reason, error };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the pipeline", () => {
  it("takes a request as it was sent, in binary or JSON", async () => {
    const call = callOf(createFakeApp());
    const json = { format: "json", bytes: Buffer.from(toJsonString(SendOtpRequestSchema, message)) } as const;
    for (const given of [request, json]) {
      expect(((await call(context(), given)) as SendOtpResponse).challenge?.sendsLeft).toBe(4);
    }
  });

  it("looks at who calls before it reads the message, and never calls the method of a refused call", async () => {
    const app = createFakeApp();
    app.sendOtp = vi.fn();
    const garbage = { format: "binary", bytes: Buffer.from([0x0a, 0xff]) } as const;
    expect(await refusalOf(callOf(app)(context({ clientIds: ["nobody"] }), garbage))).toMatchObject({
      reason: "CLIENT_UNKNOWN",
    });
    expect(await refusalOf(callOf(app)(context(), garbage))).toMatchObject({
      code: Code.InvalidArgument,
      reason: "REQUEST_INVALID",
    });
    expect(app.sendOtp).not.toHaveBeenCalled();
  });

  it.each([
    { caller: 50, passes: 50 },
    { caller: 10_000, passes: 10_000 },
    { caller: 3_600_000, passes: 10_000 },
    { caller: Number.POSITIVE_INFINITY, passes: 10_000 },
  ])("a caller that waits $caller ms is answered after $passes ms", async ({ caller, passes }) => {
    const app = createFakeApp();
    let signal: AbortSignal | undefined;
    app.sendOtp = (from) => {
      signal = from.signal;
      return new Promise(() => {});
    };
    const refusal = refusalOf(callOf(app)(context({ timeoutMs: caller }), request));
    await vi.advanceTimersByTimeAsync(passes - 1);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await refusal).toMatchObject({ code: Code.DeadlineExceeded, reason: "DEADLINE_EXCEEDED" });
    expect(signal?.reason).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  it.each([0, -1])("a caller that waits %d ms is answered without work", async (timeoutMs) => {
    const app = createFakeApp();
    app.sendOtp = vi.fn();
    expect(await refusalOf(callOf(app)(context({ timeoutMs }), request))).toMatchObject({ code: Code.DeadlineExceeded });
    expect(app.sendOtp).not.toHaveBeenCalled();
  });

  it("leaves no timer behind", async () => {
    await callOf(createFakeApp())(context(), request);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("hands a method the signal of a caller that goes away", async () => {
    const app = createFakeApp();
    app.sendOtp = (from) => new Promise((_, reject) => from.signal.addEventListener("abort", () => reject(from.signal.reason)));
    const abort = new AbortController();
    const refusal = refusalOf(callOf(app)(context({ abort }), request));
    await vi.advanceTimersByTimeAsync(0);
    abort.abort(callerGone);
    expect(await refusal).toMatchObject({ code: Code.Canceled, reason: "CANCELED" });
  });

  it("counts calls until their work ends, and refuses those beyond the bound at once", async () => {
    const app = createFakeApp({ callsMax: 2 });
    const ends: (() => void)[] = [];
    app.sendOtp = () => new Promise((resolve) => ends.push(() => resolve({ challenge: toChallenge(challenge) })));
    const call = callOf(app);
    const late = refusalOf(call(context({ timeoutMs: 5 }), request));
    const other = call(context(), request);
    const { error, ...refusal } = await refusalOf(call(context(), request));
    expect(refusal).toEqual({ code: Code.ResourceExhausted, reason: "OVERLOADED" });
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBe(1n);
    expect(error.metadata.get("retry-after")).toBe("1");
    await vi.advanceTimersByTimeAsync(5);
    expect(await late).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    expect(app.inFlight.count()).toBe(2);
    for (const end of ends) end();
    await other;
    expect(app.inFlight.count()).toBe(0);
  });

  it("tells the log the exact cause of a refusal, and the caller none of it", async () => {
    const app = createFakeApp();
    const { error } = await refusalOf(callOf(app)(context({ authorization: ["Bearer garbage"] }), request));
    expect(app.lines).toMatchObject([
      { level: "debug", fields: { method: "latchkey.v1.AuthService/SendOtp", detail: "not a good access token" } },
    ]);
    expect(JSON.stringify(error.findDetails(ErrorInfoSchema))).not.toContain("not a good");
    expect(error.rawMessage).not.toContain("not a good");
  });

  it("needs a handler for every method, on the side of those who call it", () => {
    const app = createFakeApp();
    const deps = { inFlight: app.inFlight, gate: vi.fn(), log: app.deps.log };
    const { forClients, forUsers, forAnyone } = createAuthService(app.deps);
    const swapped = { forClients: forUsers, forUsers: forClients } as never;
    for (const handlers of [{ forClients: {}, forUsers }, swapped]) {
      expect(() => composeService(deps, AuthService, handlers)).toThrow("RegisterUser is not a unary method with a handler");
    }
    expect(() => composeService(deps, AuthService, { forClients, forAnyone, forUsers: {} })).toThrow("GetCurrentUser is not");
    expect(() => composeService(deps, AuthService, { forClients, forUsers })).toThrow("ReportNotMe is not");
  });
});
