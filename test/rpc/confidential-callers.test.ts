import { beforeEach, describe, expect, it } from "vitest";
import type { Directory } from "../../src/apps/directory.js";
import { type AccessTokens, createAccessTokens } from "../../src/crypto/access-token.js";
import { newClientSecret } from "../../src/crypto/client-secret.js";
import { createSessionCredentials } from "../../src/crypto/session-credential.js";
import { Caller as CallerKind } from "../../src/gen/latchkey/v1/access_pb.js";
import type { Caller, SessionCookie, UserCaller } from "../../src/model/caller.js";
import type { Client } from "../../src/model/client.js";
import { fixedPolicy, type Policy } from "../../src/model/policy.js";
import type { Scope } from "../../src/model/scope.js";
import type { Session } from "../../src/model/session.js";
import { type AnyCaller, createGate } from "../../src/rpc/access.js";
import type { AccessRule } from "../../src/rpc/access-rule.js";
import type { CallContext } from "../../src/rpc/call-context.js";
import { createClientAuthentication } from "../../src/rpc/client-authentication.js";
import type { LiveSession } from "../../src/store/port/sessions.js";
import { ringOf, signingKeys, t0 } from "../crypto/fixtures.js";
import { keptLog } from "../support/app.js";
import { basicOf } from "../support/clients.js";
import { createDirectory, plainApp, publicClient } from "../support/directory.js";
import { session as anySession, user } from "../support/rpc.js";

const issuer = "https://login.example.com";
const shopAudience = `${issuer}/apps/shop`;
const page = "https://shop.example.com";
const minute = 60_000;
let refreshIdleMs: number;

const made = newClientSecret();
const kept = { secretId: "s", hash: made.hash, createdAt: t0, expiresAt: null, lastUsedAt: t0 };
const credential = createSessionCredentials(ringOf("m1")).mint({ keyId: "m1", family: Buffer.alloc(16, 7) });

const plain = { scope: null, recent: false, readOnly: false };
const forClients: AccessRule = { ...plain, caller: CallerKind.CLIENT };
const forSenders: AccessRule = { ...forClients, scope: "otp:send" };
const forHolders: AccessRule = { ...plain, caller: CallerKind.TOKEN_HOLDER };
const forUsers: AccessRule = { ...plain, caller: CallerKind.USER };
const forConfidential: AccessRule = { ...plain, caller: CallerKind.CONFIDENTIAL_CLIENT };
const forReaders: AccessRule = { ...forConfidential, scope: "users:read" };
const forAnyone: AccessRule = { ...plain, caller: CallerKind.ANY };

let now: number;
let tokens: AccessTokens;
let clients: Client[];
let live: LiveSession[];
let touches: { sessionId: string; idleExpiresAt: number; now: number }[];
let looks: string[];
/** Clients that only the database knows yet. */
let unread: Client[];

beforeEach(async () => {
  now = t0;
  refreshIdleMs = 7 * 24 * 60 * minute;
  tokens = createAccessTokens({ keys: (await signingKeys()).keys, issuer });
  const scopes = new Set<Scope>(["otp:send", "otp:verify"]);
  const confidential = { kind: "confidential", scopes, secrets: [kept] } as const;
  clients = [
    publicClient({ clientId: "web", appId: "shop", allowedOrigins: [page] }),
    publicClient({ clientId: "backend", appId: "shop", ...confidential }),
    publicClient({ clientId: "other-backend", appId: "shop", ...confidential }),
    publicClient({ clientId: "news-web", appId: "news" }),
  ];
  live = [
    liveSession({ sessionId: "by-token", clientId: "web" }),
    liveSession({ sessionId: "of-backend", clientId: "backend" }),
    liveSession({ sessionId: "by-credential", clientId: "web", credentialHash: credential.hash }),
  ];
  touches = [];
  looks = [];
  unread = [];
});

function liveSession(given: Partial<Session>): LiveSession {
  return { user, session: { ...anySession, appId: "shop", createdAt: t0, lastUsedAt: t0, expiresAt: t0 + 1e9, ...given } };
}

function directory(): Directory {
  const policy = { ...fixedPolicy, refreshIdleMs } as unknown as Policy;
  const app = (appId: string) => plainApp({ appId, audience: `${issuer}/apps/${appId}`, policy });
  const of = (given: readonly Client[]) =>
    createDirectory({ apps: [app("shop"), app("news")], clients: given, fallbackId: null });
  const known = of(clients);
  return {
    ...known,
    async lookUp(clientId) {
      const found = known.find(clientId);
      if (found !== null) return found;
      looks.push(clientId);
      return of([...clients, ...unread]).find(clientId);
    },
  };
}

