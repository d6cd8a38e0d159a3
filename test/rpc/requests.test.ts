import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it, vi } from "vitest";
import {
  SendOtpRequestSchema,
  UpdateCurrentUserRequestSchema,
  VerifyOtpRequestSchema,
} from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { createRequestReader } from "../../src/rpc/requests.js";

const reader = createRequestReader();
reader.warm(VerifyOtpRequestSchema);

describe("reading requests", () => {
  it.each([["0".repeat(60_000).concat("x")], ["-".repeat(60_000)]])(
    "J14: no pattern is tried on a code of 60,000 characters, which is refused",
    (code) => {
      const request = create(VerifyOtpRequestSchema, { challengeId: "a", code });
      const tried = vi.spyOn(RegExp.prototype, "test");
      expect(() => reader.read(VerifyOtpRequestSchema, request)).toThrow("code: ");
      const longest = Math.max(0, ...tried.mock.calls.map(([text]) => text.length));
      tried.mockRestore();
      expect(longest).toBeLessThanOrEqual(512);
    },
  );

  it("J06: fields that are not ours are dropped", () => {
    const known = toBinary(VerifyOtpRequestSchema, create(VerifyOtpRequestSchema, { challengeId: "a", code: "123456" }));
    const message = reader.read(VerifyOtpRequestSchema, Buffer.concat([known, Buffer.from([0xfa, 0x3f, 1, 0x61])]));
    expect(message.$unknown).toBeUndefined();
  });

  it("says what is wrong with each field, without the patterns", () => {
    const request = create(SendOtpRequestSchema, { identifier: { case: "email", value: "a\nb" }, locale: "?" });
    expect(() => reader.read(SendOtpRequestSchema, request)).toThrow(
      expect.objectContaining({
        reason: "REQUEST_INVALID",
        violations: [
          { field: "email", description: "has characters or a form that is not allowed" },
          { field: "locale", description: "has characters or a form that is not allowed" },
        ],
      }),
    );
  });

  it.each([{ paths: [] }, { paths: ["state"] }, { paths: ["user_id", "locale"] }])(
    "an update mask of $paths is refused",
    ({ paths }) => {
      const request = create(UpdateCurrentUserRequestSchema, { updateMask: { paths } });
      expect(() => reader.read(UpdateCurrentUserRequestSchema, request)).toThrow("update_mask");
    },
  );
});
