import { create, type JsonObject } from "@bufbuild/protobuf";
import { expect, it, vi } from "vitest";
import { RegisterUserRequestSchema } from "../../../src/gen/latchkey/v1/auth_service_pb.js";
import type { Caller } from "../../../src/model/caller.js";
import { createAuthService } from "../../../src/rpc/services/auth-service.js";
import { createFakeApp } from "../../support/rpc.js";

it("custom attributes out of their bounds are refused before the request of an idempotency key is put in order", async () => {
  const { registerUser } = createAuthService(createFakeApp().deps).forClients;
  const lookedAt = vi.fn(Reflect.ownKeys);
  const customAttributes = {
    ...Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`key ${n}`, null])),
    last: new Proxy({}, { ownKeys: lookedAt }),
  } as JsonObject;
  const request = create(RegisterUserRequestSchema, { email: "a@example.com", idempotencyKey: "0123456789abcdef" });
  request.customAttributes = customAttributes;
  await expect(registerUser!({} as Caller, request)).rejects.toThrow("must not have more than 64 keys");
  expect(lookedAt).not.toHaveBeenCalled();
});
