import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SessionKind } from "../../src/gen/latchkey/v1/session_pb.js";
import { eventually } from "../support/app.js";
import { bearer, explained, refused } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { queryRaw } from "../support/raw-database.js";
import { type AppUnderTest, type Auth, startTwoApps, type TwoApps } from "./two-apps.js";

const minute = 60_000;
const day = 24 * 60 * minute;
const cookieShape = /^__Host-latchkey=(lkc_[A-Za-z0-9_-]{43});/;

describe.each(testEngines())("on $engine", ({ database }) => {
  let on: TwoApps;
  let web: Auth;
  let backend: Auth;
  let app: AppUnderTest;
  beforeAll(async () => {
    on = await startTwoApps(await database());
    app = on.plain;
    ({ web, backend } = app);
  });
  afterAll(() => on.stop());

  async function sent(auth: Auth, identifier = on.newEmail()) {
    const challenge = await on.send(auth, identifier);
    const { code } = await on.server.messageOf(challenge);
    return { identifier, challengeId: challenge.challengeId, code };
  }
  async function redeem(auth: Auth, session: SessionKind, identifier = on.newEmail()) {
    const { challengeId, code } = await sent(auth, identifier);
    return await auth.verifyOtp({ challengeId, code, session });
  }
  const sessionsOf = (userId: string) => on.elsewhere.sessions.list({ userId, appId: "plain", now: on.server.clock() });
  /** Calls that name no client: their credentials do. */
  const asUser = () => on.server.authWith({});

  /** A call of a page of the app, with what its answer sets. */
  async function page(method: string, request: object, headers: Readonly<Record<string, string>> = {}) {
    const response = await fetch(`http://127.0.0.1:${on.server.app.httpPort}/latchkey.v1.AuthService/${method}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "connect-protocol-version": "1",
        "x-latchkey-client": "plain-web",
        "x-latchkey-session": "cookie",
        origin: "http://localhost:3000",
        ...headers,
      },
      body: JSON.stringify(request),
    });
    const body = await response.text();
    return { status: response.status, body, cookie: response.headers.get("set-cookie") ?? "" };
  }

  describe("SESSION_KIND_NONE", () => {
    it("redeems without a session, for every client", async () => {
      for (const auth of [web, backend]) {
        const done = await redeem(auth, SessionKind.NONE);
        expect([done.isNewUser, done.sessionId, done.sessionCredential]).toEqual([true, "", ""]);
        expect([done.tokens, done.sessionCredentialExpiresAt]).toEqual([undefined, undefined]);
        expect(await sessionsOf(done.user!.userId)).toEqual([]);
      }
    });

    it("leaves the user's sessions, and a repeat gives the same outcome", async () => {
      const identifier = on.newEmail();
      const earlier = await on.redeem(web, await on.send(web, identifier));
      on.server.clock.advance(minute);
      const { challengeId, code } = await sent(web, identifier);
      const request = { challengeId, code, session: SessionKind.NONE, idempotencyKey: "session-kind-none-1" };
      const first = await web.verifyOtp(request);
      expect(await web.verifyOtp(request)).toEqual(first);
      expect(await sessionsOf(first.user!.userId)).toMatchObject([{ sessionId: earlier.sessionId }]);
    });
  });

  it.each(["was locked", "left"] as const)(
    "a repeat of SESSION_KIND_NONE gives nothing of a user who %s since",
    async (how) => {
      const identifier = on.newEmail();
      // A member of another app of the pool too, so that leaving does not erase the person.
      await on.redeem(on.strict.web, await on.send(on.strict.web, identifier));
      on.server.clock.advance(minute);
      const { challengeId, code } = await sent(web, identifier);
      const request = { challengeId, code, session: SessionKind.NONE, idempotencyKey: `session-kind-none-${how.length}` };
      const { userId } = (await web.verifyOtp(request)).user!;
      const change = { appId: "plain", userId, now: on.server.clock() };
      if (how === "was locked") await on.elsewhere.users.setLock({ ...change, locked: true });
      else await on.elsewhere.users.leave(change);
      expect((await refused(web.verifyOtp(request))).reason).toBe("CODE_INVALID");
    },
  );

  describe("SESSION_KIND_CREDENTIAL", () => {
    it("gives a confidential client one credential, with no token beside it, that acts as the user", async () => {
      const done = await redeem(backend, SessionKind.CREDENTIAL);
      expect(done.sessionCredential).toMatch(/^lkc_[A-Za-z0-9_-]{43}$/);
      expect([done.tokens, Number(done.sessionCredentialExpiresAt!.seconds) * 1000]).toEqual([
        undefined,
        on.server.clock() + 7 * day,
      ]);
      const { user } = await asUser().getCurrentUser({}, bearer(done.sessionCredential));
      expect(user?.userId).toBe(done.user!.userId);
      expect(await sessionsOf(user!.userId)).toMatchObject([{ sessionId: done.sessionId, clientId: "plain-backend" }]);
    });

    it("is stored as a hash alone", async () => {
      const { sessionCredential, sessionId } = await redeem(backend, SessionKind.CREDENTIAL);
      const [row] = await queryRaw<{ credential_hash: Uint8Array }>(on.server, "SELECT * FROM sessions WHERE session_id = ?", [
        sessionId,
      ]);
      expect(Buffer.from(row!.credential_hash)).toEqual(createHash("sha256").update(sessionCredential).digest());
      const dump = Object.values(row!).map((value) =>
        value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value,
      );
      expect(JSON.stringify(dump)).not.toContain(sessionCredential.slice(4));
      expect(
        Object.values(row!).some(
          (value) => value instanceof Uint8Array && Buffer.from(sessionCredential.slice(4), "base64url").equals(value),
        ),
      ).toBe(false);
    });

    it("lasts as long as it is used, to the session's end, and is gone when the session ends", async () => {
      const done = await redeem(backend, SessionKind.CREDENTIAL);
      const user = bearer(done.sessionCredential);
      for (let days = 0; days < 24; days += 6) {
        on.server.clock.advance(6 * day);
        await asUser().getCurrentUser({}, user);
        // No call waits for this.
        await eventually("the use of the session", async () =>
          (await sessionsOf(done.user!.userId)).find(({ lastUsedAt }) => lastUsedAt === on.server.clock()),
        );
      }
      on.server.clock.advance(7 * day);
      expect((await refused(asUser().getCurrentUser({}, user))).reason).toBe("TOKEN_INVALID");
      const other = await redeem(backend, SessionKind.CREDENTIAL);
      await backend.revokeToken({ token: other.sessionCredential });
      expect((await refused(asUser().getCurrentUser({}, bearer(other.sessionCredential)))).reason).toBe("TOKEN_INVALID");
      expect(await sessionsOf(other.user!.userId)).toEqual([]);
    });

    it("is the same when a lost reply is asked for again, and makes no second session", async () => {
      const { challengeId, code } = await sent(backend);
      const request = { challengeId, code, session: SessionKind.CREDENTIAL, idempotencyKey: "credential-again-01" };
      const first = await backend.verifyOtp(request);
      const again = await backend.verifyOtp(request);
      expect(again.sessionCredential).toBe(first.sessionCredential);
      expect(await sessionsOf(first.user!.userId)).toHaveLength(1);
      const tokens = backend.verifyOtp({ challengeId, code, idempotencyKey: "credential-again-01" });
      expect((await refused(tokens)).reason).toBe("CODE_INVALID");
    });

    it("is refused to a public client without the cookie, before anything is spent", async () => {
      const { challengeId, code } = await sent(web);
      const refusal = await explained(web.verifyOtp({ challengeId, code, session: SessionKind.CREDENTIAL }));
      expect(refusal).toEqual({ reason: "REQUEST_INVALID", metadata: {}, fields: ["session"] });
      expect(await on.elsewhere.challenges.find(challengeId)).toMatchObject({ attempts: 0, consumedAt: null });
      expect((await web.verifyOtp({ challengeId, code })).tokens).toBeDefined();
    });
  });

  describe("the session cookie", () => {
    async function signIn(given: object = {}) {
      const { challengeId, code } = await sent(web);
      const answer = await page("VerifyOtp", { challengeId, code, ...given });
      return { ...answer, request: { challengeId, code, ...given }, credential: cookieShape.exec(answer.cookie)?.[1] ?? "" };
    }

    it("carries the credential of a public client that asks for it, and the body has neither token nor credential", async () => {
      const { status, body, cookie, credential } = await signIn();
      expect(status).toBe(200);
      expect(cookie).toMatch(cookieShape);
      for (const attribute of ["Secure", "HttpOnly", "SameSite=Lax", "Path=/", `Max-Age=${30 * 24 * 60 * 60}`])
        expect(cookie).toContain(attribute);
      expect(body).not.toContain(credential);
      expect(body).not.toContain("oken");
      expect(JSON.parse(body)).toMatchObject({ sessionId: expect.any(String), isNewUser: true });
      const me = await page("GetCurrentUser", {}, { cookie: `__Host-latchkey=${credential}` });
      expect([me.status, JSON.parse(me.body).user.userId]).toEqual([200, JSON.parse(body).user.userId]);
    });

    it("is the same when a lost reply is asked for again; the same call without it gets neither cookie nor tokens", async () => {
      const { request, credential } = await signIn({ idempotencyKey: "cookie-again-000001" });
      expect(cookieShape.exec((await page("VerifyOtp", request)).cookie)?.[1]).toBe(credential);
      const without = await web.verifyOtp(request).catch((error) => error);
      expect(String(without)).toContain("This code does not work");
    });

    it("is not given with tokens, and SESSION_KIND_NONE sets none", async () => {
      const { challengeId, code } = await sent(web);
      const tokens = await page("VerifyOtp", { challengeId, code, session: "SESSION_KIND_TOKENS" });
      expect([tokens.status, tokens.cookie]).toEqual([400, ""]);
      expect(await on.elsewhere.challenges.find(challengeId)).toMatchObject({ attempts: 0, consumedAt: null });
      const none = await page("VerifyOtp", { challengeId, code, session: "SESSION_KIND_NONE" });
      expect([none.status, none.cookie]).toEqual([200, ""]);
    });

    it("is removed by signing out with an empty token, which ends its session", async () => {
      const { body, credential } = await signIn();
      const cookie = `__Host-latchkey=${credential}`;
      const out = await page("RevokeToken", {}, { cookie });
      expect([out.status, out.cookie]).toEqual([200, expect.stringMatching(/^__Host-latchkey=;.*Max-Age=0/)]);
      expect(await sessionsOf(JSON.parse(body).user.userId)).toEqual([]);
      expect((await page("GetCurrentUser", {}, { cookie })).status).toBe(401);
      expect((await page("RevokeToken", {}, { cookie })).status).toBe(200);
      expect((await explained(web.revokeToken({ token: "" }))).fields).toEqual(["token"]);
    });

    it("of another app is neither used nor ended nor removed", async () => {
      const { body, credential } = await signIn();
      const cookie = `__Host-latchkey=${credential}`;
      const other = { "x-latchkey-client": "strict-web", cookie };
      expect((await page("GetCurrentUser", {}, other)).status).toBe(401);
      expect(await page("RevokeToken", {}, other)).toMatchObject({ status: 200, cookie: "" });
      expect(await sessionsOf(JSON.parse(body).user.userId)).toHaveLength(1);
      expect((await page("GetCurrentUser", {}, { cookie })).status).toBe(200);
    });
  });

  describe("a session of a confidential client", () => {
    const unauthenticated = () => on.server.authWith({ "x-latchkey-client": "plain-backend" });

    it("is refreshed by that client alone, authenticated, and a refused refresh spends nothing", async () => {
      const { tokens } = await redeem(backend, SessionKind.TOKENS);
      const { refreshToken } = tokens!;
      expect((await refused(unauthenticated().refreshToken({ refreshToken }))).reason).toBe("CLIENT_INVALID");
      for (const auth of [web, on.strict.web, on.strict.backend, on.server.authWith({})]) {
        expect((await refused(auth.refreshToken({ refreshToken }))).reason).toBe("SESSION_ENDED");
      }
      const userToken = bearer(tokens!.accessToken);
      expect((await refused(unauthenticated().refreshToken({ refreshToken }, userToken))).reason).toBe("CLIENT_INVALID");
      expect((await backend.refreshToken({ refreshToken })).tokens?.refreshToken).not.toBe(refreshToken);
    });

    it("is ended by that client alone, authenticated, with the refresh token or the credential", async () => {
      const { tokens, user } = await redeem(backend, SessionKind.TOKENS);
      const { sessionCredential, user: other } = await redeem(backend, SessionKind.CREDENTIAL);
      for (const token of [tokens!.refreshToken, sessionCredential]) {
        expect((await refused(unauthenticated().revokeToken({ token }))).reason).toBe("CLIENT_INVALID");
        for (const auth of [web, on.strict.web, on.strict.backend]) await auth.revokeToken({ token });
      }
      expect([await sessionsOf(user!.userId), await sessionsOf(other!.userId)].map((rows) => rows.length)).toEqual([1, 1]);
      for (const token of [tokens!.refreshToken, sessionCredential]) await backend.revokeToken({ token });
      expect([await sessionsOf(user!.userId), await sessionsOf(other!.userId)]).toEqual([[], []]);
    });

    it("is ended by the user's own access token too, in its app and in no other", async () => {
      const ways = [
        (token: string, _sessionId: string) => web.revokeToken({ token }),
        (token: string, sessionId: string) => asUser().revokeSession({ sessionId }, bearer(token)),
      ];
      for (const end of ways) {
        const { tokens, user, sessionId } = await redeem(backend, SessionKind.TOKENS);
        for (const auth of [on.strict.web, on.strict.backend]) await auth.revokeToken({ token: tokens!.accessToken });
        expect(await sessionsOf(user!.userId)).toHaveLength(1);
        await end(tokens!.accessToken, sessionId);
        expect(await sessionsOf(user!.userId)).toEqual([]);
      }
    });
  });
});
