import { readdirSync } from "node:fs";
import {
  create,
  createRegistry,
  type DescFile,
  type DescMethod,
  type MessageInitShape,
  setExtension,
} from "@bufbuild/protobuf";
import { MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { AccessSchema, access, Caller as CallerKind } from "../../src/gen/latchkey/v1/access_pb.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import type { Caller, UserCaller } from "../../src/model/caller.js";
import { allowsOrigin } from "../../src/model/client.js";
import { fixedPolicy } from "../../src/model/policy.js";
import { noWording } from "../../src/model/wording.js";
import { type AccessRule, accessRule } from "../../src/rpc/access-rule.js";
import type { CallContext } from "../../src/rpc/call-context.js";
import { publicClient } from "../support/directory.js";
import { createFakeApp, goodToken, issuer, origin, session, startOfTime, testDirectory, user } from "../support/rpc.js";

const plain = { scope: null, recent: false, readOnly: false };
const asClient: AccessRule = { ...plain, caller: CallerKind.CLIENT };
const asUser: AccessRule = { ...plain, caller: CallerKind.USER };
const asRecentUser: AccessRule = { ...asUser, recent: true };
const asTokenHolder: AccessRule = { ...plain, caller: CallerKind.TOKEN_HOLDER };

function context(facts: Partial<CallContext>): CallContext {
  const nothing = {
    door: "grpc" as const,
    authorization: [],
    clientIds: [],
    endUserIps: [],
    cookie: null,
    origin: undefined,
    address: "192.0.2.1",
    userAgent: "test",
  };
  return { ...nothing, timeoutMs: 1000, abort: new AbortController(), ...facts };
}

type Named = Parameters<NonNullable<CallContext["isNamedApp"]>>[0];
const bearer = { authorization: [`Bearer ${goodToken}`] };

async function ask(rule: AccessRule, facts: Partial<CallContext>, app = createFakeApp()): Promise<Caller | UserCaller> {
  return (await app.gate(rule, context(facts), "correlation")) as Caller | UserCaller;
}

describe("access rules", () => {
  it("are declared by every method there is", async () => {
    const folder = new URL("../../src/gen/latchkey/v1/", import.meta.url);
    const modules = readdirSync(folder).map(async (name) => await import(new URL(name, folder).href));
    const files = (await Promise.all(modules)).flatMap((module) => Object.values(module)).filter(isFile);
    const methods = [...createRegistry(...files)].flatMap((desc) => (desc.kind === "service" ? desc.methods : []));
    expect(methods.length).toBeGreaterThanOrEqual(11);
    for (const method of methods) expect(accessRule(method).caller).not.toBe(CallerKind.UNSPECIFIED);
  });

  it("are demanded: a method without one, or with an impossible one, is refused at start", () => {
    const method = AuthService.method.sendOtp;
    const bare = { ...method, proto: { ...method.proto, options: undefined } } as DescMethod;
    expect(() => accessRule(bare)).toThrow("latchkey.v1.AuthService.SendOtp declares no access rule");
  });

  it.each([
    ["a scope that does not exist", { caller: CallerKind.CLIENT, scope: "otp:sent" }, "asks for the unknown scope otp:sent"],
    ["a scope of callers that are users", { caller: CallerKind.USER, scope: "otp:send" }, "its callers are not clients"],
    ["a scope of token holders", { caller: CallerKind.TOKEN_HOLDER, scope: "otp:send" }, "its callers are not clients"],
    ["a scope of any caller", { caller: CallerKind.ANY, scope: "otp:send" }, "its callers are not clients"],
    ["a recent sign-in of a client", { caller: CallerKind.CLIENT, recent: true }, "its callers are not users"],
  ])("may not ask for %s", (_what, rule, complaint) => {
    expect(() => accessRule(withRule(rule))).toThrow(complaint);
  });

  it("keep the scope of clients, and know the methods that change nothing", () => {
    const rule = { caller: CallerKind.CONFIDENTIAL_CLIENT, scope: "users:read" };
    expect(accessRule(withRule(rule))).toEqual({ ...rule, recent: false, readOnly: false });
    expect(accessRule(AuthService.method.getCurrentUser)).toMatchObject({ caller: CallerKind.USER, readOnly: true });
    expect(accessRule(AuthService.method.updateCurrentUser)).toMatchObject({ caller: CallerKind.USER, readOnly: false });
  });
});

function withRule(rule: MessageInitShape<typeof AccessSchema>): DescMethod {
  const method = AuthService.method.sendOtp;
  const options = create(MethodOptionsSchema);
  setExtension(options, access, create(AccessSchema, rule));
  return { ...method, proto: { ...method.proto, options } } as DescMethod;
}

function isFile(value: unknown): value is DescFile {
  return (value as DescFile | undefined)?.kind === "file";
}

describe("who calls", () => {
  it.each([
    ["a client that names itself", asClient, { clientIds: ["default-web"] }],
    ["the default client", asClient, {}],
    ["the holder of a refresh token", asTokenHolder, {}],
    ["the holder of a refresh token, whatever the authorization", asTokenHolder, { authorization: ["Bearer garbage"] }],
    ["a page of the app", asClient, { origin }],
    ["a page of the service itself", asClient, { origin: issuer }],
  ])("%s is let in as the client", async (_what, rule, facts) => {
    const caller = await ask(rule, facts);
    expect(caller).toEqual({
      client: publicClient({ clientId: "default-web", allowedOrigins: [origin] }),
      app: {
        appId: "default",
        number: 1,
        poolId: "main",
        displayName: "",
        logoUrl: "",
        supportAddress: "",
        audience: issuer,
        roles: [],
        ownerOrganization: caller.app.ownerOrganization,
        registrationHook: null,
        deliveryReportHook: null,
        carriers: [],
        wording: noWording,
        routing: [],
        workflows: [],
        testIdentifiers: [],
        policy: caller.policy,
      },
      policy: fixedPolicy,
      confidential: false,
      hasOwnAddress: true,
      scopes: new Set(),
      cookie: null,
      address: "192.0.2.1",
      userAgent: "test",
      correlationId: "correlation",
      signal: expect.any(AbortSignal),
    });
  });

  it.each([
    ["with a token", asUser, bearer],
    ["with a token and its client", asUser, { ...bearer, clientIds: ["default-web"] }],
    ["with a token where none is needed", asClient, bearer],
    ["in any letter case of the scheme", asUser, { authorization: [`bearer ${goodToken}`] }],
    ["signed in just now", asRecentUser, bearer],
    ["with the number of its app", asUser, { ...bearer, isNamedApp: ({ number }: Named) => number === 1 }],
  ])("a user %s is let in with session and user", async (_what, rule, facts) => {
    expect(await ask(rule, facts)).toMatchObject({ client: { clientId: "default-web" }, session, user });
  });

  it.each([
    ["no client, where there is no default", "CLIENT_UNKNOWN", asClient, {}, createFakeApp({ defaultClient: false })],
    [
      "the default client by name, where there is none",
      "CLIENT_UNKNOWN",
      asClient,
      { clientIds: ["default-web"] },
      createFakeApp({ defaultClient: false }),
    ],
    ["an unknown client", "CLIENT_UNKNOWN", asClient, { clientIds: ["nobody"] }],
    ["an empty client", "CLIENT_UNKNOWN", asClient, { clientIds: [""] }],
    ["two clients", "CLIENT_UNKNOWN", asClient, { clientIds: ["default-web", "default-web"] }],
    ["another client than the token's", "CLIENT_UNKNOWN", asUser, { ...bearer, clientIds: ["nobody"] }],
    ["another app than the client's", "APP_NOT_FOUND", asClient, { isNamedApp: ({ number }: Named) => number === 2 }],
    ["no token", "TOKEN_INVALID", asUser, {}],
    ["two tokens", "TOKEN_INVALID", asUser, { authorization: [...bearer.authorization, ...bearer.authorization] }],
    ["two tokens in one", "TOKEN_INVALID", asUser, { authorization: [`${bearer.authorization[0]}, Bearer x`] }],
    ["another scheme", "TOKEN_INVALID", asUser, { authorization: ["Basic YTpi"] }],
    ["a token that is garbage", "TOKEN_INVALID", asUser, { authorization: ["Bearer garbage"] }],
    ["a token that is garbage where none is needed", "TOKEN_INVALID", asClient, { authorization: ["Bearer garbage"] }],
    ["an empty authorization where none is needed", "TOKEN_INVALID", asClient, { authorization: [""] }],
    ["a page of somebody else", "ORIGIN_NOT_ALLOWED", asClient, { origin: "https://evil.test" }],
    ["a page without origin of its own", "ORIGIN_NOT_ALLOWED", asClient, { origin: "null" }],
    ["a page of somebody else with a token", "ORIGIN_NOT_ALLOWED", asUser, { ...bearer, origin: "https://evil.test" }],
  ])("%s is refused with %s", async (_what, reason, rule, facts, app = createFakeApp()) => {
    await expect(ask(rule, facts, app)).rejects.toMatchObject({ reason });
  });

  it.each([
    ["has ended", null],
    ["is another user's", { session: { ...session, userId: "other" }, user }],
    ["is another client's", { session: { ...session, clientId: "other" }, user }],
  ])("a token whose session %s is refused", async (_what, live) => {
    const app = createFakeApp();
    const claims = await app.deps.accessTokens.verifyAccess(goodToken, startOfTime);
    app.live.clear();
    if (live !== null) app.live.set(goodToken, live);
    app.deps.accessTokens.verifyAccess = async () => claims;
    await expect(ask(asUser, bearer, app)).rejects.toMatchObject({ reason: "TOKEN_INVALID" });
  });

  it("ten minutes after the sign-in it is recent, later it is not", async () => {
    const app = createFakeApp();
    app.now = startOfTime + 600_000;
    await expect(ask(asRecentUser, bearer, app)).resolves.toMatchObject({ user });
    app.now += 1;
    await expect(ask(asRecentUser, bearer, app)).rejects.toMatchObject({ reason: "RECENT_SIGN_IN_REQUIRED" });
    await expect(ask(asUser, bearer, app)).resolves.toMatchObject({ user });
  });
});

describe("origins", () => {
  const anyLocalhost = testDirectory({ defaultClient: true, allowedOrigins: "any-localhost" }).fallback!.client;

  it.each(["http://localhost", "https://localhost:8443", "http://127.0.0.1:3000"])("any-localhost takes %s", (from) => {
    expect(allowsOrigin(anyLocalhost, from)).toBe(true);
  });

  it.each([
    "null",
    "",
    "http://localhost.evil.test",
    "http://localhost:3000.evil.test",
    "http://127.0.0.2",
    "ftp://localhost",
    "http://LOCALHOST",
    "http://[::1]:3000",
  ])("any-localhost does not take %j", (from) => {
    expect(allowsOrigin(anyLocalhost, from)).toBe(false);
  });

  it("null is nobody's, even when it is listed", () => {
    expect(allowsOrigin({ allowedOrigins: ["null"] }, "null")).toBe(false);
  });
});
