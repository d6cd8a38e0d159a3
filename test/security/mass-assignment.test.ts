import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Auth, startTwoApps, type TwoApps } from "../auth/two-apps.js";
import { bearer, refused } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

/** Fields that would give authority, were they taken from a request. */
const authority = {
  roles: ["admin"],
  is_admin: true,
  isAdmin: true,
  verified: true,
  email_verified: true,
  tenant_id: "other",
  app_id: "strict",
  user_id: "00000000-0000-4000-8000-000000000000",
  sub: "00000000-0000-4000-8000-000000000000",
  scope: "operator apps:admin",
  client_id: "plain-backend",
  aud: "http://localhost:8080",
  sessionToken: "forged",
  expiresAt: 4_102_444_800,
};

describe.each(testEngines())("I01: authority that a request claims, on $engine,", ({ database }) => {
  let on: TwoApps;
  let web: Auth;
  beforeAll(async () => {
    on = await startTwoApps(await database(), { policy: { tokenFields: ["email", "phone", "username"] } });
    ({ web } = on.plain);
  });
  afterAll(() => on.stop());

  async function call(method: string, request: object, headers: Readonly<Record<string, string>> = {}) {
    const response = await fetch(`http://127.0.0.1:${on.server.app.httpPort}/latchkey.v1.AuthService/${method}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "connect-protocol-version": "1",
        "x-latchkey-client": "plain-web",
        ...headers,
      },
      body: JSON.stringify(request),
    });
    return { status: response.status, body: await response.text() };
  }

  it("is refused as an unknown field of every request", async () => {
    const { tokens, user } = await on.redeem(web, await on.send(web));
    const { headers } = bearer(tokens!.accessToken);
    const requests: [string, object][] = [
      ["RegisterUser", { email: on.newEmail().value }],
      ["SendOtp", { email: on.newEmail().value }],
      ["VerifyOtp", { challengeId: "AAAAAAAAAAAAAAAAAAAAAA", code: "123456" }],
      ["RefreshToken", { refreshToken: tokens!.refreshToken }],
      ["UpdateCurrentUser", { displayName: "changed", updateMask: "displayName" }],
    ];
    for (const [method, request] of requests) {
      for (const [field, value] of Object.entries(authority)) {
        // SendOtp and VerifyOtp have this field. A second identifier is refused too.
        const answer = await call(method, { ...request, [field]: value }, method.startsWith("Update") ? headers : {});
        expect([field, answer.status, answer.body.includes("REQUEST_INVALID")]).toEqual([field, 400, true]);
      }
    }
    const { user: now } = await web.getCurrentUser({}, { headers });
    expect(now).toEqual(user);
  });

  it("in custom attributes stays data: no token, session or scope comes of it", async () => {
    const nested = { ...authority, claims: authority };
    const { challenges } = await web.registerUser({ email: on.newEmail().value, customAttributes: nested });
    const { tokens, user } = await on.redeem(web, challenges[0]!);
    const { tokens: renewed } = await web.refreshToken({ refreshToken: tokens!.refreshToken });
    for (const token of [tokens!.accessToken, tokens!.idToken, renewed!.accessToken]) {
      const claims = decodeJwt(token);
      expect(claims.sub).toBe(user!.userId);
      for (const field of [
        "roles",
        "is_admin",
        "isAdmin",
        "verified",
        "tenant_id",
        "app_id",
        "scope",
        "sessionToken",
        "claims",
      ])
        expect(claims).not.toHaveProperty(field);
      expect(claims.aud).toBe(token === tokens!.idToken ? "plain-web" : "http://localhost:8080/apps/plain");
    }
    expect(user).toMatchObject({ customAttributes: nested, username: "", displayName: "" });
    expect(
      (await refused(web.getChallenge({ challengeId: "AAAAAAAAAAAAAAAAAAAAAA" }, bearer(tokens!.accessToken)))).reason,
    ).toBe("SCOPE_MISSING");
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
  });
});
