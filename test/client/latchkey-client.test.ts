import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it, vi } from "vitest";
import { createLatchkeyClient, errorDetails, memoryTokenStore, type SessionChange } from "../../src/client/index.js";
import { Purpose } from "../../src/gen/client/latchkey/v1/challenge_pb.js";
import { wireError } from "../../src/rpc/errors.js";
import { accessTtlMs, createFakeAuthService } from "./support/fake-auth-service.js";
import { createFakeClock } from "./support/fake-clock.js";
import { type Fault, withFaults } from "./support/faults.js";

const baseUrl = "https://auth.test";
const never = (): Fault => "none";

function setUp(fault: (method: string) => Fault = never) {
  const clock = createFakeClock();
  const service = createFakeAuthService(clock);
  const tokenStore = memoryTokenStore();
  const transport = withFaults(service.transport, fault);
  const client = createLatchkeyClient({ baseUrl, clientId: "web", tokenStore, transport, clock, sleep: async () => {} });
  const changes: SessionChange[] = [];
  client.onChange((change) => changes.push(change));
  const signIn = () => client.auth.verifyOtp({ challengeId: "challenge-1", code: "123456" });
  return { clock, service, tokenStore, client, changes, signIn };
}

const reasonOf = async (call: Promise<unknown>) =>
  errorDetails(
    await call.then(
      () => null,
      (error: unknown) => error,
    ),
  ).reason;

describe("signing in", () => {
  it("keeps the tokens, calls as the user and names the client in every call", async () => {
    const { client, service, signIn, changes } = setUp();
    expect(await client.session()).toBeNull();
    expect(await client.getAccessToken()).toBeNull();
    await signIn();
    expect(await client.session()).toMatchObject({ sessionId: "session-1", userId: "user-1" });
    expect((await client.auth.getCurrentUser({})).user?.userId).toBe("session-1");
    expect(await client.getAccessToken()).toBe("access-1");
    expect(service.calls.map(({ headers }) => headers.get("x-latchkey-client"))).toEqual(["web", "web"]);
    expect(service.callsOf("verifyOtp")[0]?.headers.has("authorization")).toBe(false);
    expect(changes).toEqual([{ kind: "signed-in", reason: null, session: await client.session() }]);
  });

  it("sends the token with the code of a contact change, and with no other code", async () => {
    const { client, service, signIn } = setUp();
    await signIn();
    const purposes = [Purpose.CHANGE_CONTACT, Purpose.LOGIN, Purpose.UNSPECIFIED];
    for (const expectedPurpose of purposes) {
      await reasonOf(client.auth.verifyOtp({ challengeId: "challenge-1", code: "000000", expectedPurpose }));
    }
    const sent = service.callsOf("verifyOtp").map(({ headers }) => headers.get("authorization"));
    expect(sent).toEqual([null, "Bearer access-1", null, null]);
  });

  it("keeps nothing of a refused code", async () => {
    const { client, changes } = setUp();
    expect(await reasonOf(client.auth.verifyOtp({ challengeId: "challenge-1", code: "000000" }))).toBe("CODE_INVALID");
    expect(await client.session()).toBeNull();
    expect(changes).toEqual([]);
  });

  it("leaves a caller's own authorization and client alone", async () => {
    const { client, service, signIn } = setUp();
    await signIn();
    const headers = { authorization: "Bearer other", "x-latchkey-client": "other" };
    expect(await reasonOf(client.auth.getCurrentUser({}, { headers }))).toBe("TOKEN_INVALID");
    expect(Object.fromEntries(service.callsOf("getCurrentUser")[0]?.headers ?? [])).toMatchObject(headers);
    expect(service.callsOf("refreshToken")).toHaveLength(0);
  });

  it("has no refreshToken, which would look like theft", () => {
    expect(setUp().client.auth).not.toHaveProperty("refreshToken");
  });

  it("calls without a token when nobody is signed in, and does not renew", async () => {
    const { client, service } = setUp();
    expect(await reasonOf(client.auth.getCurrentUser({}))).toBe("TOKEN_INVALID");
    expect(service.calls.map(({ method }) => method)).toEqual(["getCurrentUser"]);
    expect(service.calls[0]?.headers.has("authorization")).toBe(false);
  });
});