async function ask<C = Caller | UserCaller>(rule: AccessRule, facts: Partial<CallContext>): Promise<C> {
  const given = directory();
  const sessions = {
    findLive: async (query: { sessionId: string }) => live.find(({ session }) => session.sessionId === query.sessionId) ?? null,
    findByCredential: async (query: { credentialHash: Uint8Array }) =>
      live.find(({ session }) => session.credentialHash !== null && credential.hash.equals(query.credentialHash)) ?? null,
    touch: async (change: (typeof touches)[number]) => void touches.push(change),
  };
  const store = { sessions, apps: { noteSecretUse: async () => {} } } as never;
  const deps = { clock: () => now, log: keptLog(), store, directory: given, accessTokens: tokens };
  const authentication = createClientAuthentication({
    ...deps,
    metrics: {} as never,
    lookup: { network: () => Buffer.alloc(16) },
    audiences: [issuer],
    failureLimits: [],
  });
  const gate = createGate({ ...deps, clients: authentication, issuer });
  const context = {
    door: "web",
    authorization: [],
    clientIds: [],
    endUserIps: [],
    cookie: null,
    origin: undefined,
    address: "192.0.2.1",
    userAgent: "test",
    timeoutMs: 1000,
    abort: new AbortController(),
    ...facts,
  } as const;
  return (await gate(rule, context, "correlation")) as C;
}

const basic = { authorization: [basicOf("backend", made.secret)] };
const bearer = (token: string) => ({ authorization: [`Bearer ${token}`] });
const clientToken = async (scopes: readonly Scope[] = ["otp:send"], audience = shopAudience, clientId = "backend") =>
  bearer(await tokens.signClient({ clientId, scopes }, { audience, ttlMs: minute, now: t0 }));
const userToken = async (sessionId = "by-token", audience = shopAudience) => {
  const { session } = live.find((one) => one.session.sessionId === sessionId)!;
  return bearer(await tokens.signAccess(session, { audience, ttlMs: 10 * minute, now: t0 }));
};
const refusal = (reason: string) => expect.objectContaining({ reason });

