import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChallengeState, Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { SessionKind } from "../../src/gen/latchkey/v1/session_pb.js";
import { newClient } from "../store/contract/directory-fixtures.js";
import { bearer, explained, refused } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { type AppUnderTest, type Auth, startTwoApps, type TwoApps } from "./two-apps.js";

const minute = 60_000;
const places = testEngines().flatMap(({ engine, database }) => [
  { where: `in one pool, on ${engine}`, pools: false, database },
  { where: `in two pools, on ${engine}`, pools: true, database },
]);

describe.each(places)("two apps $where:", ({ database, pools }) => {
  let on: TwoApps;
  let own: AppUnderTest;
  let other: AppUnderTest;
  let others: readonly Auth[];
  beforeAll(async () => {
    on = await startTwoApps(await database(), { pools });
    ({ plain: own, strict: other } = on);
    others = [other.web, other.backend];
  });
  afterAll(() => on.stop());

  /** A sign-in at one of the apps, with every kind of thing that it gives. */
  async function signIn(auth: Auth = own.web, session = SessionKind.TOKENS, identifier = on.newEmail()) {
    const { challengeId } = await on.send(auth, identifier);
    const { code } = await on.server.messageOf({ challengeId });
    return await auth.verifyOtp({ challengeId, code, session });
  }
  /** Calls that name no client: their credentials do. */
  const unnamed = () => on.server.authWith({});
  const aliveAt = async ({ user, sessionId }: Awaited<ReturnType<typeof signIn>>) => {
    const query = { userId: user!.userId, appId: own.appId, now: on.server.clock() };
    return (await on.elsewhere.sessions.list(query)).some((one) => one.sessionId === sessionId);
  };

  it("a challenge and its code work at their own app alone, and are unknown at the other", async () => {
    for (const from of [own.web, own.backend]) {
      const { challengeId } = await on.send(from);
      const { code } = await on.server.messageOf({ challengeId });
      expect(await explained(other.web.verifyOtp({ challengeId, code }))).toMatchObject({
        reason: "CODE_INVALID",
        metadata: {},
      });
      const unknown = { reason: "CODE_INVALID", metadata: { cause: "UNKNOWN" } };
      expect(await explained(other.backend.verifyOtp({ challengeId, code }))).toMatchObject(unknown);
      const resend = { identifier: { case: "challengeId" as const, value: challengeId } };
      expect(await explained(other.backend.sendOtp(resend))).toMatchObject(unknown);
      expect((await refused(other.backend.getChallenge({ challengeId }))).reason).toBe("CHALLENGE_NOT_FOUND");
      expect(await on.elsewhere.challenges.find(challengeId)).toMatchObject({ attempts: 0, sends: 1 });
      expect((await from.verifyOtp({ challengeId, code })).tokens).toBeDefined();
    }
  });

  it("a challenge stays its app's, even if the id of its client is now a client of the other app", async () => {
    const clientId = "wanderer";
    const roaming = on.server.authWith({ "x-latchkey-client": clientId });
    const client = newClient({ clientId, appId: own.appId, verifyByIdentifier: true });
    await on.elsewhere.apps.createClient({ client, secret: null });
    await on.change("plain", {});
    const identifier = on.newEmail();
    const { challengeId } = await on.send(roaming, identifier);
    const { code } = await on.server.messageOf({ challengeId });
    await on.elsewhere.apps.deleteClient({ clientId, now: on.server.clock() });
    await on.elsewhere.apps.createClient({ client: { ...client, appId: other.appId }, secret: null });
    await on.change("plain", {});
    on.server.clock.advance(minute);
    expect((await refused(roaming.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
    const resend = { identifier: { case: "challengeId" as const, value: challengeId } };
    expect((await refused(roaming.sendOtp(resend))).reason).toBe("CODE_INVALID");
    const { challenge } = await roaming.sendOtp({ identifier, reuseLive: true });
    expect(challenge?.challengeId).not.toBe(challengeId);
    expect(await on.elsewhere.challenges.find(challengeId)).toMatchObject({ attempts: 0, sends: 1, consumedAt: null });
  });

  it("an access token is for its own app: another audience, and refused with the other app's client", async () => {
    const mine = await signIn();
    const theirs = await signIn(other.web);
    const [here, there] = [mine, theirs].map(({ tokens }) => decodeJwt(tokens!.accessToken));
    expect([here!.aud, there!.aud]).toEqual(["http://localhost:8080/apps/plain", "http://localhost:8080/apps/strict"]);
    expect([decodeJwt(mine.tokens!.idToken).aud, here!.client_id]).toEqual(["plain-web", "plain-web"]);
    const { accessToken } = mine.tokens!;
    expect((await refused(other.web.getCurrentUser({}, bearer(accessToken)))).reason).toBe("CLIENT_UNKNOWN");
    for (const auth of others) await auth.revokeToken({ token: accessToken });
    expect(await aliveAt(mine)).toBe(true);
    const theirToken = bearer(theirs.tokens!.accessToken);
    expect((await refused(other.web.revokeSession({ sessionId: mine.sessionId }, theirToken))).reason).toBe(
      "SESSION_NOT_FOUND",
    );
    await other.web.revokeOtherSessions({}, theirToken);
    expect((await own.web.getCurrentUser({}, bearer(accessToken))).user?.userId).toBe(mine.user!.userId);
  });

  it("an access token dies with its app's audience, as the other app's would be", async () => {
    const { tokens } = await signIn();
    const setAudience = (appId: string, audience: string) =>
      on.elsewhere.apps.changeApp({ appId, apply: (app) => ({ ...app, audience }) });
    await setAudience("plain", "urn:elsewhere");
    await on.change("plain", {});
    expect((await refused(unnamed().getCurrentUser({}, bearer(tokens!.accessToken)))).reason).toBe("TOKEN_INVALID");
    await setAudience("plain", "");
    await on.change("plain", {});
    expect((await unnamed().getCurrentUser({}, bearer(tokens!.accessToken))).user).toBeDefined();
  });

  it("a refresh token is neither exchanged nor ended at the other app, and stays good at its own", async () => {
    for (const from of [own.web, own.backend]) {
      const mine = await signIn(from);
      const { refreshToken } = mine.tokens!;
      for (const auth of others) {
        expect((await refused(auth.refreshToken({ refreshToken }))).reason).toBe("SESSION_ENDED");
        await auth.revokeToken({ token: refreshToken });
      }
      expect(await aliveAt(mine)).toBe(true);
      expect((await from.refreshToken({ refreshToken })).tokens).toBeDefined();
    }
  });

  it("a session credential is refused with the other app's client, and not ended by it", async () => {
    const mine = await signIn(own.backend, SessionKind.CREDENTIAL);
    const credential = mine.sessionCredential;
    expect((await refused(other.web.getCurrentUser({}, bearer(credential)))).reason).toBe("CLIENT_UNKNOWN");
    for (const auth of others) await auth.revokeToken({ token: credential });
    expect((await unnamed().getCurrentUser({}, bearer(credential))).user?.userId).toBe(mine.user!.userId);
  });

  it("a proof of a contact is for its client, and is no token anywhere", async () => {
    const { challenge } = await own.web.sendOtp({ identifier: on.newEmail(), purpose: Purpose.VERIFY_CONTACT });
    const { contactProof } = await on.redeem(own.web, challenge!);
    expect(decodeJwt(contactProof).aud).toBe("plain-web");
    for (const auth of [own.web, other.web, unnamed()]) {
      expect((await refused(auth.getCurrentUser({}, bearer(contactProof)))).reason).toBe("TOKEN_INVALID");
      expect((await refused(auth.refreshToken({ refreshToken: contactProof }))).reason).toBe("SESSION_ENDED");
    }
  });

  it("each has sessions, siblings and a cap of its own", async () => {
    await on.change("plain", { sessionsMax: 1 });
    const identifier = on.newEmail();
    const there = await signIn(other.web, SessionKind.TOKENS, identifier);
    on.server.clock.advance(minute);
    const waiting = await on.send(other.backend, identifier);
    await signIn(own.web, SessionKind.TOKENS, identifier);
    on.server.clock.advance(minute);
    const here = await signIn(own.web, SessionKind.TOKENS, identifier);
    expect((await other.backend.getChallenge({ challengeId: waiting.challengeId })).challenge?.state).toBe(
      ChallengeState.PENDING,
    );
    expect((await other.web.refreshToken({ refreshToken: there.tokens!.refreshToken })).tokens).toBeDefined();
    const { sessions } = await own.web.listSessions({}, bearer(here.tokens!.accessToken));
    expect(sessions.map(({ sessionId }) => sessionId)).toEqual([here.sessionId]);
    expect((await on.redeem(other.backend, waiting)).tokens).toBeDefined();
  });

  it("a user's token never brings the scopes of its client: its caller is a public one", async () => {
    const { tokens } = await signIn(own.backend);
    const asUser = on.server.authWith({
      authorization: `Bearer ${tokens!.accessToken}`,
      "x-latchkey-end-user-ip": "192.0.2.1",
    });
    const options = asUser.sendOtp({ identifier: on.newEmail(), customCode: "482915" });
    expect(await explained(options)).toMatchObject({ reason: "SCOPE_MISSING", metadata: { scope: "otp:options" } });
    const byId = { case: "userId" as const, value: "00000000-0000-4000-8000-000000000000" };
    expect(await explained(asUser.sendOtp({ identifier: byId }))).toMatchObject({ fields: ["user_id"] });
    const { challenge } = await asUser.sendOtp({ identifier: on.newEmail(), createUserIfMissing: true });
    const { challengeId } = challenge!;
    const { code } = await on.server.messageOf(challenge);
    expect(await explained(asUser.verifyOtp({ challengeId, code: "000000" }))).toMatchObject({ metadata: {} });
    const credential = asUser.verifyOtp({ challengeId, code, session: SessionKind.CREDENTIAL });
    expect(await explained(credential)).toMatchObject({ fields: ["session"] });
    for (const call of [asUser.getChallenge, asUser.cancelChallenge, asUser.approveChallenge]) {
      expect((await refused(call({ challengeId }))).reason).toBe("SCOPE_MISSING");
    }
    expect((await on.elsewhere.challenges.find(challengeId))?.consumedAt).toBeNull();
  });

  if (pools) {
    it("the same contact and the same username are two people, and neither pool shows the other's", async () => {
      const email = on.newEmail().value;
      const username = `twice${on.server.clock() % 100_000}`;
      const users = [];
      for (const { web } of [own, other]) {
        const { challenge } = await web.sendOtp({ identifier: { case: "email", value: email } });
        expect((await on.elsewhere.challenges.find(challenge!.challengeId))?.decoy).toBe(true);
        on.server.clock.advance(minute);
        const { challenges } = await web.registerUser({ email, username });
        const done = await on.redeem(web, challenges[0]!);
        expect([done.isNewUser, done.usernameTaken, done.user?.username]).toEqual([true, false, username]);
        users.push(done.user!.userId);
        on.server.clock.advance(minute);
      }
      expect(users[0]).not.toBe(users[1]);
      const foreign = { case: "userId" as const, value: users[0]! };
      const { challenge } = await other.backend.sendOtp({ identifier: foreign });
      expect((await on.elsewhere.challenges.find(challenge!.challengeId))?.decoy).toBe(true);
    });

    it("share no budget: sends and guesses spent in one leave those of the other", async () => {
      const identifier = on.newEmail();
      for (let n = 0; n < 4; n += 1) {
        const { challenge } = await own.web.sendOtp({ identifier });
        for (let guess = 0; guess < 5; guess += 1) {
          const wrong = own.webFrom(`192.0.2.${n}`).verifyOtp({ challengeId: challenge!.challengeId, code: `00000${guess}` });
          expect((await refused(wrong)).reason).toBe("CODE_INVALID");
        }
        on.server.clock.advance(6 * minute);
      }
      const { challenge } = await own.web.sendOtp({ identifier });
      const spent = own.web.verifyOtp({ challengeId: challenge!.challengeId, code: "000000" });
      expect((await refused(spent)).reason).toBe("TOO_MANY_REQUESTS");
      expect((await signIn(other.web, SessionKind.TOKENS, identifier)).isNewUser).toBe(true);
    });
  }
});