describe("renewing", () => {
  it("does nothing before the last minute of an access token", async () => {
    const { client, clock, service, signIn } = setUp();
    await signIn();
    clock.advance(accessTtlMs - 61_000);
    expect(await client.getAccessToken()).toBe("access-1");
    expect(service.callsOf("refreshToken")).toHaveLength(0);
  });

  it("renews in the background during the last minute", async () => {
    const { client, clock, service, signIn, changes } = setUp();
    await signIn();
    clock.advance(accessTtlMs - 30_000);
    expect(await client.getAccessToken()).toBe("access-1");
    await vi.waitFor(() => expect(changes.map(({ kind }) => kind)).toEqual(["signed-in", "renewed"]));
    expect(await client.getAccessToken()).toBe("access-2");
    expect(service.callsOf("refreshToken")).toHaveLength(1);
  });

  it.each([
    ["in the last 10 s", accessTtlMs - 10_000],
    ["after expiry", accessTtlMs + 1],
    ["when the clock was set back", -3_600_000],
  ])("renews first %s", async (_name, ms) => {
    const { client, clock, service, signIn } = setUp();
    await signIn();
    clock.advance(ms);
    expect(await client.getAccessToken()).toBe("access-2");
    await client.auth.getCurrentUser({});
    expect(service.callsOf("getCurrentUser")[0]?.headers.get("authorization")).toBe("Bearer access-2");
    expect(service.callsOf("refreshToken")).toHaveLength(1);
  });

  it("makes one RefreshToken call for 20 calls at once", async () => {
    const { client, clock, service, signIn } = setUp();
    await signIn();
    clock.advance(accessTtlMs);
    await Promise.all(Array.from({ length: 20 }, () => client.auth.getCurrentUser({})));
    expect(service.callsOf("getCurrentUser")).toHaveLength(20);
    expect(service.callsOf("refreshToken")).toHaveLength(1);
  });

  it("makes one RefreshToken call for 20 calls answered TOKEN_INVALID, and repeats each once", async () => {
    const { client, service, signIn } = setUp();
    await signIn();
    service.rejectAccessTokens();
    await Promise.all(Array.from({ length: 20 }, () => client.auth.getCurrentUser({})));
    expect(service.callsOf("getCurrentUser")).toHaveLength(40);
    expect(service.callsOf("refreshToken")).toHaveLength(1);
  });

  it("repeats a call once and then gives TOKEN_INVALID to the caller", async () => {
    let answered = 0;
    const { client, service, signIn } = setUp((method) => {
      if (method !== "getCurrentUser") return "none";
      answered += 1;
      return wireError("TOKEN_INVALID");
    });
    await signIn();
    expect(await reasonOf(client.auth.getCurrentUser({}))).toBe("TOKEN_INVALID");
    expect(answered).toBe(2);
    expect(service.callsOf("refreshToken")).toHaveLength(1);
    expect(await client.session()).not.toBeNull();
  });

  it("renews the token that an app's own backend refused, and only that one", async () => {
    const { client, service, signIn } = setUp();
    await signIn();
    expect(await client.getAccessToken({ refused: "access-1" })).toBe("access-2");
    expect(await client.getAccessToken({ refused: "access-1" })).toBe("access-2");
    expect(service.callsOf("refreshToken")).toHaveLength(1);
  });

  it("uses a token to its end when the server can't be reached", async () => {
    const { client, clock, signIn } = setUp((method) => (method === "refreshToken" ? "request" : "none"));
    await signIn();
    clock.advance(accessTtlMs - 5000);
    expect(await client.getAccessToken()).toBe("access-1");
    clock.advance(5000);
    await expect(client.getAccessToken()).rejects.toThrow("Failed to fetch");
    expect(await client.session()).not.toBeNull();
  });

  it("tries four times in all for 20 calls at once when the server can't be reached", async () => {
    let asked = 0;
    const { client, clock, signIn } = setUp((method) => {
      if (method !== "refreshToken") return "none";
      asked += 1;
      return "request";
    });
    await signIn();
    clock.advance(accessTtlMs);
    const calls = await Promise.allSettled(Array.from({ length: 20 }, () => client.auth.getCurrentUser({})));
    expect(new Set(calls.map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect(asked).toBe(4);
  });

  it("tries again later, with the same token and key, when the process that was asked lacks the token's key: that is no sign-out", async () => {
    const asked: unknown[] = [];
    let lacking = true;
    const { client, clock, service, changes, signIn } = setUp((method) => {
      if (method !== "refreshToken" || !lacking) return "none";
      asked.push(method);
      return wireError("UNAVAILABLE");
    });
    await signIn();
    clock.advance(accessTtlMs);
    expect(await reasonOf(client.auth.getCurrentUser({}))).toBe("UNAVAILABLE");
    expect(asked).toHaveLength(4);
    expect(await client.session()).toMatchObject({ sessionId: "session-1" });
    lacking = false;
    expect(await client.getAccessToken()).toBe("access-2");
    expect(service.callsOf("refreshToken")).toHaveLength(1);
    expect(changes.map(({ kind }) => kind)).toEqual(["signed-in", "renewed"]);
  });

  it("lets a caller give up without stopping the renewal", async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const clock = createFakeClock();
    const service = createFakeAuthService(clock);
    const transport = withFaults(service.transport, async (method): Promise<Fault> => {
      if (method === "refreshToken") await answered;
      return "none";
    });
    const client = createLatchkeyClient({ baseUrl, transport, clock });
    await client.auth.verifyOtp({ challengeId: "challenge-1", code: "123456" });
    clock.advance(accessTtlMs);
    const abort = new AbortController();
    const call = client.auth.getCurrentUser({}, { signal: abort.signal });
    abort.abort(new ConnectError("enough", Code.Canceled));
    await expect(call).rejects.toThrow("enough");
    const token = client.getAccessToken();
    answer();
    expect(await token).toBe("access-2");
  });
});

describe("errors that are not about the token", () => {
  it.each(["CODE_INVALID", "TOO_MANY_REQUESTS", "UNAVAILABLE", "INTERNAL", "CLIENT_UNKNOWN", "SESSION_ENDED"] as const)(
    "%s is neither repeated nor followed by a renewal",
    async (reason) => {
      let answered = 0;
      const { client, service, signIn } = setUp((method) => {
        if (method !== "getCurrentUser") return "none";
        answered += 1;
        return wireError(reason);
      });
      await signIn();
      expect(await reasonOf(client.auth.getCurrentUser({}))).toBe(reason);
      expect(answered).toBe(1);
      expect(service.callsOf("refreshToken")).toHaveLength(0);
      expect(await client.session()).not.toBeNull();
    },
  );
});

describe("errorDetails", () => {
  it("reads reason, delay, fields and metadata", () => {
    const violations = [{ field: "email", description: "is no address" }];
    const error = wireError("TOO_MANY_REQUESTS", { retryAfterMs: 1500, violations, metadata: { scope: "x" } });
    expect(errorDetails(error)).toEqual({
      reason: "TOO_MANY_REQUESTS",
      retryAfterMs: 1500,
      fieldViolations: violations,
      metadata: { scope: "x" },
    });
  });

  it("knows nothing of other errors", () => {
    const nothing = { reason: null, retryAfterMs: null, fieldViolations: [], metadata: {} };
    expect(errorDetails(new ConnectError("bad gateway", Code.Unavailable))).toEqual(nothing);
    expect(errorDetails(new Error("x"))).toEqual(nothing);
    expect(errorDetails(undefined)).toEqual(nothing);
  });
});
