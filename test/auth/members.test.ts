import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bearer, explained, refused } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { watchedHasher } from "../support/hasher.js";
import { addMember, type GivenMember } from "../support/members.js";
import { type AppUnderTest, type Auth, startTwoApps, type TwoApps } from "./two-apps.js";

const minute = 60_000;
let phones = 0;
const newPhone = () => `+4672${String(1_000_000 + phones++)}`;

describe.each(testEngines())("on $engine", ({ database }) => {
  let on: TwoApps;
  let web: Auth;
  let backend: Auth;
  let hashes: number;
  beforeEach(async () => {
    hashes = 0;
    const codes = watchedHasher(() => {
      hashes += 1;
    });
    on = await startTwoApps(await database(), { codes });
    ({ web, backend } = on.plain);
  });
  afterEach(() => on.stop());

  const now = () => on.server.clock();
  const add = (given: GivenMember, appId: string = on.plain.appId) => addMember(on.elsewhere, { appId, now: now() }, given);
  async function signIn(app: AppUnderTest = on.plain, email = on.newEmail()) {
    const done = await on.redeem(app.web, await on.send(app.web, email));
    on.server.clock.advance(minute);
    return { ...done, email, user: done.user!, tokens: done.tokens! };
  }
  const isDecoy = async (challenge: { challengeId: string } | undefined) =>
    (await on.elsewhere.challenges.find(challenge!.challengeId))!.decoy;
  const setRoles = async (appId: "plain" | "strict", roles: readonly string[]) => {
    await on.elsewhere.apps.changeApp({ appId, apply: (app) => ({ ...app, roles }) });
    await on.change(appId, {});
  };

  describe("a person of another app of the pool", () => {
    it("is joined by a sign-in that may create users: the same person, new to the app, with the app's organization and no role", async () => {
      const there = await signIn(on.strict);
      const here = await signIn(on.plain, there.email);
      expect([here.isNewUser, here.user.userId]).toEqual([true, there.user.userId]);
      const key = { kind: "user_id" as const, value: here.user.userId };
      const found = await on.elsewhere.users.find({ poolId: "main", appId: "plain", key });
      const { ownerOrganization } = (await on.elsewhere.apps.findApp("plain"))!;
      expect(found?.membership).toMatchObject({
        roles: [],
        kind: "",
        ownerOrganization,
        externalId: null,
        appAttributes: "",
        credentialType: "otp",
        state: "active",
      });
      expect((await signIn(on.plain, there.email)).isNewUser).toBe(false);
    });

    it("is joined by a registration, whose profile is void", async () => {
      const there = await signIn(on.strict);
      const { challenges } = await web.registerUser({ email: there.email.value, displayName: "Void", username: "void" });
      const here = await on.redeem(web, challenges[0]!);
      expect(here).toMatchObject({ isNewUser: true, user: { userId: there.user.userId, displayName: "", username: "" } });
    });

    it("gets no code where none may be created, by any identifier, and is not joined", async () => {
      const { user, email } = await signIn(on.strict);
      for (const auth of [web, backend]) {
        const { challenge } = await auth.sendOtp({ identifier: email });
        expect(await isDecoy(challenge)).toBe(true);
        on.server.clock.advance(2 * minute);
      }
      const byId = await backend.sendOtp({ identifier: { case: "userId", value: user.userId }, createUserIfMissing: true });
      expect(await isDecoy(byId.challenge)).toBe(true);
      const { challengeId } = await on.send(web, email);
      const { code } = await on.server.messageOf({ challengeId });
      const call = web.verifyOtp({ challengeId, code, createUserIfMissing: false });
      expect((await refused(call)).reason).toBe("CODE_INVALID");
      const key = { kind: "user_id" as const, value: user.userId };
      expect((await on.elsewhere.users.find({ poolId: "main", appId: "plain", key }))?.membership).toBeNull();
    });

    it("gives nothing of the other app to a message: not even the language", async () => {
      const email = on.newEmail();
      await add({ email: email.value, verifiedAt: now(), locale: "sv" }, "strict");
      const { challengeId } = await on.send(web, email);
      expect((await on.elsewhere.challenges.find(challengeId))?.locale).toBe("");
      on.server.clock.advance(minute);
      const own = await on.send(on.strict.web, email);
      expect((await on.elsewhere.challenges.find(own.challengeId))?.locale).toBe("sv");
    });
  });

  describe("a member who can't sign in", () => {
    it.each([
      { what: "is locked", given: { state: "locked" } as const },
      { what: "has no credential", given: { credentialType: "none" } as const },
    ])("because it $what gets decoys, and its contact creates no second person", async ({ given }) => {
      const email = on.newEmail();
      await add({ email: email.value, verifiedAt: now(), username: "lockedout", ...given });
      for (const identifier of [email, { case: "username" as const, value: "lockedout" }]) {
        const { challenge } = await web.sendOtp({ identifier, createUserIfMissing: true });
        expect(await isDecoy(challenge)).toBe(true);
        on.server.clock.advance(minute);
      }
      const { challenges } = await web.registerUser({ email: email.value });
      const { challengeId, code } = await on.server.messageOf(challenges[0]);
      expect((await refused(web.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
      expect((await on.elsewhere.challenges.find(challengeId))?.consumedAt).toBeNull();
    });

    it("because it is locked is named to confidential clients before a hash is computed, and to nobody else", async () => {
      const email = on.newEmail();
      await add({ email: email.value, verifiedAt: now(), state: "locked" });
      const before = hashes;
      expect(await refused(backend.sendOtp({ identifier: email }))).toMatchObject({
        code: "FailedPrecondition",
        reason: "USER_LOCKED",
      });
      expect(hashes).toBe(before);
      const { challenges } = await backend.registerUser({ email: email.value });
      const { challengeId, code } = await on.server.messageOf(challenges[0]);
      const cause = { reason: "CODE_INVALID", metadata: { cause: "USER_LOCKED" } };
      expect(await explained(backend.verifyOtp({ challengeId, code }))).toMatchObject(cause);
    });

    it("because of one app signs in at the other", async () => {
      const email = on.newEmail();
      await add({ email: email.value, verifiedAt: now(), state: "locked" });
      await add({ email: email.value }, "strict");
      on.server.clock.advance(minute);
      expect((await signIn(on.strict, email)).isNewUser).toBe(false);
    });

    it("because it was locked has neither session nor live code left, and a refresh ends", async () => {
      const { user, email, tokens } = await signIn();
      const waiting = await on.send(web, email);
      const { code } = await on.server.messageOf(waiting);
      await on.elsewhere.users.setLock({ appId: "plain", userId: user.userId, locked: true, now: now() });
      expect((await refused(web.getCurrentUser({}, bearer(tokens.accessToken)))).reason).toBe("TOKEN_INVALID");
      expect((await refused(web.refreshToken({ refreshToken: tokens.refreshToken }))).reason).toBe("SESSION_ENDED");
      expect((await refused(web.verifyOtp({ challengeId: waiting.challengeId, code }))).reason).toBe("CODE_INVALID");
      await on.elsewhere.users.setLock({ appId: "plain", userId: user.userId, locked: false, now: now() });
      on.server.clock.advance(2 * minute);
      expect((await signIn(on.plain, email)).user.userId).toBe(user.userId);
    });
  });

  describe("roles and app attributes", () => {
    it("are in tokens at the sign-in and, as they are then, after a refresh; the user sees the roles", async () => {
      await setRoles("plain", ["admin", "nurse"]);
      await on.change("plain", { tokenFields: ["roles"], tokenAttributes: ["plan", "seats", "absent"] });
      const email = on.newEmail();
      const { user } = await add({
        email: email.value,
        roles: ["nurse"],
        appAttributes: '{"plan":"gold","seats":{"max":3},"secret":"hidden"}',
      });
      const { tokens, user: answered } = await signIn(on.plain, email);
      const app = { plan: "gold", seats: { max: 3 } };
      for (const token of [tokens.accessToken, tokens.idToken]) {
        expect(decodeJwt(token)).toMatchObject({ roles: ["nurse"], app });
        expect(decodeJwt(token).app).toEqual(app);
      }
      expect(answered.roles).toEqual(["nurse"]);
      const own = await web.getCurrentUser({}, bearer(tokens.accessToken));
      expect(own.user).toMatchObject({ roles: ["nurse"], kind: "", externalId: "", ownerOrganization: "" });
      expect(own.user?.appAttributes).toBeUndefined();
      await on.elsewhere.users.updateMember({
        appId: "plain",
        userId: user.userId,
        roles: ["admin"],
        appAttributes: '{"plan":"none"}',
      });
      const renewed = await web.refreshToken({ refreshToken: tokens.refreshToken });
      expect(decodeJwt(renewed.tokens!.accessToken)).toMatchObject({ roles: ["admin"], app: { plan: "none" } });
      const changed = await web.updateCurrentUser(
        { displayName: "Ada", updateMask: { paths: ["display_name"] } },
        bearer(tokens.accessToken),
      );
      expect(changed.user).toMatchObject({ displayName: "Ada", roles: ["admin"] });
    });

    it("that the app has removed from its list of roles are in no token any more", async () => {
      await setRoles("plain", ["admin"]);
      await on.change("plain", { tokenFields: ["roles"] });
      const email = on.newEmail();
      await add({ email: email.value, roles: ["admin"] });
      const { tokens } = await signIn(on.plain, email);
      await setRoles("plain", ["other"]);
      const renewed = await web.refreshToken({ refreshToken: tokens.refreshToken });
      expect(decodeJwt(renewed.tokens!.accessToken).roles).toEqual([]);
    });

    it("never make a token too large to send: what no longer fits is left out", async () => {
      const names = Array.from({ length: 16 }, (_, n) => `text${n}`);
      await on.change("plain", { tokenAttributes: names });
      const email = on.newEmail();
      const attributes = Object.fromEntries(names.map((name) => [name, "x".repeat(400)]));
      await add({ email: email.value, appAttributes: JSON.stringify(attributes) });
      const { tokens } = await signIn(on.plain, email);
      expect(tokens.accessToken.length).toBeLessThan(4096);
      expect(Object.keys(decodeJwt(tokens.accessToken).app as object)).toEqual(["text0", "text1"]);
      expect((await web.getCurrentUser({}, bearer(tokens.accessToken))).user).toBeDefined();
    });

    it("and a contact that the app only claims: tokens carry verified contacts alone", async () => {
      await on.change("plain", { tokenFields: ["email", "phone"] });
      const email = on.newEmail();
      await add({ email: email.value, phone: newPhone() });
      const { tokens, user } = await signIn(on.plain, email);
      expect(user.contacts.map(({ verifiedAt }) => verifiedAt !== undefined)).toEqual([true, false]);
      const claims = decodeJwt(tokens.accessToken);
      expect([claims.email, claims.phone_number]).toEqual([email.value, undefined]);
    });
  });

  describe("a user who deletes the own account", () => {
    it("leaves the app: its sessions end, and those of the other app go on with everything that is the person's", async () => {
      const there = await signIn(on.strict);
      const here = await signIn(on.plain, there.email);
      await web.deleteCurrentUser({}, bearer(here.tokens.accessToken));
      expect((await refused(web.getCurrentUser({}, bearer(here.tokens.accessToken)))).reason).toBe("TOKEN_INVALID");
      expect((await refused(web.refreshToken({ refreshToken: here.tokens.refreshToken }))).reason).toBe("SESSION_ENDED");
      const { user } = await on.strict.web.getCurrentUser({}, bearer(there.tokens.accessToken));
      expect(user).toEqual(there.user);
      const again = await signIn(on.plain, there.email);
      expect([again.isNewUser, again.user.userId]).toEqual([true, there.user.userId]);
    });

    it("is erased with the last membership: the contact has a new person afterwards", async () => {
      const mine = await signIn();
      await web.deleteCurrentUser({}, bearer(mine.tokens.accessToken));
      const key = { kind: "user_id" as const, value: mine.user.userId };
      expect(await on.elsewhere.users.find({ poolId: "main", appId: "plain", key })).toBeNull();
      const next = await signIn(on.plain, mine.email);
      expect([next.isNewUser, next.user.userId === mine.user.userId]).toEqual([true, false]);
    });
  });

  it("an invited member becomes active by the first sign-in, and is a new user of nobody's", async () => {
    const email = on.newEmail();
    const { user } = await add({ email: email.value, state: "invited" });
    const done = await signIn(on.plain, email);
    expect([done.user.userId, done.isNewUser]).toEqual([user.userId, false]);
    const key = { kind: "user_id" as const, value: user.userId };
    const found = await on.elsewhere.users.find({ poolId: "main", appId: "plain", key });
    expect(found?.membership?.state).toBe("active");
  });
});