describe("a confidential client", () => {
  it("is let in with its secret and all its scopes, or with its token and that token's scopes", async () => {
    const bySecret = await ask(forSenders, basic);
    expect(bySecret).toMatchObject({ client: { clientId: "backend" }, app: { appId: "shop" }, confidential: true });
    expect(bySecret.scopes).toEqual(new Set(["otp:send", "otp:verify"]));
    for (const rule of [forClients, forSenders, forHolders, forConfidential]) {
      const byToken = await ask(rule, { ...(await clientToken()), clientIds: ["backend"] });
      expect(byToken).toMatchObject({ client: { clientId: "backend" }, confidential: true });
      expect(byToken.scopes).toEqual(new Set(["otp:send"]));
      expect(byToken).not.toHaveProperty("user");
    }
  });

  it("loses a scope at once when it is taken away, whatever its token says", async () => {
    const token = await clientToken(["otp:send", "otp:verify"]);
    clients[1] = { ...clients[1]!, scopes: new Set<Scope>(["otp:verify"]) };
    expect((await ask(forClients, token)).scopes).toEqual(new Set(["otp:verify"]));
    await expect(ask(forSenders, token)).rejects.toMatchObject({ reason: "SCOPE_MISSING", metadata: { scope: "otp:send" } });
  });

  it("without the scope of a method is refused, and learns which one", async () => {
    const missing = { reason: "SCOPE_MISSING", metadata: { scope: "users:read" } };
    await expect(ask(forReaders, basic)).rejects.toMatchObject(missing);
    await expect(ask(forReaders, await clientToken())).rejects.toMatchObject(missing);
    await expect(ask(forSenders, await clientToken([]))).rejects.toMatchObject({ metadata: { scope: "otp:send" } });
  });

  it("that is gone, is public now, or is another app's by now is refused with its token", async () => {
    const token = await clientToken();
    const backend = clients[1]!;
    for (const changed of [[], [{ ...backend, kind: "public" as const }], [{ ...backend, appId: "news" }]]) {
      clients = [clients[0]!, ...changed];
      for (const rule of [forClients, forHolders, forConfidential]) {
        await expect(ask(rule, token)).rejects.toEqual(refusal("TOKEN_INVALID"));
      }
    }
  });

  it("that only names itself is refused", async () => {
    for (const rule of [forClients, forSenders, forHolders, forConfidential]) {
      await expect(ask(rule, { clientIds: ["backend"] })).rejects.toEqual(refusal("CLIENT_INVALID"));
    }
    await expect(ask(forConfidential, { clientIds: ["web"] })).rejects.toEqual(refusal("CLIENT_INVALID"));
  });

  it("that names another client in the header is refused", async () => {
    for (const clientIds of [["web"], ["other-backend"], ["nobody"], ["backend", "backend"]]) {
      await expect(ask(forClients, { ...basic, clientIds })).rejects.toEqual(refusal("CLIENT_UNKNOWN"));
    }
  });

  it("is refused from an address that it may not use, with its secret and its token", async () => {
    clients[1] = { ...clients[1]!, allowedAddresses: ["198.51.100.0/24"] };
    for (const credentials of [basic, await clientToken()]) {
      await expect(ask(forClients, credentials)).rejects.toEqual(refusal("CLIENT_INVALID"));
      expect(await ask(forClients, { ...credentials, address: "198.51.100.7" })).toMatchObject({ confidential: true });
    }
  });

  it("names the address of its end user, which replaces its own", async () => {
    const from = (endUserIps: string[]) => ask(forClients, { ...basic, endUserIps });
    expect((await from([])).address).toBe("192.0.2.1");
    expect((await from(["203.0.113.5"])).address).toBe("203.0.113.5");
    expect((await from(["2001:DB8:0::1"])).address).toBe("2001:db8::1");
    expect((await from(["::ffff:203.0.113.5"])).address).toBe("203.0.113.5");
    for (const ips of [[""], ["garbage"], ["203.0.113.5, 203.0.113.6"], ["203.0.113.5", "203.0.113.5"], ["203.0.113.0/24"]]) {
      await expect(from(ips), ips.join()).rejects.toMatchObject({
        reason: "REQUEST_INVALID",
        violations: [{ field: "x-latchkey-end-user-ip" }],
      });
    }
  });

  it("alone may do so: a public client's end user address is ignored", async () => {
    const endUserIps = ["203.0.113.5"];
    expect((await ask(forClients, { clientIds: ["web"], endUserIps })).address).toBe("192.0.2.1");
    expect((await ask(forClients, { ...(await userToken("of-backend")), endUserIps: ["garbage"] })).address).toBe("192.0.2.1");
  });

  it("is not let in with a wrong secret, two credentials, or a secret in another scheme", async () => {
    const wrong = { authorization: [basicOf("backend", newClientSecret().secret)] };
    for (const rule of [forClients, forHolders, forConfidential]) {
      await expect(ask(rule, wrong)).rejects.toEqual(refusal("CLIENT_INVALID"));
    }
    const twice = { authorization: [...basic.authorization, ...basic.authorization] };
    await expect(ask(forClients, twice)).rejects.toEqual(refusal("TOKEN_INVALID"));
    await expect(ask(forClients, { ...basic, clientAssertion: "a.b.c" })).rejects.toEqual(refusal("TOKEN_INVALID"));
    await expect(ask(forClients, bearer(made.secret))).rejects.toEqual(refusal("TOKEN_INVALID"));
  });

  it("is found although this process has not read it yet; known clients cost no look", async () => {
    unread = [publicClient({ clientId: "new", appId: "shop", kind: "confidential", secrets: [kept] })];
    expect(await ask(forClients, { authorization: [basicOf("new", made.secret)] })).toMatchObject({ confidential: true });
    expect(looks).toEqual(["new"]);
    await ask(forClients, { clientIds: ["web"] });
    await ask(forUsers, await userToken());
    expect(looks).toEqual(["new"]);
  });
});

