import { ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLatchkeyClient, errorDetails, type LatchkeyClient } from "../../src/client/index.js";
import type { RefreshTokenRequest } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { accessTtlMs, createFakeAuthService, type FakeAuthService } from "./support/fake-auth-service.js";
import { createSharedStorage } from "./support/fake-browser.js";
import { createFakeClock } from "./support/fake-clock.js";
import { type Fault, seededRandom, withFaults } from "./support/faults.js";

const baseUrl = "https://auth.test";
const sleep = async () => {};

beforeEach(() => vi.stubGlobal("BroadcastChannel", undefined));
afterEach(() => vi.unstubAllGlobals());

function refreshRequests(service: FakeAuthService) {
  return service.callsOf("refreshToken").map(({ request }) => request as RefreshTokenRequest);
}

/** Every token was presented under one key only, however often. */
function expectOneKeyEach(service: FakeAuthService) {
  const keys = new Map<string, Set<string>>();
  for (const { refreshToken, idempotencyKey } of refreshRequests(service)) {
    keys.set(refreshToken, (keys.get(refreshToken) ?? new Set()).add(idempotencyKey));
  }
  for (const [, used] of keys) expect(used.size).toBe(1);
}

describe("a lost reply of RefreshToken", () => {
  it("is asked for again with the same key after a reload, hours later", async () => {
    const clock = createFakeClock();
    const service = createFakeAuthService(clock);
    const storage = createSharedStorage(true);
    let fault: Fault = "none";
    const transport = withFaults(service.transport, (method) => (method === "refreshToken" ? fault : "none"));
    const load = () => createLatchkeyClient({ baseUrl, transport, clock, sleep, tokenStore: storage.open().store });

    await load().auth.verifyOtp({ challengeId: "challenge-1", code: "123456" });
    clock.advance(accessTtlMs);
    fault = "reply";
    await expect(load().getAccessToken()).rejects.toThrow("Failed to fetch");
    expect(storage.stored()).toMatchObject({ refreshToken: "session-1.0" });

    clock.advance(6 * 3_600_000);
    fault = "none";
    expect((await load().auth.getCurrentUser({})).user?.userId).toBe("session-1");
    expect(refreshRequests(service)).toHaveLength(5);
    expectOneKeyEach(service);
    expect(storage.stored()).toMatchObject({ refreshToken: "session-1.1", pendingRefreshKey: null });
  });

  it("finds its key stored before the call was made", async () => {
    const clock = createFakeClock();
    const service = createFakeAuthService(clock);
    const storage = createSharedStorage(true);
    let storedKey: string | null = null;
    const transport = withFaults(service.transport, (method) => {
      if (method === "refreshToken") storedKey = storage.stored()?.pendingRefreshKey ?? null;
      return "none";
    });
    const client = createLatchkeyClient({ baseUrl, transport, clock, tokenStore: storage.open().store });
    await client.auth.verifyOtp({ challengeId: "challenge-1", code: "123456" });
    clock.advance(accessTtlMs);
    await client.getAccessToken();
    expect(storedKey).toBe(refreshRequests(service)[0]?.idempotencyKey);
  });
});

describe("20 pages of one origin", () => {
  it("renew with one RefreshToken call, by Web Locks", async () => {
    const { pages, service, clock } = await openPages(true);
    clock.advance(accessTtlMs);
    await Promise.all(pages.map((page) => page.client.auth.getCurrentUser({})));
    expect(refreshRequests(service)).toHaveLength(1);
  });

  it("share one key without Web Locks, and end up with one successor", async () => {
    const { pages, service, storage, clock } = await openPages(false);
    clock.advance(accessTtlMs);
    await Promise.all(pages.map((page) => page.client.auth.getCurrentUser({})));
    expectOneKeyEach(service);
    expect(storage.stored()).toMatchObject({ refreshToken: "session-1.1", pendingRefreshKey: null });
    expect(service.sessions.get("session-1")?.generation).toBe(1);
  });

  it.each([1, 2, 3, 4, 5])(
    "stay signed in while three of ten replies are lost and pages crash and reload (seed %i)",
    async (seed) => {
      const random = seededRandom(seed);
      const { pages, service, storage, clock } = await openPages(true, random);
      let lost = 0;
      for (let round = 0; round < 60; round += 1) {
        clock.advance(Math.floor(random() * 2 * accessTtlMs));
        const outcomes = await Promise.all(pages.map((page) => page.use()));
        for (const outcome of outcomes) {
          if (outcome === null) continue;
          lost += 1;
          expect(outcome).toBeInstanceOf(ConnectError);
          expect(errorDetails(outcome).reason).toBeNull();
        }
        expect(storage.stored()).not.toBeNull();
      }
      expect(lost).toBeGreaterThan(100);
      expect(service.sessions.has("session-1")).toBe(true);
      expectOneKeyEach(service);
    },
  );

  it("are all signed out once a copied token was used by somebody else", async () => {
    const { pages, service, storage, clock } = await openPages(true);
    const stolen = storage.stored()?.refreshToken ?? "";
    clock.advance(accessTtlMs);
    await pages[0]?.client.getAccessToken();
    clock.advance(accessTtlMs);
    expect(() => service.refresh(stolen)).toThrow();
    expect(service.sessions.size).toBe(0);
    expect(await Promise.all(pages.map((page) => page.client.getAccessToken()))).toEqual(pages.map(() => null));
    expect(storage.stored()).toBeNull();
  });
});

/** Pages with the same sign-in. With `random` three of ten calls lose their reply, and every third of these the page with it. */
async function openPages(withLocks: boolean, random: (() => number) | null = null) {
  const clock = createFakeClock();
  const service = createFakeAuthService(clock);
  const storage = createSharedStorage(withLocks);
  let isCalm = true;

  function openPage() {
    let client: LatchkeyClient;
    let crashed: Promise<void>;

    function load() {
      const { store, crash } = storage.open();
      let die: () => void = () => {};
      crashed = new Promise((resolve) => {
        die = () => {
          crash();
          resolve();
        };
      });
      const transport = withFaults(service.transport, () => {
        if (isCalm || random === null || random() >= 0.3) return "none";
        // The request is on its way, and what the page would do with the reply never happens.
        if (random() < 0.33) setImmediate(die);
        return "reply";
      });
      client = createLatchkeyClient({ baseUrl, transport: untilGone(transport, crashed), clock, sleep, tokenStore: store });
    }

    load();
    return {
      get client() {
        return client;
      },
      /** One call of the user's. Null: it worked, or its page is no more. */
      async use(): Promise<unknown> {
        const call = client.auth.getCurrentUser({}).then(
          () => null,
          (error: unknown) => error,
        );
        const end = await Promise.race([call, crashed.then(() => "crashed")]);
        if (end !== "crashed") return end;
        load();
        return null;
      },
    };
  }

  const pages = Array.from({ length: 20 }, openPage);
  await pages[0]?.client.auth.verifyOtp({ challengeId: "challenge-1", code: "123456" });
  isCalm = false;
  return { pages, service, storage, clock };
}

/** A dead page's calls never come back. */
function untilGone(transport: ReturnType<typeof withFaults>, crashed: Promise<void>): typeof transport {
  let isGone = false;
  void crashed.then(() => {
    isGone = true;
  });
  const hang = () => new Promise<never>(() => {});
  return {
    ...transport,
    async unary(...call) {
      if (isGone) return await hang();
      try {
        const reply = await transport.unary(...call);
        return isGone ? await hang() : reply;
      } catch (error) {
        if (isGone) return await hang();
        throw error;
      }
    },
  };
}
