import { describe, expect, it, onTestFinished } from "vitest";
import { AuthError } from "../../src/auth/errors.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { StoreUnavailableError } from "../../src/store/port/errors.js";
import { createFakeApp, openDoors } from "../support/rpc.js";
import { callers, type Failure, failureOf } from "./callers.js";
import { describeTransports } from "./transports.js";

const { sendOtp } = AuthService.method;
const request = { identifier: { case: "email" as const, value: "ada@example.com" } };

describe("both doors", () => {
  describeTransports(async () => {
    const doors = await openDoors(createFakeApp());
    return { ...doors, codeSentTo: async () => "123456" };
  }, callers);
});

describe.each(Object.entries(callers))("errors over %s", (_name, connect) => {
  async function failWith(error: unknown) {
    const app = createFakeApp();
    app.sendOtp = async () => {
      throw error;
    };
    const doors = await openDoors(app);
    const caller = connect(doors);
    onTestFinished(async () => {
      caller.close();
      await doors.stop();
    });
    return { failure: await failureOf(caller.call(sendOtp, request)), app };
  }

  it("a cooldown says how long to wait, to the millisecond and as a header in whole seconds", async () => {
    const { failure } = await failWith(new AuthError("TOO_MANY_REQUESTS", { retryAfterMs: 29_001, detail: "cooldown of ada" }));
    expect(failure).toMatchObject({ code: 8, reason: "TOO_MANY_REQUESTS", retryAfterMs: 29_001, retryAfterHeader: "30" });
    expect(failure.message).not.toContain("ada");
  });

  it("a store that does not answer is unavailable for a second", async () => {
    const { failure } = await failWith(new StoreUnavailableError("disk is full: /var/lib"));
    expect(failure).toMatchObject({ code: 14, reason: "UNAVAILABLE", retryAfterMs: 1000, retryAfterHeader: "1" });
    expect(failure.message).not.toContain("disk");
  });

  it("metadata and field violations reach the caller", async () => {
    const violations = [{ field: "email", description: "is not an address" }];
    const { failure } = await failWith(new AuthError("REQUEST_INVALID", { violations, metadata: { hint: "h" } }));
    expect(failure).toMatchObject({ code: 3, reason: "REQUEST_INVALID", fields: ["email"], metadata: { hint: "h" } });
  });

  it("anything unforeseen is an internal error with the id that the log has it under, once", async () => {
    const { failure, app } = await failWith(new Error("SELECT code FROM secrets", { cause: new Error("socket") }));
    const { correlation_id: id } = failure.metadata;
    const message = `The server failed unexpectedly. Try again later. If it keeps failing tell the operator this id ${id}.`;
    expect(failure).toMatchObject<Partial<Failure>>({ code: 13, reason: "INTERNAL", message, fields: [] });
    const errors = app.lines.filter(({ level }) => level === "error");
    expect(errors).toHaveLength(1);
    expect(errors[0]?.fields.correlationId).toBe(id);
    const logged = errors[0]?.fields.error as Error;
    expect([logged.message, (logged.cause as Error).message]).toEqual(["SELECT code FROM secrets", "socket"]);
  });
});
