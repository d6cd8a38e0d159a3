import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createLatchkeyClient, errorDetails, type SessionChange } from "../../src/client/index.js";
import { wireError } from "../../src/rpc/errors.js";
import { accessTtlMs, createFakeAuthService } from "./support/fake-auth-service.js";
import { createSharedStorage } from "./support/fake-browser.js";
import { createFakeClock } from "./support/fake-clock.js";
import { type Fault, withFaults } from "./support/faults.js";

afterEach(() => vi.unstubAllGlobals());

async function setUpSignedIn(faults: { fault: (method: string) => Fault | Promise<Fault> }) {
  const clock = createFakeClock();
  const service = createFakeAuthService(clock);
  const transport = withFaults(service.transport, (method) => faults.fault(method));
  const client = createLatchkeyClient({ baseUrl: "https://auth.test", transport, clock, sleep: async () => {} });
  await client.auth.verifyOtp({ challengeId: "challenge-1", code: "123456" });
  const changes: SessionChange[] = [];
  client.onChange((change) => changes.push(change));
  return { clock, service, client, changes };
}

/** What RefreshToken answers, whether that signs out, and how often it is asked. */
const answers: readonly (readonly [string, Fault, "out" | "in", number])[] = [
  ["SESSION_ENDED", wireError("SESSION_ENDED"), "out", 1],
  ["REFRESH_TOKEN_REUSED", wireError("REFRESH_TOKEN_REUSED"), "out", 1],
  ["SESSION_LOST", wireError("SESSION_LOST"), "out", 1],
  ["TOKEN_INVALID", wireError("TOKEN_INVALID"), "in", 1],
  ["CLIENT_UNKNOWN", wireError("CLIENT_UNKNOWN"), "in", 1],
  ["REQUEST_INVALID", wireError("REQUEST_INVALID"), "in", 1],
  ["ORIGIN_NOT_ALLOWED", wireError("ORIGIN_NOT_ALLOWED"), "in", 1],
  ["TOO_MANY_REQUESTS", wireError("TOO_MANY_REQUESTS"), "in", 1],
  ["UNAVAILABLE", wireError("UNAVAILABLE"), "in", 4],
  ["UNAVAILABLE for long", wireError("UNAVAILABLE", { retryAfterMs: 60_000 }), "in", 1],
  ["OVERLOADED", wireError("OVERLOADED"), "in", 4],
  ["DEADLINE_EXCEEDED", wireError("DEADLINE_EXCEEDED"), "in", 4],
  ["INTERNAL", wireError("INTERNAL"), "in", 4],
  ["a proxy's 401", new ConnectError("HTTP 401", Code.Unauthenticated), "in", 4],
  ["a proxy's 403", new ConnectError("HTTP 403", Code.PermissionDenied), "in", 4],
  ["a lost request", "request", "in", 4],
  ["a lost reply", "reply", "in", 4],
];

describe("what RefreshToken's answers do", () => {
  it.each(answers)("%s", async (_name, answer, expected, asked) => {
    let count = 0;
    const faults = {
      fault(method: string): Fault {
        if (method !== "refreshToken") return "none";
        count += 1;
        return answer;
      },
    };
    const { client, clock, service, changes } = await setUpSignedIn(faults);
    clock.advance(accessTtlMs);
    const error: unknown = await client.auth.getCurrentUser({}).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConnectError);
    expect(count).toBe(asked);
    const isOut = expected === "out";
    expect((await client.session()) === null).toBe(isOut);
    const reason = errorDetails(answer).reason;
    expect(changes).toEqual(isOut ? [{ kind: "signed-out", session: null, reason }] : []);
    if (isOut) {
      expect(errorDetails(error).reason).toBe(reason);
      expect(await client.getAccessToken()).toBeNull();
      return;
    }
    faults.fault = () => "none";
    expect((await client.auth.getCurrentUser({})).user?.userId).toBe("session-1");
    const keys = service.callsOf("refreshToken").map(({ request }) => (request as { idempotencyKey: string }).idempotencyKey);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[A-Za-z0-9_-]{32}$/);
  });
});

