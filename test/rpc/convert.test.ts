import { create, type JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { RegisterUserRequestSchema } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { ErrorReason } from "../../src/gen/latchkey/v1/error_reason_pb.js";
import { toChallenge } from "../../src/rpc/convert/challenge.js";
import { toIdempotency } from "../../src/rpc/convert/idempotency.js";
import { toUser } from "../../src/rpc/convert/user.js";
import { wireError, wireErrors } from "../../src/rpc/errors.js";
import { challenge, user } from "../support/rpc.js";

const key = "0123456789abcdef";

function idempotency(customAttributes: JsonObject, idempotencyKey = key) {
  const request = create(RegisterUserRequestSchema, { email: "a@example.com", customAttributes, idempotencyKey });
  return toIdempotency(RegisterUserRequestSchema, request);
}

describe("idempotency", () => {
  it("is of the request, whatever the key and the order of its objects", () => {
    const one = idempotency({ a: 1, b: { c: [{ e: 1, d: 2 }], "10": null, "9": true } });
    const other = idempotency({ b: { "9": true, "10": null, c: [{ d: 2, e: 1 }] }, a: 1 }, "another-key-of-16");
    expect(other?.request).toEqual(one?.request);
    expect([one?.key, other?.key]).toEqual([key, "another-key-of-16"]);
    expect(Buffer.from(one?.request ?? []).includes(key)).toBe(false);
  });

  it("tells requests apart", () => {
    expect(idempotency({ a: 1 })?.request).not.toEqual(idempotency({ a: 2 })?.request);
    expect(idempotency({ a: [1, 2] })?.request).not.toEqual(idempotency({ a: [2, 1] })?.request);
  });

  it("is none without a key, and leaves the request alone", () => {
    expect(idempotency({}, "")).toBeNull();
    const request = create(RegisterUserRequestSchema, { email: "a@example.com", idempotencyKey: key });
    toIdempotency(RegisterUserRequestSchema, request);
    expect(request.idempotencyKey).toBe(key);
  });
});

describe("results", () => {
  it("a challenge says how many sends are left, never fewer than none", () => {
    expect(toChallenge(challenge)).toMatchObject({ sendsLeft: 4, alphabet: 1, channel: 1 });
    expect(toChallenge({ ...challenge, sends: 6 })).toMatchObject({ sendsLeft: 0 });
  });

  it("a user has their attributes as an object, or not at all", () => {
    expect(toUser(user)).toMatchObject({ customAttributes: { plan: { seats: 3 } }, username: "ada", number: 7n, roles: [] });
    expect(toUser({ ...user, customAttributes: "", username: null })).toMatchObject({
      customAttributes: undefined,
      username: "",
    });
  });
});

describe("errors", () => {
  it("every reason of the proto has its wire code under its own name", () => {
    const names = Object.keys(ErrorReason).filter((name) => Number.isNaN(Number(name)) && name !== "UNSPECIFIED");
    expect(Object.keys(wireErrors).sort()).toEqual(names.sort());
    for (const [name, [, reason]] of Object.entries(wireErrors)) expect(ErrorReason[reason]).toBe(name);
  });

  it("no message has a character that clients decode in different ways", () => {
    for (const reason of Object.keys(wireErrors) as (keyof typeof wireErrors)[]) {
      const { rawMessage } = wireError(reason, { metadata: { correlation_id: "0190a000-0000-7000-8000-000000000001" } });
      expect(decodeURI(encodeURIComponent(rawMessage))).toBe(rawMessage);
    }
  });

  it("a wait is whole seconds as a header, and never none", () => {
    const header = (retryAfterMs: number) => wireError("TOO_MANY_REQUESTS", { retryAfterMs }).metadata.get("retry-after");
    expect([header(0), header(1), header(1000), header(1001), header(-5)]).toEqual(["1", "1", "1", "2", "1"]);
  });

  it.each([
    [0, "1 second"],
    [26_001, "27 seconds"],
    [119_000, "119 seconds"],
    [120_001, "3 minutes"],
    [13.5 * 60_000, "14 minutes"],
    [180 * 60_000, "3 hours"],
    [181 * 60_000, "4 hours"],
  ])("a wait of %d ms is %j in the message, never less than it is", (retryAfterMs, wait) => {
    expect(wireError("TOO_MANY_REQUESTS", { retryAfterMs }).rawMessage).toBe(`Too many requests. Try again in ${wait}.`);
  });

  it("refusals for load and outages say in their messages when to try again, by default in a second", () => {
    expect([wireError("OVERLOADED").rawMessage, wireError("UNAVAILABLE", { retryAfterMs: 5000 }).rawMessage]).toEqual([
      "The server is busy. Try again in 1 second.",
      "The server can't answer right now. Try again in 5 seconds.",
    ]);
  });
});
