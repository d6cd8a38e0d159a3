import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it, vi } from "vitest";
import type { AuthError } from "../../src/auth/errors.js";
import {
  RegisterUserRequestSchema,
  RegisterUserResponseSchema,
  SendOtpRequestSchema,
  UpdateCurrentUserRequestSchema,
  VerifyOtpRequestSchema,
} from "../../src/gen/latchkey/v1/auth_service_pb.js";
import type { RawRequest } from "../../src/rpc/raw-request.js";
import { createRequestReader } from "../../src/rpc/requests.js";

const reader = createRequestReader();
for (const schema of [VerifyOtpRequestSchema, RegisterUserRequestSchema]) reader.warm(schema);

function encode<D extends DescMessage>(schema: D, message: MessageInitShape<D>): RawRequest {
  return { format: "binary", bytes: toBinary(schema, create(schema, message)) };
}

describe("reading requests", () => {
  it.each([["0".repeat(8_000).concat("x")], ["-".repeat(8_000)]])(
    "J14: no pattern is tried on a code of 8,000 characters, which is refused",
    (code) => {
      const request = encode(VerifyOtpRequestSchema, { challengeId: "a", code });
      const tried = vi.spyOn(RegExp.prototype, "test");
      expect(() => reader.read(VerifyOtpRequestSchema, request)).toThrow("code: ");
      const longest = Math.max(0, ...tried.mock.calls.map(([text]) => text.length));
      tried.mockRestore();
      expect(longest).toBeLessThanOrEqual(4_096);
    },
  );

  it("a list that is too long is refused for its length alone, and its items are not checked", () => {
    const request = encode(RegisterUserRequestSchema, { verificationSources: Array(600).fill(0) });
    expect(() => reader.read(RegisterUserRequestSchema, request)).toThrow(
      expect.objectContaining({
        reason: "REQUEST_INVALID",
        violations: [{ field: "verification_sources", description: "must have at most 2 items" }],
      }),
    );
  });

  it("at most ten violations are reported", () => {
    const bad = "\n".repeat(300);
    const texts = { username: bad, email: bad, phone: bad, displayName: bad, locale: bad, idempotencyKey: bad };
    const request = encode(RegisterUserRequestSchema, { ...texts, verificationSources: [77, 77] as never });
    let violations = 0;
    try {
      reader.read(RegisterUserRequestSchema, request);
    } catch (error) {
      violations = (error as AuthError).violations.length;
    }
    expect(violations).toBe(10);
  });

  it("a request with a list must declare how many items it may have", () => {
    expect(() => reader.warm(RegisterUserResponseSchema)).toThrow("RegisterUserResponse.challenges declares no max_items");
  });

  it("J06: fields that are not ours are dropped", () => {
    const known = toBinary(VerifyOtpRequestSchema, create(VerifyOtpRequestSchema, { challengeId: "a", code: "123456" }));
    const bytes = Buffer.concat([known, Buffer.from([0xfa, 0x3f, 1, 0x61])]);
    const message = reader.read(VerifyOtpRequestSchema, { format: "binary", bytes });
    expect(message.$unknown).toBeUndefined();
  });

  it("says what is wrong with each field, without the patterns", () => {
    const request = encode(SendOtpRequestSchema, { identifier: { case: "email", value: "a\nb" }, locale: "?" });
    expect(() => reader.read(SendOtpRequestSchema, request)).toThrow(
      expect.objectContaining({
        reason: "REQUEST_INVALID",
        violations: [
          { field: "email", description: "has characters or a form that is not allowed: see this field in the API reference" },
          { field: "locale", description: "has characters or a form that is not allowed: see this field in the API reference" },
        ],
      }),
    );
  });

  it("names what is missing in words that follow the name of the field", () => {
    const violationsOf = (schema: DescMessage) => {
      try {
        reader.read(schema, encode(schema, {}));
      } catch (error) {
        return (error as AuthError).violations;
      }
      throw new Error("the request was accepted");
    };
    expect(violationsOf(SendOtpRequestSchema)).toEqual([
      { field: "identifier", description: "give exactly one of email, phone, username, user_id, challenge_id" },
    ]);
    expect(violationsOf(UpdateCurrentUserRequestSchema)).toEqual([{ field: "update_mask", description: "is required" }]);
    expect(violationsOf(VerifyOtpRequestSchema)[0]).toEqual({ field: "code", description: "must not be empty" });
  });

  it.each([{ paths: [] }, { paths: ["state"] }, { paths: ["user_id", "locale"] }])(
    "an update mask of $paths is refused",
    ({ paths }) => {
      const request = encode(UpdateCurrentUserRequestSchema, { updateMask: { paths } });
      expect(() => reader.read(UpdateCurrentUserRequestSchema, request)).toThrow("update_mask");
    },
  );
});