describe("signOut", () => {
  it("forgets the tokens and ends the session on the server", async () => {
    const { client, service, changes } = await setUpSignedIn({ fault: () => "none" });
    expect(await client.signOut()).toBe(true);
    expect(await client.session()).toBeNull();
    expect(service.sessions.size).toBe(0);
    expect(changes).toEqual([{ kind: "signed-out", session: null, reason: null }]);
    expect(await client.signOut()).toBe(true);
    expect(service.callsOf("revokeToken")).toHaveLength(1);
  });

  it("forgets the tokens without a network, and says that the server does not know", async () => {
    const faults = { fault: (): Fault => "none" };
    const { client } = await setUpSignedIn(faults);
    faults.fault = () => "request";
    expect(await client.signOut()).toBe(false);
    expect(await client.session()).toBeNull();
  });

  it("wins over a renewal that is under way", async () => {
    let signOut: Promise<boolean> | null = null;
    const faults = { fault: (): Fault => "none" };
    const { client, clock, changes } = await setUpSignedIn(faults);
    clock.advance(accessTtlMs);
    faults.fault = () => {
      signOut ??= client.signOut();
      return "none";
    };
    expect(await client.getAccessToken()).toBeNull();
    expect(await signOut).toBe(true);
    expect(await client.session()).toBeNull();
    expect(changes.map(({ kind }) => kind)).toEqual(["signed-out"]);
  });

  it("follows the deletion of the user", async () => {
    const { client, changes } = await setUpSignedIn({ fault: () => "none" });
    await client.auth.deleteCurrentUser({});
    expect(await client.session()).toBeNull();
    expect(changes.map(({ kind }) => kind)).toEqual(["signed-out"]);
  });
});

describe("a sign-in during a renewal", () => {
  it.each(["none", wireError("SESSION_ENDED")] as const)(
    "is kept, whatever becomes of the earlier session (%s)",
    async (answer) => {
      const faults = { fault: async (_method: string): Promise<Fault> => "none" };
      const { client, clock, changes } = await setUpSignedIn(faults);
      clock.advance(accessTtlMs);
      faults.fault = async (method) => {
        if (method !== "refreshToken") return "none";
        await client.auth.verifyOtp({ challengeId: "challenge-2", code: "123456" });
        return answer;
      };
      expect((await client.auth.getCurrentUser({})).user?.userId).toBe("session-2");
      expect(await client.session()).toMatchObject({ sessionId: "session-2" });
      expect(changes.map(({ kind }) => kind)).toEqual(["signed-in"]);
    },
  );
});

describe("other pages", () => {
  it("are told of sign-in, renewal and sign-out, without tokens", async () => {
    const clock = createFakeClock();
    const service = createFakeAuthService(clock);
    const storage = createSharedStorage(true);
    const open = () =>
      createLatchkeyClient({
        baseUrl: "https://auth.test",
        tokenStore: storage.open().store,
        transport: service.transport,
        clock,
      });
    const [one, other] = [open(), open()];
    const heard: SessionChange[] = [];
    other.onChange((change) => heard.push(change));
    const hear = (count: number) => vi.waitFor(() => expect(heard).toHaveLength(count));
    await one.auth.verifyOtp({ challengeId: "challenge-1", code: "123456" });
    await hear(1);
    clock.advance(accessTtlMs);
    await one.getAccessToken();
    await hear(2);
    expect((await other.auth.getCurrentUser({})).user?.userId).toBe("session-1");
    await one.signOut();
    await hear(3);
    expect(heard.map(({ kind }) => kind)).toEqual(["signed-in", "renewed", "signed-out"]);
    expect(heard[2]?.session).toBeNull();
    expect(JSON.stringify(heard)).not.toMatch(/access-|session-1\./);
    expect(await other.session()).toBeNull();
    one.close();
    other.close();
  });

  it("are not told of a store that is this page's own", async () => {
    const channels = vi.fn();
    vi.stubGlobal("BroadcastChannel", channels);
    await setUpSignedIn({ fault: () => "none" });
    expect(channels).not.toHaveBeenCalled();
  });
});
