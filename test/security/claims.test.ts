import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Auth, startTwoApps, type TwoApps } from "../auth/two-apps.js";
import { bearer, refused } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { addMember, type GivenMember } from "../support/members.js";

const minute = 60_000;
const email = { case: "email", value: "claimed@example.com" } as const;
const phone = { case: "phone", value: "+46701234567" } as const;
const other = { case: "email", value: "other@example.com" } as const;
type Contact = { readonly case: "email" | "phone"; readonly value: string };

const cases = testEngines().flatMap(({ engine, database }) =>
  [false, true].map((trustClaims) => ({ engine, database, trustClaims, trust: trustClaims ? "on" : "off" })),
);

describe.each(cases)("claims on $engine, with trust_claims $trust:", ({ database, trustClaims }) => {
  let on: TwoApps;
  let web: Auth;
  beforeEach(async () => {
    on = await startTwoApps(await database(), { policy: { trustClaims } });
    ({ web } = on.plain);
  });
  afterEach(() => on.stop());

  const add = async (given: GivenMember, appId: "plain" | "strict" = "plain") =>
    (await addMember(on.elsewhere, { appId, now: on.server.clock() }, given)).user;

  /** Redeems a code that was sent to the contact. */
  async function prove(contact: Contact, auth: Auth = web) {
    const { challenge } = await auth.sendOtp({ identifier: contact, createUserIfMissing: true });
    const { code } = await on.server.messageOf(challenge);
    const done = await auth.verifyOtp({ challengeId: challenge!.challengeId, code });
    on.server.clock.advance(2 * minute);
    return { ...done, userId: done.user!.userId, ...bearer(done.tokens!.accessToken) };
  }
  type Proof = Awaited<ReturnType<typeof prove>>;
  /** The contacts of a signed-in user: `true` if verified. */
  async function contactsOf(by: Proof, auth: Auth = web) {
    const { user } = await auth.getCurrentUser({}, { headers: by.headers });
    return Object.fromEntries(user!.contacts.map(({ value, verifiedAt }) => [value, verifiedAt !== undefined]));
  }

  it("the first proof of a person without a verified contact signs that person in and verifies the claim", async () => {
    const { userId } = await add({ email: email.value, phone: phone.value });
    for (const contact of [email, phone]) {
      const first = await prove(contact);
      // The second claim is that of a person who has verified the first.
      const isTheirs = contact === email || trustClaims;
      expect([first.userId === userId, first.isNewUser]).toEqual([isTheirs, !isTheirs]);
    }
  });

  it.each([
    ["e-mail, then phone", email, phone],
    ["phone, then e-mail", phone, email],
  ] as const)("%s: the second one is the person's with trust alone, otherwise the proof of another", async (_, one, two) => {
    const { userId } = await add({ email: email.value, phone: phone.value });
    const first = await prove(one);
    expect([first.userId, await contactsOf(first)]).toEqual([userId, { [one.value]: true, [two.value]: false }]);
    const second = await prove(two);
    expect([second.isNewUser, second.userId === userId]).toEqual([!trustClaims, trustClaims]);
    // With trust the proof ends the person's other sessions. Without it the claim is void, and nothing else changes.
    if (trustClaims) {
      expect((await refused(contactsOf(first))).reason).toBe("TOKEN_INVALID");
      expect(await contactsOf(second)).toEqual({ [one.value]: true, [two.value]: true });
    } else {
      expect(await contactsOf(first)).toEqual({ [one.value]: true });
      expect(await contactsOf(second)).toEqual({ [two.value]: true });
    }
    expect((await prove(one)).userId).toBe(userId);
    expect((await prove(two)).userId).toBe(second.userId);
  });

  it("proven in a session of the person, a claim is verified for that person, whatever the policy", async () => {
    const { userId } = await add({ email: email.value, phone: phone.value });
    const first = await prove(email);
    const { challenge } = await web.startContactChange({ contact: phone }, { headers: first.headers });
    const { code } = await on.server.messageOf(challenge);
    await web.verifyOtp({ challengeId: challenge!.challengeId, code }, { headers: first.headers });
    expect(await contactsOf(first)).toEqual({ [email.value]: true, [phone.value]: true });
    on.server.clock.advance(2 * minute);
    expect((await prove(phone)).userId).toBe(userId);
  });

  it("a backend can't hand a person over by a claim: the last verified contact stays, so the claim is of another without trust", async () => {
    const owner = await prove(other);
    const of = { appId: "plain", userId: owner.userId, now: on.server.clock() };
    const contact = { kind: "phone", value: phone.value, verifiedAt: null } as const;
    expect((await on.elsewhere.users.addContact({ ...of, contact, primary: true })).kind).toBe("changed");
    const verified = { kind: "email", value: other.value } as const;
    expect(await on.elsewhere.users.removeContact({ ...of, contact: verified })).toEqual({ kind: "last_contact" });
    const proof = await prove(phone);
    expect([proof.userId === owner.userId, proof.isNewUser]).toEqual([trustClaims, !trustClaims]);
    expect((await prove(other)).userId).toBe(owner.userId);
  });

  it("a backend that claims a contact for a person of another app too gives the owner of the contact no account there or here", async () => {
    const owner = await prove(other, on.strict.web);
    expect((await add({ email: other.value })).userId).toBe(owner.userId);
    const of = { appId: "plain", userId: owner.userId, now: on.server.clock() };
    const contact = { kind: "phone", value: phone.value, verifiedAt: null } as const;
    expect((await on.elsewhere.users.addContact({ ...of, contact, primary: true })).kind).toBe("changed");
    for (const auth of [web, on.strict.web]) {
      const proof = await prove(phone, auth);
      expect(proof.userId).not.toBe(owner.userId);
      expect(await contactsOf(proof, auth)).toEqual({ [phone.value]: true });
    }
    expect(await contactsOf(owner, on.strict.web)).toEqual({ [other.value]: true });
  });

  it("the owner of a contact signs up although the backend keeps a person without a credential under it", async () => {
    const { userId } = await add({ email: email.value, credentialType: "none" });
    const owner = await prove(email);
    expect([owner.isNewUser, owner.userId === userId]).toEqual([true, false]);
  });

  it("a contact that somebody has verified is taken: nobody else can claim it, and a backend that names it joins its owner", async () => {
    const owner = await prove(email, on.strict.web);
    const { userId } = await add({ phone: phone.value });
    const contact = { kind: "email", value: email.value, verifiedAt: null } as const;
    const claim = { appId: "plain", userId, contact, primary: false, now: on.server.clock() };
    expect((await on.elsewhere.users.addContact(claim)).kind).toBe("taken");
    expect((await add({ email: email.value })).userId).toBe(owner.userId);
    const here = await prove(email);
    expect([here.isNewUser, here.userId]).toEqual([false, owner.userId]);
  });

  it("of two people who claim a contact the older claim counts, and the other one is void with the proof", async () => {
    const [older] = [await add({ email: email.value, username: "older" })];
    on.server.clock.advance(minute);
    const younger = await add({ phone: phone.value, username: "younger" });
    const contact = { kind: "email", value: email.value, verifiedAt: null } as const;
    await on.elsewhere.users.addContact({
      appId: "plain",
      userId: younger.userId,
      contact,
      primary: false,
      now: on.server.clock(),
    });
    expect((await prove(email)).userId).toBe(older.userId);
    const byPhone = await prove(phone);
    expect([byPhone.userId, await contactsOf(byPhone)]).toEqual([younger.userId, { [phone.value]: true }]);
  });

  it("a claim counts in its app alone: at the other app the proof is of a person of its own", async () => {
    const { userId } = await add({ email: email.value });
    const there = await prove(email, on.strict.web);
    expect([there.isNewUser, there.userId === userId]).toEqual([true, false]);
    // Verified by another person now, so the claim has no effect in its own app either.
    const here = await prove(email);
    expect([here.isNewUser, here.userId]).toEqual([true, there.userId]);
  });

  it("a name of a person leads to verified contacts alone, unless the claim has effect", async () => {
    const { userId } = await add({ username: "claimer", email: email.value, phone: phone.value });
    const byName = { identifier: { case: "username", value: "claimer" } } as const;
    const first = await web.sendOtp(byName);
    const { code, to } = await on.server.messageOf(first.challenge);
    expect(to).toBe(email.value);
    const done = await web.verifyOtp({ challengeId: first.challenge!.challengeId, code });
    expect(done.user?.userId).toBe(userId);
    on.server.clock.advance(2 * minute);
    const second = await on.plain.backend.sendOtp({ ...byName, channel: 2 });
    const stored = await on.elsewhere.challenges.find(second.challenge!.challengeId);
    expect(stored?.decoy).toBe(!trustClaims);
  });

  it("a registration that proves a claimed contact is a sign-in of its person, or with a verified contact one of another", async () => {
    const { userId } = await add({ email: email.value, phone: phone.value });
    const register = async (contact: Contact) => {
      const { challenges } = await web.registerUser({ [contact.case]: contact.value, displayName: "Registered" });
      const { code } = await on.server.messageOf(challenges[0]);
      const done = await web.verifyOtp({ challengeId: challenges[0]!.challengeId, code });
      on.server.clock.advance(2 * minute);
      return done.user!;
    };
    const first = await register(phone);
    expect([first.userId, first.displayName]).toEqual([userId, ""]);
    const second = await register(email);
    expect([second.userId === userId, second.displayName]).toEqual(trustClaims ? [true, ""] : [false, "Registered"]);
  });
});