describe("a token of another kind or app", () => {
  it("of a client on a method for users is refused as such, and its secret as no token", async () => {
    await expect(ask(forUsers, await clientToken())).rejects.toEqual(refusal("USER_REQUIRED"));
    await expect(ask(forUsers, basic)).rejects.toEqual(refusal("TOKEN_INVALID"));
  });

  it("of a user never brings the scopes of its client, and makes a public caller", async () => {
    for (const rule of [forClients, forSenders]) {
      const caller = await ask(rule, await userToken("of-backend"));
      expect(caller).toMatchObject({ client: { clientId: "backend" }, confidential: false, user });
      expect(caller.scopes.size).toBe(0);
    }
    await expect(ask(forReaders, await userToken("of-backend"))).rejects.toMatchObject({
      reason: "SCOPE_MISSING",
      metadata: { scope: "users:read" },
    });
    await expect(ask(forConfidential, await userToken("of-backend"))).rejects.toEqual(refusal("CLIENT_INVALID"));
  });

  it("of a user or client with the audience of another app is refused everywhere", async () => {
    for (const audience of [issuer, `${issuer}/apps/news`, ""]) {
      await expect(ask(forUsers, await userToken("by-token", audience)), audience).rejects.toEqual(refusal("TOKEN_INVALID"));
      for (const rule of [forClients, forHolders, forConfidential]) {
        await expect(ask(rule, await clientToken(["otp:send"], audience))).rejects.toEqual(refusal("TOKEN_INVALID"));
      }
    }
  });

  it("of a session whose client id belongs to another app by now is refused", async () => {
    live.push(liveSession({ sessionId: "old", clientId: "web", appId: "news" }));
    await expect(ask(forUsers, await userToken("old"))).rejects.toEqual(refusal("TOKEN_INVALID"));
  });

  it("on a method for token holders counts only if a client's", async () => {
    const ignored = [await userToken(), bearer("garbage"), bearer(credential.credential), { authorization: ["Digest x"] }];
    for (const headers of ignored) {
      const caller = await ask(forHolders, { ...headers, clientIds: ["web"] });
      expect(caller).toMatchObject({ client: { clientId: "web" }, confidential: false });
      expect(caller).not.toHaveProperty("session");
    }
    const expired = await clientToken();
    now += 2 * minute;
    await expect(ask(forHolders, { ...expired, clientIds: ["web"] })).rejects.toEqual(refusal("TOKEN_INVALID"));
  });
});

describe("a session credential", () => {
  it("signs its user in, for methods of users and of clients", async () => {
    for (const rule of [forUsers, forClients]) {
      const caller = await ask(rule, bearer(credential.credential));
      expect(caller).toMatchObject({
        client: { clientId: "web" },
        confidential: false,
        session: { sessionId: "by-credential" },
      });
    }
  });

  it("is recorded as used at most once a minute, with the idle time of the policy", async () => {
    for (const wait of [0, minute - 1]) {
      now = t0 + wait;
      await ask(forUsers, bearer(credential.credential));
    }
    expect(touches).toEqual([]);
    now = t0 + minute;
    await ask(forUsers, bearer(credential.credential));
    expect(touches).toEqual([{ sessionId: "by-credential", idleExpiresAt: now + refreshIdleMs, now }]);
  });

  it("is recorded more often if the policy's idle time is short, so that a used session does not end", async () => {
    refreshIdleMs = 30_000;
    for (const wait of [2_999, 3_000]) {
      now = t0 + wait;
      await ask(forUsers, bearer(credential.credential));
    }
    expect(touches).toEqual([{ sessionId: "by-credential", idleExpiresAt: now + refreshIdleMs, now }]);
  });

  it("that ended, or belongs to a client that is gone, is refused", async () => {
    clients = clients.slice(1);
    await expect(ask(forUsers, bearer(credential.credential))).rejects.toEqual(refusal("TOKEN_INVALID"));
    live = [];
    await expect(ask(forUsers, bearer(credential.credential))).rejects.toEqual(refusal("TOKEN_INVALID"));
    await expect(ask(forUsers, bearer(`lkc_${"A".repeat(43)}`))).rejects.toEqual(refusal("TOKEN_INVALID"));
  });
});

