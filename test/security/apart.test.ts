import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserService } from "../../src/gen/latchkey/v1/user_service_pb.js";
import { scopes } from "../../src/model/scope.js";
import { startTwoApps, type TwoApps } from "../auth/two-apps.js";
import { addBackend } from "../support/backend.js";
import { bearer, refusalOf, refused } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { addMember } from "../support/members.js";

const minute = 60_000;
const places = testEngines().flatMap(({ engine, database }) => [
  { where: `in one pool, on ${engine}`, pools: false, database },
  { where: `in two pools, on ${engine}`, pools: true, database },
]);

/** A member of the other app, and a person that no app has. Alike in length. */
const stranger = { email: "strang@example.com", phone: "+46701234567", username: "strang", userId: "", number: 0n };
const unknown = {
  email: "nobody@example.com",
  phone: "+46709876543",
  username: "nobody",
  userId: "00000000-0000-4000-8000-000000000000",
  number: 4_000_000_000n,
};
type Person = typeof stranger;

describe.each(places)("a member of another app $where,", ({ database, pools }) => {
  let on: TwoApps;
  let users: ReturnType<typeof createUsers>;
  let member: { userId: string; accessToken: string; refreshToken: string; sessionId: string };

  function createUsers(authorization: string) {
    const baseUrl = `http://127.0.0.1:${on.server.app.httpPort}`;
    const transport = createConnectTransport({
      baseUrl,
      httpVersion: "1.1",
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", authorization);
          return next(request);
        },
      ],
    });
    return createClient(UserService, transport);
  }

  beforeAll(async () => {
    on = await startTwoApps(await database(), { pools });
    await on.elsewhere.apps.changeApp({ appId: "strict", apply: (app) => ({ ...app, roles: ["secret"] }) });
    const ordinary = scopes.filter((scope) => scope !== "operator" && scope !== "apps:admin");
    const backend = await addBackend({ store: on.elsewhere }, { clientId: "ordinary", appId: "plain", scopes: ordinary });
    users = createUsers(backend.authorization);
    await on.change("strict", { tokenFields: ["roles"], tokenAttributes: ["plan"] });
    const poolId = pools ? "people-of-strict" : "main";
    const now = on.server.clock();
    const { email, phone, username } = stranger;
    const given = { email, phone, username, verifiedAt: now, roles: ["secret"], appAttributes: '{"plan":"secret"}' };
    const { user } = await addMember(on.elsewhere, { appId: "strict", poolId, now }, { ...given, externalId: "ext-1" });
    Object.assign(stranger, { userId: user.userId, number: BigInt(user.number) });
    const identifier = { case: "email" as const, value: email };
    const done = await on.redeem(on.strict.web, (await on.strict.web.sendOtp({ identifier })).challenge!);
    const { accessToken, refreshToken, sessionId } = done.tokens!;
    member = { userId: user.userId, accessToken, refreshToken, sessionId };
    on.server.clock.advance(20 * minute);
  });
  afterAll(() => on.stop());

  /** What a call answers, with what differs between the two people replaced. */
  async function answerTo(call: Promise<unknown>, person: Person): Promise<string> {
    const answer = await call.catch((error: unknown) => ({ refused: refusalOf(error) }));
    let text = JSON.stringify(answer, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    for (const value of [person.email, person.phone, person.username, person.userId]) {
      text = text.replaceAll(value, "…");
    }
    return text.replace(/"challengeId":"[^"]*"|"maskedDestination":"[^"]*"|"resendAt":\{[^}]*\}/g, "…");
  }

  const named = ({ email, phone, username }: Person) => [
    { case: "email" as const, value: email },
    { case: "phone" as const, value: phone },
    { case: "username" as const, value: username },
  ];

  it("is unknown to the app's public and confidential callers: every answer of SendOtp and VerifyOtp is that for an unknown person", async () => {
    for (const auth of [on.plain.web, on.plain.backend]) {
      for (const index of [0, 1, 2]) {
        const answers = [];
        for (const person of [stranger, unknown]) {
          const identifier = named(person)[index]!;
          const sent = await auth.sendOtp({ identifier });
          const { challengeId } = sent.challenge!;
          const parts = [await answerTo(Promise.resolve(sent), person)];
          parts.push(await answerTo(auth.sendOtp({ identifier }), person).then((text) => text.replace(/\d+/g, "n")));
          parts.push(
            await answerTo(auth.sendOtp({ identifier, reuseLive: true }), person).then((text) => text.replace(/\d+/g, "n")),
          );
          for (let guess = 0; guess < 6; guess += 1) {
            parts.push(await answerTo(auth.verifyOtp({ challengeId, code: `00000${guess}` }), person));
          }
          expect((await on.elsewhere.challenges.find(challengeId))?.decoy).toBe(true);
          answers.push(parts);
        }
        expect(answers[0]).toEqual(answers[1]);
        on.server.clock.advance(25 * 60 * minute);
      }
      if (auth === on.plain.backend) {
        const byId = [];
        for (const person of [stranger, unknown]) {
          const call = auth.sendOtp({ identifier: { case: "userId", value: person.userId }, createUserIfMissing: true });
          byId.push(await answerTo(call, person));
        }
        expect(byId[0]).toEqual(byId[1]);
      }
    }
    expect(await on.server.messages(stranger.phone, 0)).toEqual([]);
  });

  it("is unknown to UserService: every read and write answers as for an id or contact that no user has", async () => {
    const contact = { case: "email" as const, value: "new@example.com" };
    const calls: [string, (person: Person) => Promise<unknown>][] = [
      ["GetUser by id", ({ userId }) => users.getUser({ key: { case: "userId", value: userId } })],
      ["GetUser by number", ({ number }) => users.getUser({ key: { case: "number", value: number } })],
      ["GetUser by e-mail", ({ email }) => users.getUser({ key: { case: "email", value: email } })],
      ["GetUser by phone", ({ phone }) => users.getUser({ key: { case: "phone", value: phone } })],
      ["GetUser by username", ({ username }) => users.getUser({ key: { case: "username", value: username } })],
      ["GetUser by external id", () => users.getUser({ key: { case: "externalId", value: "ext-1" } })],
      ["ListUsers", ({ email }) => users.listUsers({ filter: { field: { case: "email", value: email } } })],
      ["UpdateUser", ({ userId }) => users.updateUser({ userId, kind: "x", updateMask: { paths: ["kind"] } })],
      ["LockUser", ({ userId }) => users.lockUser({ userId })],
      ["UnlockUser", ({ userId }) => users.unlockUser({ userId })],
      ["UnblockUser", ({ userId }) => users.unblockUser({ userId })],
      ["DeleteUser", ({ userId }) => users.deleteUser({ userId })],
      ["AddContact", ({ userId }) => users.addContact({ userId, contact })],
      ["RemoveContact", ({ userId, email }) => users.removeContact({ userId, contact: { case: "email", value: email } })],
      ["ListUserSessions", ({ userId }) => users.listUserSessions({ userId })],
      ["RevokeUserSessions", ({ userId }) => users.revokeUserSessions({ userId })],
      ["ExplainSignIn", ({ email }) => users.explainSignIn({ key: { case: "email", value: email } })],
    ];
    for (const [what, call] of calls) {
      const [one, other] = [await answerTo(call(stranger), stranger), await answerTo(call(unknown), unknown)];
      expect([what, one]).toEqual([what, other]);
    }
    const asked = { userId: member.userId, appId: "strict", now: on.server.clock() };
    expect((await on.elsewhere.sessions.list(asked)).map(({ sessionId }) => sessionId)).toEqual([member.sessionId]);
    expect((await on.elsewhere.apps.findApp("strict"))?.state).toBe("active");
  });

  it("has a token and a session that do nothing at the app", async () => {
    const { accessToken, refreshToken, sessionId } = member;
    const { web, backend } = on.plain;
    const renewed = await on.strict.web.refreshToken({ refreshToken });
    const token = bearer(renewed.tokens!.accessToken);
    member = { ...member, refreshToken: renewed.tokens!.refreshToken };
    for (const call of [
      () => web.getCurrentUser({}, token),
      () => web.listSessions({}, token),
      () => web.updateCurrentUser({ displayName: "x", updateMask: { paths: ["display_name"] } }, token),
      () => web.startContactChange({ contact: { case: "email", value: "new@example.com" } }, token),
      () => web.deleteCurrentUser({}, token),
      () => web.revokeOtherSessions({}, token),
    ]) {
      expect((await refused(call())).reason).toBe("CLIENT_UNKNOWN");
    }
    for (const auth of [web, backend]) {
      expect((await refused(auth.refreshToken({ refreshToken: member.refreshToken }))).reason).toBe("SESSION_ENDED");
      await auth.revokeToken({ token: member.refreshToken });
      await auth.revokeToken({ token: accessToken });
    }
    const own = await on.redeem(web, await on.send(web));
    const revoke = web.revokeSession({ sessionId }, bearer(own.tokens!.accessToken));
    expect((await refused(revoke)).reason).toBe("SESSION_NOT_FOUND");
    expect((await on.strict.web.getCurrentUser({}, token)).user?.userId).toBe(member.userId);
  });

  it("once joined, shows nothing of the other app: roles, app attributes and sessions are the app's own", async () => {
    const identifier = { case: "email" as const, value: stranger.email };
    const { challenge } = await on.plain.web.sendOtp({ identifier, createUserIfMissing: true });
    const done = await on.redeem(on.plain.web, challenge!);
    expect([done.isNewUser, done.user?.userId === member.userId]).toEqual([true, !pools]);
    expect(done.user).toMatchObject({ roles: [], username: pools ? "" : stranger.username });
    expect(JSON.stringify(done, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
      "secret",
    );
    const { sessions } = await on.plain.web.listSessions({}, bearer(done.tokens!.accessToken));
    expect(sessions.map(({ sessionId }) => sessionId)).toEqual([done.sessionId]);
    const { user } = await users.getUser({ key: { case: "userId", value: done.user!.userId } });
    expect(user).toMatchObject({ roles: [], kind: "", externalId: "" });
    expect(user?.appAttributes).toBeUndefined();
    const listed = await users.listUserSessions({ userId: done.user!.userId });
    expect(listed.sessions.map(({ sessionId }) => sessionId)).toEqual([done.sessionId]);
    await users.lockUser({ userId: done.user!.userId });
    expect((await on.strict.web.refreshToken({ refreshToken: member.refreshToken })).tokens).toBeDefined();
  });
});
