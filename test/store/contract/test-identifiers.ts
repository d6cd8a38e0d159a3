import { afterAll, beforeAll, expect, it } from "vitest";
import type { NewChallenge } from "../../../src/model/challenge.js";
import type { Contact } from "../../../src/model/contact.js";
import { type StoreProcesses, startStoreProcesses } from "../../support/store-processes.js";
import { newApp } from "./directory-fixtures.js";
import {
  appId,
  bytes,
  email,
  expectKind,
  expectNothingHappened,
  issue,
  minute,
  newSession,
  ofKind,
  phone,
  poolId,
  prove,
  redeem,
  redemptionOf,
  register,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { claimed, membersOf, newMember, type Place, shop, verified } from "./member-fixtures.js";

const later = t0 + minute;

/** Redemptions of test challenges, whose code many people know. */
export function testIdentifiers(scene: Scene): void {
  let others: StoreProcesses;
  beforeAll(async () => {
    others = await startStoreProcesses(4);
  });
  afterAll(() => others.stop());
  const { add, create, find, member, recipient } = membersOf(scene);
  const test = (contact: Contact, changes: Partial<NewChallenge> = {}) =>
    issue(scene.store, { contact, isTest: true, identifierKey: bytes(`${Math.random()}`), ...changes });
  const signInTest = async (contact: Contact, changes: Partial<NewChallenge> = {}) =>
    await redeem(scene.store, (await test(contact, changes)).challengeId);
  const holder = (contact: Contact, place: Place = {}) =>
    scene.store.users.findTestHolder({ poolId, appId, ...place, contact });
  const isTest = async (userId: string) => (await member(userId)).membership.credentialType === "test";

  it("the first sign-in makes a test account, whose contact is not verified, and the next one finds it", async () => {
    for (const contact of [email(), phone()]) {
      expect(await holder(contact)).toEqual({ kind: "none" });
      const first = await signInTest(contact);
      const { userId } = first.user;
      expect(first).toMatchObject({ isNewUser: true, user: { contacts: [claimed(contact)] } });
      expect((await member(userId)).membership).toMatchObject({ credentialType: "test", state: "active" });
      expect(await holder(contact)).toEqual({ kind: "test", userId, locale: "en", state: "active" });
      for (const named of [null, userId]) {
        expect(await signInTest(contact, { userId: named })).toMatchObject({ isNewUser: false, user: first.user });
      }
      expect((await member(userId)).user.contacts).toEqual([claimed(contact)]);
      expect(await holder(contact, shop)).toEqual({ kind: "none" });
    }
  });

  it("the contact of a test account names nobody: not to a code, not to a look-up, not to a backend that creates a user", async () => {
    const contact = email();
    const { userId } = (await signInTest(contact)).user;
    expect(await recipient(contact)).toBeNull();
    expect(await recipient(contact, { trustClaims: true })).toBeNull();
    expect(await recipient({ kind: "user_id", value: userId })).toMatchObject({ userId, standing: "no_credential" });
    expect(await find(contact)).toBeNull();
    const twice = await create([newMember({ contacts: [claimed(contact)], membership: { credentialType: "test" } })]);
    expect(twice).toEqual([{ kind: "already_member", userId }]);
    const real = (await add({ contacts: [claimed(contact)] })).user;
    expect(real.userId).not.toBe(userId);
    expect(await find(contact)).toMatchObject({ user: { userId: real.userId } });
    expect(await recipient(contact)).toMatchObject({ userId: real.userId, standing: "member" });
    expect(await holder(contact)).toEqual({ kind: "real" });
  });

  it("each app has a test account of its own", async () => {
    const contact = email();
    await scene.store.apps.createApp({ app: newApp(shop), now: t0 });
    const here = (await signInTest(contact)).user;
    expect(await holder(contact, shop)).toEqual({ kind: "none" });
    const { challengeId } = await test(contact, shop);
    const there = (await redeem(scene.store, challengeId, { newSession: newSession({ appId: shop.appId }) })).user;
    expect(there.userId).not.toBe(here.userId);
    expect(await holder(contact)).toMatchObject({ kind: "test", userId: here.userId });
    expect(await holder(contact, shop)).toMatchObject({ kind: "test", userId: there.userId });
  });

  it("a backend can make the account", async () => {
    const contact = phone();
    const membership = { credentialType: "test" as const, kind: "reviewer" };
    const { user } = await add({ contacts: [claimed(contact)], membership });
    expect(await signInTest(contact)).toMatchObject({ isNewUser: false, user: { userId: user.userId } });
  });

  /** Each gives the contact to a person whom no test code may touch, and returns that person's id. */
  const owners: Readonly<Record<string, (contact: Contact) => Promise<string>>> = {
    "a person who has verified it": async (contact) => (await signIn(scene.store, contact)).user.userId,
    "a person who has verified it in another app": async (contact) =>
      (await add({ contacts: [verified(contact)] }, shop)).user.userId,
    "a user to whom the backend gave it": async (contact) => (await add({ contacts: [claimed(contact)] })).user.userId,
    "a user to whom the backend gave it, and who has verified another one": async (contact) =>
      (await add({ contacts: [verified(email()), claimed(contact)] })).user.userId,
    "an invited user": async (contact) =>
      (await add({ contacts: [claimed(contact)], membership: { state: "invited" } })).user.userId,
    "a locked user": async (contact) =>
      (await add({ contacts: [claimed(contact)], membership: { state: "locked" } })).user.userId,
    "a user without a credential": async (contact) =>
      (await add({ contacts: [claimed(contact)], membership: { credentialType: "none" } })).user.userId,
    "a user to whom the backend of another app gave it": async (contact) => {
      await scene.store.apps.createApp({ app: newApp(shop), now: t0 });
      return (await add({ contacts: [claimed(contact)] }, shop)).user.userId;
    },
    "a user who got it after a test account": async (contact) => {
      await signInTest(contact);
      return (await add({ contacts: [claimed(contact)] })).user.userId;
    },
    "a person who verified it after a test account": async (contact) => {
      await signInTest(contact);
      return (await signIn(scene.store, contact)).user.userId;
    },
    "a test account that has got a verified contact": async (contact) => {
      const { userId } = (await signInTest(contact)).user;
      await scene.store.users.addContact({ appId, userId, contact: verified(email()), primary: false, now: t0 });
      return userId;
    },
    "a test account that is a member of another app": async (contact) => {
      const { userId } = (await signInTest(contact)).user;
      await add({ user: { userId }, contacts: [claimed(email())] }, shop);
      return userId;
    },
  };
  for (const [who, own] of Object.entries(owners)) {
    it(`of ${who} it is a decoy, whichever user it was issued for, and nothing happens`, async () => {
      const contact = email();
      const before = await test(contact);
      const userId = await own(contact);
      const registrations = await register(scene.store, [contact, phone()], { isTest: true });
      const challenges = [before, await test(contact), await test(contact, { userId }), registrations[0]!];
      expect(await holder(contact)).toEqual({ kind: "real" });
      const watched = { now: later, challenges: challenges.map((one) => one.challengeId), users: [userId] };
      await expectNothingHappened(scene.store, watched, async () => {
        for (const { challengeId } of challenges) {
          const outcome = await scene.store.challenges.redeem(redemptionOf(challengeId, { trustClaims: true }));
          // An earlier sign-in by the contact has ended those that were live then.
          const why = challengeId === before.challengeId ? expect.stringMatching(/^(decoy|cancelled)$/) : "decoy";
          expect(outcome).toEqual({ kind: "refused", why });
        }
      });
    });
  }

  it("of a proof or a change of a contact it is a decoy", async () => {
    const owner = await signIn(scene.store);
    for (const changes of [{ purpose: "verify_contact" }, { purpose: "change_contact", userId: owner.user.userId }] as const) {
      const { challengeId } = await test(email(), changes);
      expect(await scene.store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "decoy" });
    }
  });

  it("a real proof of the contact makes another person, and ends the claim of the test account", async () => {
    const contact = email();
    const tested = (await signInTest(contact)).user;
    const real = await signIn(scene.store, contact, { trustClaims: true });
    expect(real).toMatchObject({ isNewUser: true, user: { contacts: [verified(contact)] } });
    expect(real.user.userId).not.toBe(tested.userId);
    expect((await member(tested.userId)).user.contacts).toEqual([]);
    expect(await isTest(real.user.userId)).toBe(false);
  });

  it("a test account changes no contact, and takes no session or challenge of anybody else with it", async () => {
    const contact = email();
    const waiting = await issue(scene.store, { contact });
    const { user } = await signInTest(contact);
    const own = await test(contact, { userId: user.userId });
    await signInTest(contact);
    expect(await scene.store.challenges.find(own.challengeId)).toMatchObject({ decoy: true });
    expect(await scene.store.challenges.find(waiting.challengeId)).toMatchObject({ decoy: false, cancelledAt: null });
    const change = await issue(scene.store, { contact: email(), purpose: "change_contact", userId: user.userId });
    const redeemed = await scene.store.challenges.redeem(redemptionOf(change.challengeId));
    expect(redeemed).toEqual({ kind: "refused", why: "user_gone" });
  });

  it("a locked test account is refused, and an erased one is made anew", async () => {
    const contact = email();
    const { userId } = (await signInTest(contact)).user;
    const issued = await test(contact, { userId });
    await scene.store.users.setLock({ appId, userId, locked: true, now: t0 });
    const locked = await test(contact);
    const refused = { kind: "refused", why: "user_locked" };
    expect(await scene.store.challenges.redeem(redemptionOf(locked.challengeId))).toEqual(refused);
    await scene.store.users.erase({ userId, now: t0 });
    // It became a decoy with the lock.
    expect(expectKind(await scene.store.challenges.redeem(redemptionOf(issued.challengeId)), "refused").why).toBe("decoy");
    expect(await signInTest(contact)).toMatchObject({ isNewUser: true });
  });

  it("a sign-in for a test account that is gone is refused", async () => {
    const contact = email();
    const { challengeId } = await test(contact, { userId: "gone" });
    expect(await scene.store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "user_gone" });
  });

  it("without a membership nothing is made", async () => {
    const contact = email();
    const { challengeId } = await test(contact);
    const outcome = await scene.store.challenges.redeem(redemptionOf(challengeId, { newMembership: null }));
    expect(outcome).toEqual({ kind: "would_register", isNewToPool: true, contacts: [contact] });
    expect(await holder(contact)).toEqual({ kind: "none" });
  });

  it("a registration of tests makes a test account with all contacts, and the next one signs it in", async () => {
    const [one, two] = [email(), phone()];
    for (const isNewUser of [true, false]) {
      const [first, last] = await register(scene.store, [one, two], { isTest: true });
      if (isNewUser) await prove(scene.store, first!.challengeId);
      const done = await redeem(scene.store, last!.challengeId);
      expect(done.isNewUser).toBe(isNewUser);
      expect(done.user.contacts).toHaveLength(2);
      expect(done.user.contacts).toEqual(expect.arrayContaining([claimed(one), claimed(two)]));
      expect(await isTest(done.user.userId)).toBe(true);
    }
  });

  it("a registration leaves out a contact that somebody has verified meanwhile", async () => {
    const [one, two] = [email(), phone()];
    const [first, last] = await register(scene.store, [one, two], { isTest: true });
    await prove(scene.store, first!.challengeId);
    const owner = (await add({ contacts: [verified(one)] })).user;
    const { user } = await redeem(scene.store, last!.challengeId);
    expect(user.contacts).toEqual([claimed(two)]);
    expect((await member(owner.userId)).user.contacts).toEqual([verified(one)]);
  });

  it("a username that is taken is left out", async () => {
    const { user } = await signIn(scene.store, email(), { newUser: { ...redemptionOf("").newUser, username: "taken" } });
    const { challengeId } = await test(email());
    const change = { newUser: { ...redemptionOf("").newUser, username: "taken" } };
    expect(await redeem(scene.store, challengeId, change)).toMatchObject({ usernameTaken: true, user: { username: null } });
    expect((await member(user.userId)).user.username).toBe("taken");
  });

  it("a repeat with the same idempotency key finds the session", async () => {
    const { challengeId } = await test(email());
    const idempotency = bytes("a call");
    const { session } = await redeem(scene.store, challengeId, { idempotency });
    const found = await scene.store.challenges.findRedemption({ idempotency, now: later });
    expect(found).toMatchObject({ challenge: { isTest: true }, redemption: { kind: "signed_in", isNewUser: true, session } });
  });

  it("the outbox and the challenge say that it is a test", async () => {
    const [real, tested] = [await issue(scene.store), await test(email())];
    const claimedNow = await scene.store.outbox.claim({ now: t0, leaseMs: minute, limit: 10 });
    const isTestOf = (challengeId: string) =>
      claimedNow.find(({ delivery }) => delivery?.challengeId === challengeId)?.delivery?.isTest;
    for (const { challengeId, isTest: expected } of [real, tested]) {
      expect(isTestOf(challengeId)).toBe(expected);
      expect(await scene.store.challenges.find(challengeId)).toMatchObject({ isTest: expected });
    }
  });

  it("twenty sign-ups at once, from four processes, make one account with the contact", async () => {
    const store = await others.open(scene.location);
    try {
      // Only a few rounds hit the moment in which one sign-up commits between two looks of another.
      for (const _ of times(15, Number)) {
        const contact = email();
        const issued = await Promise.all(times(20, () => test(contact)));
        const outcomes = await Promise.all(issued.map(({ challengeId }) => store.challenges.redeem(redemptionOf(challengeId))));
        const people = ofKind(outcomes, "redeemed").map(({ redemption }) => expectKind(redemption, "signed_in"));
        expect(people).toHaveLength(20);
        expect(people.filter(({ isNewUser }) => isNewUser)).toHaveLength(1);
        const [{ user }] = people as [(typeof people)[0]];
        for (const one of people) expect(one.user).toEqual(user);
        expect(user.contacts).toEqual([claimed(contact)]);
      }
    } finally {
      await store.close();
    }
  });

  it("sign-ups that meet a proof of the contact never get its owner's account", async () => {
    for (const place of times(4, (n) => n)) {
      const contact = email();
      const issued = await Promise.all(times(4, () => test(contact)));
      const real = await issue(scene.store, { contact, requesterKey: bytes("owner") });
      const redemptions = issued.map(({ challengeId }) => challengeId).toSpliced(place, 0, real.challengeId);
      const store = await others.open(scene.location);
      try {
        const outcomes = await Promise.all(
          redemptions.map((challengeId) => store.challenges.redeem(redemptionOf(challengeId, { newSession: newSession() }))),
        );
        const owner = expectKind(expectKind(outcomes[place]!, "redeemed").redemption, "signed_in").user;
        expect(owner.contacts.map(({ value }) => value)).toEqual([contact.value]);
        expect((await member(owner.userId)).membership.credentialType).toBe("otp");
        for (const [index, outcome] of outcomes.entries()) {
          if (index === place || outcome.kind !== "redeemed") continue;
          const { user } = expectKind(outcome.redemption, "signed_in");
          expect(user.userId).not.toBe(owner.userId);
          expect((await member(user.userId)).user.contacts).toEqual([]);
        }
      } finally {
        await store.close();
      }
    }
  });
}
