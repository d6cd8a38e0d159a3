import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError, createRouterTransport } from "@connectrpc/connect";
import { errorToJson } from "@connectrpc/connect/protocol-connect";
import { describe, expect, expectTypeOf, it } from "vitest";
import { type CookieClient, createLatchkeyClient, errorDetails, type LatchkeyClient } from "../../src/client/index.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { wireError } from "../../src/rpc/errors.js";
import { createFakeClock } from "./support/fake-clock.js";

interface Request {
  readonly method: string;
  readonly credentials: RequestCredentials | undefined;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

type Answer = object | ConnectError | "lost";

/** A client in cookie mode whose `fetch` answers what `answer` says. */
function setUp(answer: (method: string, tries: number) => Answer = () => ({})) {
  const requests: Request[] = [];
  const pauses: number[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const method = String(input).split("/").at(-1)!;
    const headers = new Headers(init?.headers);
    const body = JSON.parse(new TextDecoder().decode(init?.body as Uint8Array)) as Record<string, unknown>;
    requests.push({ method, credentials: init?.credentials, headers, body });
    const given = answer(method, requests.filter((one) => one.method === method).length);
    if (given === "lost") throw new TypeError("Failed to fetch");
    return given instanceof ConnectError ? refusal(given) : Response.json(given);
  };
  const client = createLatchkeyClient({
    baseUrl: "https://auth.test",
    clientId: "web",
    session: "cookie",
    fetch,
    clock: createFakeClock(),
    sleep: async (ms) => void pauses.push(ms),
  });
  return { client, requests, pauses };
}

/** As the server writes an error over Connect. */
const refusal = (error: ConnectError) => Response.json(errorToJson(error, undefined), { status: 400 });

const reasonOf = async (call: Promise<unknown>) =>
  errorDetails(
    await call.then(
      () => null,
      (error: unknown) => error,
    ),
  ).reason;

const user = { userId: "user-1", displayName: "Ada" };

describe("the client in cookie mode", () => {
  it("sends cookies and asks for the session cookie in every call, and never a token", async () => {
    const { client, requests } = setUp();
    await client.auth.sendOtp({ identifier: { case: "email", value: "ada@example.com" } });
    await client.auth.verifyOtp({ challengeId: "challenge-1", code: "123456" });
    await client.auth.getCurrentUser({});
    await client.auth.revokeOtherSessions({});
    await client.currentUser();
    await client.signOut();
    expect(requests).toHaveLength(6);
    for (const { credentials, headers } of requests) {
      expect(credentials).toBe("include");
      expect(headers.get("x-latchkey-session")).toBe("cookie");
      expect(headers.get("x-latchkey-client")).toBe("web");
      expect(headers.has("authorization")).toBe(false);
    }
  });

  it("has no store, no tokens and no refreshToken", () => {
    const { client } = setUp();
    expect(Object.keys(client).toSorted()).toEqual(["auth", "currentUser", "signOut"]);
    expect(client.auth).not.toHaveProperty("refreshToken");
    expectTypeOf(client).toEqualTypeOf<CookieClient>();
    expectTypeOf(createLatchkeyClient({ baseUrl: "https://auth.test" })).toEqualTypeOf<LatchkeyClient>();
    expectTypeOf(createLatchkeyClient({ baseUrl: "https://auth.test", session: "tokens" })).toEqualTypeOf<LatchkeyClient>();
    // @ts-expect-error: there are no tokens to store
    createLatchkeyClient({ baseUrl: "https://auth.test", session: "cookie", tokenStore: { shared: false } });
  });

  it("passes on the cookie that a rendering server gives it", async () => {
    const { client, requests } = setUp(() => ({ user }));
    expect(await client.currentUser({ headers: { cookie: "__Host-latchkey=lkc_1" } })).toMatchObject(user);
    expect(requests[0]?.headers.get("cookie")).toBe("__Host-latchkey=lkc_1");
    expect(requests[0]?.headers.get("x-latchkey-session")).toBe("cookie");
  });

  it("repeats a lost VerifyOtp under the same idempotency key", async () => {
    const { client, requests } = setUp((_method, tries) => (tries === 1 ? "lost" : {}));
    const verify = () => client.auth.verifyOtp({ challengeId: "challenge-1", code: "123456" });
    await expect(verify()).rejects.toThrow(ConnectError);
    await verify();
    const keys = requests.map(({ body }) => body.idempotencyKey);
    expect(keys[0]).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(keys[1]).toBe(keys[0]);
  });

  it("asks over a transport of one's own as well", async () => {
    const headers: Headers[] = [];
    const transport = createRouterTransport(({ service }) => {
      service(AuthService, {
        getCurrentUser(_request, { requestHeader }): MessageInitShape<typeof AuthService.method.getCurrentUser.output> {
          headers.push(requestHeader);
          return { user };
        },
      });
    });
    const client = createLatchkeyClient({ baseUrl: "https://auth.test", session: "cookie", transport });
    expect(await client.currentUser()).toMatchObject(user);
    expect(headers[0]?.get("x-latchkey-session")).toBe("cookie");
    expect(headers[0]?.has("x-latchkey-client")).toBe(false);
  });
});

describe("currentUser", () => {
  it("is null for a signed-out user, whom the server answers TOKEN_INVALID", async () => {
    const { client, requests } = setUp(() => wireError("TOKEN_INVALID"));
    expect(await client.currentUser()).toBeNull();
    expect(requests).toHaveLength(1);
  });

  it.each(["UNAVAILABLE", "ORIGIN_NOT_ALLOWED", "CLIENT_UNKNOWN"] as const)(
    "throws %s: it says nothing about the user",
    async (reason) => {
      const { client } = setUp(() => wireError(reason));
      expect(await reasonOf(client.currentUser())).toBe(reason);
    },
  );
});

describe("signOut", () => {
  it("ends the session of the cookie: RevokeToken without a token", async () => {
    const { client, requests } = setUp();
    await client.signOut();
    expect(requests.map(({ method, body }) => [method, body])).toEqual([["RevokeToken", {}]]);
  });

  it("tries again while the server can't be reached", async () => {
    const { client, requests, pauses } = setUp((_method, tries) => (tries < 3 ? "lost" : {}));
    await client.signOut();
    expect([requests.length, pauses.length]).toEqual([3, 2]);
  });

  it("throws after four attempts, because the cookie is still there", async () => {
    const { client, requests } = setUp(() => wireError("UNAVAILABLE"));
    expect(await reasonOf(client.signOut())).toBe("UNAVAILABLE");
    expect(requests).toHaveLength(4);
  });

  it("throws a refusal at once", async () => {
    const { client, requests } = setUp(() => wireError("ORIGIN_NOT_ALLOWED"));
    expect(await reasonOf(client.signOut())).toBe("ORIGIN_NOT_ALLOWED");
    expect(requests).toHaveLength(1);
  });
});
