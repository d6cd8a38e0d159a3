import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { bearer, refused, signIn, together } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { addMember } from "../support/members.js";

const minute = 60_000;
const victim = "victim@example.com";
const phone = "+46701234567";

describe.each(testEngines())("contacts on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database());
  });
  afterEach(() => on.stop());

  const store = () => on.app.core.deps.store;
  async function byPhone(auth = on.auth) {
    const { challenge } = await auth.sendOtp({ identifier: { case: "phone", value: phone }, createUserIfMissing: true });
    const { challengeId, code } = await on.messageOf(challenge);
    return await auth.verifyOtp({ challengeId, code });
  }

  it("E08: a registration of another's address that its maker can't prove gives the maker nothing, then or later", async () => {
    const attacker = on.authFrom("203.0.113.9");
    const pending = (await attacker.registerUser({ email: victim, displayName: "Attacker", username: "victim" }))
      .challenges[0]!;
    const owner = await signIn(on, victim);
    expect(owner).toMatchObject({ isNewUser: true, user: { displayName: "", username: "" } });
    const { code } = await on.messageOf(pending);
    expect((await refused(attacker.verifyOtp({ challengeId: pending.challengeId, code }))).reason).toBe("CODE_INVALID");
    const { sessions } = await on.auth.listSessions({}, bearer(owner.tokens.accessToken));
    expect(sessions).toHaveLength(1);
  });

  it("E08: an account that a backend made with another's address has no session left when its owner proves the address", async () => {
    const now = on.clock();
    const { user } = await addMember(store(), { appId: "default", now }, { email: victim, phone });
    const attacker = await byPhone();
    expect(attacker.user?.userId).toBe(user.userId);
    const owner = await signIn(on, victim);
    expect([owner.isNewUser, owner.user?.userId === user.userId]).toEqual([true, false]);
    const { user: seen } = await on.auth.getCurrentUser({}, bearer(attacker.tokens!.accessToken));
    expect(seen?.contacts.map(({ value }) => value)).toEqual([phone]);
  });

  it("E09: a contact that an attacker started to add, or that a backend claimed for the attacker, stays its owner's", async () => {
    const now = on.clock();
    const attacker = await signIn(on, "attacker@example.com");
    const { userId } = attacker.user!;
    const claimed = { kind: "phone", value: phone, verifiedAt: null } as const;
    await store().users.addContact({ appId: "default", userId, contact: claimed, primary: false, now });
    await on.auth.startContactChange({ contact: { case: "phone", value: phone } }, bearer(attacker.tokens.accessToken));
    on.clock.advance(minute);
    const owner = await byPhone();
    expect([owner.isNewUser, owner.user?.userId === attacker.user?.userId]).toEqual([true, false]);
    expect(owner.user?.contacts.map(({ value }) => value)).toEqual([phone]);
    const { user } = await on.auth.getCurrentUser({}, bearer(attacker.tokens.accessToken));
    expect(user?.contacts.map(({ value }) => value)).toEqual(["attacker@example.com"]);
  });

  it("E10: of users who prove one phone number at the same time exactly one has it, however they prove it", async () => {
    const people = [];
    for (let n = 0; n < 8; n += 1) {
      const auth = on.authFrom(`192.0.2.${n}`);
      const { tokens, user } = await signIn({ ...on, auth }, `person${n}@example.com`);
      const contact = { case: "phone" as const, value: phone };
      const started = await auth.startContactChange({ contact }, bearer(tokens.accessToken));
      const { challengeId, code } = await on.messageOf(started.challenge);
      people.push({ auth, tokens, user, redeem: () => auth.verifyOtp({ challengeId, code }, bearer(tokens.accessToken)) });
    }
    const login = await on.auth.sendOtp({ identifier: { case: "phone", value: phone }, createUserIfMissing: true });
    const { challengeId, code } = await on.messageOf(login.challenge);
    const calls = [...people.map(({ redeem }) => redeem), () => on.auth.verifyOtp({ challengeId, code })];
    const { results, reasons } = await together(calls.length * 2, (n) => calls[n % calls.length]!());
    const holders = await Promise.all(
      people.map(async ({ auth, tokens }) => {
        const { user } = await auth.getCurrentUser({}, bearer(tokens.accessToken));
        return user!.contacts.some(({ value }) => value === phone);
      }),
    );
    const signedIn = results.filter(({ tokens }) => tokens !== undefined);
    // A sign-in is of the holder, or makes the holder.
    const others = holders.filter((has) => has).length;
    expect(others <= 1).toBe(true);
    expect(new Set(results.map(({ user }) => user!.userId)).size).toBe(1);
    expect(others === 1 || signedIn.length === 1).toBe(true);
    expect(Object.keys(reasons).every((reason) => ["CONTACT_TAKEN", "CODE_INVALID"].includes(reason))).toBe(true);
    on.clock.advance(20 * minute);
    expect((await byPhone()).user?.userId).toBe(results[0]!.user!.userId);
  });

  it("E11: a contact changes with a recent sign-in and the code to the new contact, and with neither alone", async () => {
    const owner = await signIn(on, victim);
    on.clock.advance(10 * minute + 1);
    const { tokens: stale } = await on.auth.refreshToken({ refreshToken: owner.tokens.refreshToken });
    const contact = { case: "email" as const, value: "new@example.com" };
    const change = { contact, replace: victim };
    expect((await refused(on.auth.startContactChange(change, bearer(stale!.accessToken)))).reason).toBe(
      "RECENT_SIGN_IN_REQUIRED",
    );
    expect(await on.messages(contact.value, 0)).toEqual([]);
    const fresh = await signIn(on, victim);
    const { challenge } = await on.auth.startContactChange(change, bearer(fresh.tokens.accessToken));
    const { challengeId, code } = await on.messageOf(challenge);
    expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
    const update = { displayName: "x", updateMask: { paths: ["contacts"] } };
    expect((await refused(on.auth.updateCurrentUser(update, bearer(fresh.tokens.accessToken)))).reason).toBe("REQUEST_INVALID");
    const before = await on.auth.getCurrentUser({}, bearer(fresh.tokens.accessToken));
    expect(before.user?.contacts.map(({ value }) => value)).toEqual([victim]);
    const after = await on.auth.verifyOtp({ challengeId, code }, bearer(fresh.tokens.accessToken));
    expect(after.user?.contacts.map(({ value }) => value)).toEqual([contact.value]);
  });

  it("E12: after a deletion the same phone is another person, and everything of the first one is dead", async () => {
    const first = await byPhone();
    on.clock.advance(minute);
    const waiting = await on.auth.sendOtp({ identifier: { case: "phone", value: phone } });
    const held = await on.messageOf(waiting.challenge);
    await on.auth.deleteCurrentUser({}, bearer(first.tokens!.accessToken));
    on.clock.advance(2 * minute);
    const second = await byPhone();
    expect([second.isNewUser, second.user?.userId === first.user?.userId]).toEqual([true, false]);
    expect((await refused(on.auth.getCurrentUser({}, bearer(first.tokens!.accessToken)))).reason).toBe("TOKEN_INVALID");
    const { refreshToken } = first.tokens!;
    expect((await refused(on.auth.refreshToken({ refreshToken }))).reason).toBe("SESSION_ENDED");
    const { challengeId, code } = held;
    expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
    const { sessions } = await on.auth.listSessions({}, bearer(second.tokens!.accessToken));
    expect(sessions).toHaveLength(1);
  });
});
