import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { createLatchkeyClient, memoryTokenStore } from "../../src/client/index.js";
import { wireError } from "../../src/rpc/errors.js";
import { createFakeAuthService } from "./support/fake-auth-service.js";
import { createFakeClock } from "./support/fake-clock.js";
import { type Fault, withFaults } from "./support/faults.js";

const verify = { challengeId: "challenge-1", code: "123456" };

function setUp(...faults: Fault[]) {
  const clock = createFakeClock();
  const service = createFakeAuthService(clock);
  const keys: string[] = [];
  const watched = withFaults(service.transport, () => faults.shift() ?? "none");
  const transport: typeof watched = {
    ...watched,
    unary(method, signal, timeoutMs, header, input, contextValues) {
      keys.push((input as { idempotencyKey?: string }).idempotencyKey ?? "");
      return watched.unary(method, signal, timeoutMs, header, input, contextValues);
    },
  };
  const client = createLatchkeyClient({ baseUrl: "https://auth.test", transport, clock, tokenStore: memoryTokenStore() });
  return { clock, client, keys };
}

describe("idempotency keys", () => {
  it("are given to requests without one, anew for each", async () => {
    const { client, keys } = setUp();
    await client.auth.sendOtp({ identifier: { case: "email", value: "ada@example.com" } });
    await client.auth.sendOtp({ identifier: { case: "email", value: "ada@example.com" } });
    await client.auth.verifyOtp(verify);
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(new Set(keys).size).toBe(3);
  });

  it("are left as the caller made them", async () => {
    const { client, keys } = setUp();
    const request = { ...verify, idempotencyKey: "caller-made-key-1" };
    await client.auth.verifyOtp(request);
    expect(keys).toEqual(["caller-made-key-1"]);
  });

  it("are not put into the caller's own message", async () => {
    const { client } = setUp();
    const request = { ...verify };
    await client.auth.verifyOtp(request);
    expect(request).toEqual(verify);
  });

  it.each([
    ["a lost reply", "reply", true],
    ["a lost request", "request", true],
    ["UNAVAILABLE", wireError("UNAVAILABLE"), true],
    ["DEADLINE_EXCEEDED", wireError("DEADLINE_EXCEEDED"), true],
    ["a client's own deadline", new ConnectError("", Code.DeadlineExceeded), true],
    ["CODE_INVALID", wireError("CODE_INVALID"), false],
    ["TOO_MANY_REQUESTS", wireError("TOO_MANY_REQUESTS"), false],
  ] as const)("after %s: the user's repeat has the same key: %s", async (_name, fault, isSame) => {
    const { client, keys } = setUp(fault);
    await expect(client.auth.verifyOtp(verify)).rejects.toBeInstanceOf(ConnectError);
    await client.auth.verifyOtp(verify);
    expect(keys[0] === keys[1]).toBe(isSame);
  });

  it("differ for another code, and after a minute", async () => {
    const { client, clock, keys } = setUp("reply", "reply", "reply");
    await expect(client.auth.verifyOtp(verify)).rejects.toThrow();
    await expect(client.auth.verifyOtp({ ...verify, code: "654321" })).rejects.toThrow();
    clock.advance(60_000);
    await expect(client.auth.verifyOtp(verify)).rejects.toThrow();
    expect(new Set(keys).size).toBe(3);
  });

  it("are one for the same request twice at once", async () => {
    const { client, keys } = setUp();
    await Promise.all([client.auth.verifyOtp(verify), client.auth.verifyOtp(verify)]);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });
});