describe("the session cookie", () => {
  const cookie = (value: string | null | undefined): { cookie: SessionCookie } => ({
    cookie: { credential: value, set: () => {}, clear: () => {} },
  });

  it("signs its user in from a page of the app, and without a page for reads alone", async () => {
    const fromPage = { ...cookie(credential.credential), origin: page };
    expect(await ask(forUsers, fromPage)).toMatchObject({
      client: { clientId: "web" },
      session: { sessionId: "by-credential" },
    });
    expect(await ask({ ...forUsers, readOnly: true }, cookie(credential.credential))).toMatchObject({ user });
    await expect(ask(forUsers, cookie(credential.credential))).rejects.toEqual(refusal("ORIGIN_NOT_ALLOWED"));
  });

  it("lets no foreign page in, on any kind of method", async () => {
    for (const origin of [undefined, "null", "https://evil.example.com", "http://shop.example.com"]) {
      for (const rule of [forUsers, forClients, forHolders]) {
        const attempt = ask(rule, { ...cookie(credential.credential), origin, clientIds: ["web"] });
        await expect(attempt, `${origin}`).rejects.toEqual(refusal("ORIGIN_NOT_ALLOWED"));
      }
    }
  });

  it("that is given twice is refused where it counts; one that is missing or dead is none", async () => {
    const from = { origin: page, clientIds: ["web"] };
    for (const rule of [forUsers, forHolders]) {
      await expect(ask(rule, { ...from, ...cookie(null) })).rejects.toEqual(refusal("TOKEN_INVALID"));
    }
    live = [];
    for (const value of [undefined, "", "garbage", credential.credential]) {
      await expect(ask(forUsers, { ...from, ...cookie(value) })).rejects.toEqual(refusal("TOKEN_INVALID"));
      expect(await ask(forHolders, { ...from, ...cookie(value) })).not.toHaveProperty("session");
    }
  });

  it("of a client that is gone or another than the named one is none, and its session is not kept alive", async () => {
    now = t0 + 2 * minute;
    const from = { origin: page, ...cookie(credential.credential) };
    const other = await ask(forHolders, { ...from, origin: undefined, clientIds: ["news-web"] }).catch((error) => error);
    expect(other).toEqual(refusal("ORIGIN_NOT_ALLOWED"));
    clients = [publicClient({ clientId: "next-web", appId: "shop", allowedOrigins: [page] })];
    expect(await ask(forHolders, { ...from, clientIds: ["next-web"] })).not.toHaveProperty("session");
    await expect(ask(forUsers, { ...from, clientIds: ["next-web"] })).rejects.toEqual(refusal("TOKEN_INVALID"));
    await expect(ask(forUsers, from)).rejects.toEqual(refusal("TOKEN_INVALID"));
    expect(touches).toEqual([]);
  });

  it("is passed over if the call has an authorization header", async () => {
    const caller = await ask(forUsers, { ...(await userToken()), ...cookie(credential.credential), origin: page });
    expect(caller).toMatchObject({ session: { sessionId: "by-token" } });
  });
});

describe("any caller", () => {
  it("is let in with what it presents, which nothing has checked yet", async () => {
    const caller = await ask<AnyCaller>(forAnyone, { ...basic, clientIds: ["nobody"] });
    expect(caller.presented).toEqual({
      kind: "client",
      credentials: { kind: "secret", clientId: "backend", secret: made.secret },
    });
    expect([caller.namedClientId, caller.address, caller.correlationId]).toEqual(["nobody", "192.0.2.1", "correlation"]);
    expect(caller).not.toHaveProperty("client");
    expect((await ask<AnyCaller>(forAnyone, bearer("garbage"))).presented).toMatchObject({ kind: "token" });
    expect((await ask<AnyCaller>(forAnyone, {})).presented).toEqual({ kind: "none" });
  });

  it("may be asked to prove that it is no foreign page", async () => {
    const caller = await ask<AnyCaller>(forAnyone, { origin: "https://evil.example.com" });
    expect(() => caller.checkClient(clients[0]!)).toThrow(expect.objectContaining({ reason: "ORIGIN_NOT_ALLOWED" }));
    (await ask<AnyCaller>(forAnyone, { origin: page })).checkClient(clients[0]!);
  });
});

describe("client id and secret in the header", () => {
  it.each([
    ["encoded as a form", "a%2Bb%3Ac:d+e%25", "a+b:c", "d e%"],
    ["with a colon in the secret", "a:b:c", "a", "b:c"],
    ["with an empty secret", "a:", "a", ""],
    ["without a colon", "a", "a", ""],
    ["badly encoded", "a%zz:b", "", ""],
  ])("%s are read", async (_what, pair, clientId, secret) => {
    const authorization = [`basic  ${Buffer.from(pair).toString("base64")}`];
    const { presented } = await ask<AnyCaller>(forAnyone, { authorization });
    expect(presented).toEqual({ kind: "client", credentials: { kind: "secret", clientId, secret } });
  });
});
