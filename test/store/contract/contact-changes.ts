import { expect, it } from "vitest";
import type { NewChallenge } from "../../../src/model/challenge.js";
import type { Contact } from "../../../src/model/contact.js";
import { contactsPerKindMax } from "../../../src/model/user.js";
import {
  appId,
  bytes,
  email,
  expectKind,
  issue,
  minute,
  ofKind,
  phone,
  redeem,
  redemptionOf,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { claimed, membersOf, shop, verified } from "./member-fixtures.js";

const later = t0 + minute;

/** Users who change their own contacts. */
export function contactChanges(scene: Scene): void {
  const { add, find, member } = membersOf(scene);
  const contactsOf = async (userId: string, place = {}) => (await member(userId, place)).user.contacts;
  const start = (userId: string, contact: Contact, changes: Partial<NewChallenge> = {}) =>
    issue(scene.store, { purpose: "change_contact", contact, userId, ...changes });
  const without = { newSession: null, newMembership: null };

  async function change(userId: string, contact: Contact, changes: Partial<NewChallenge> = {}) {
    const { challengeId } = await start(userId, contact, changes);
    const outcome = await scene.store.challenges.redeem(redemptionOf(challengeId, without));
    return expectKind(outcome, "redeemed").redemption;
  }

  it("a proven contact is added after the others and signs its user in from then on", async () => {
    const { store } = scene;
    const [old, added] = [email(), email()];
    const { user, session } = await signIn(store, old);
    const { userId } = user;
    const changed = expectKind(await change(userId, added), "contact_changed");
    expect(changed.user).toEqual({ ...user, contacts: [verified(old), verified(added, later)] });
    expect(await contactsOf(userId)).toEqual(changed.user.contacts);
    expect(await store.sessions.list({ userId, appId, now: later })).toEqual([session]);
    expect((await signIn(store, added, { now: later })).user.userId).toBe(userId);
  });

  it("a contact that is replaced is free, and the new one takes its place in the order", async () => {
    const { store } = scene;
    const [first, second, third] = [verified(email()), verified(email(), t0 + 1), verified(email(), later)];
    const { userId } = (await add({ contacts: [first, second, verified(phone())] })).user;
    expectKind(await change(userId, third, { replaces: first.value }), "contact_changed");
    expect((await contactsOf(userId)).filter(({ kind }) => kind === "email")).toEqual([third, second]);
    expect(await find(first)).toBeNull();
    expect((await signIn(store, { kind: "email", value: first.value }, { now: later })).isNewUser).toBe(true);
  });

  it("a claim that is replaced ends, and one of its own that is proven is verified whatever the policy", async () => {
    const [own, old, given] = [verified(phone()), claimed(email()), claimed(email())];
    const { userId } = (await add({ contacts: [own, old, given] })).user;
    const change1 = await change(userId, { kind: "email", value: given.value }, { replaces: old.value });
    expectKind(change1, "contact_changed");
    expect(await contactsOf(userId)).toEqual([own, verified(given, later)]);
  });

  it("challenges of the replaced contact that could sign the user in become decoys, in every app of the pool", async () => {
    const { store } = scene;
    const [old, next, kept] = [email(), email(), phone()];
    const { userId } = (await add({ contacts: [verified(old), verified(kept)] })).user;
    const stranger = { contact: old, requesterKey: bytes("stranger") };
    const ended = [
      await issue(store, { ...stranger, userId }),
      await issue(store, { ...stranger, ...shop }),
      await issue(store, { ...stranger, purpose: "registration" }),
    ];
    const others = [
      await issue(store, { contact: kept, userId }),
      await issue(store, { contact: old, purpose: "verify_contact" }),
      await issue(store, { contact: next }),
    ];
    expectKind(await change(userId, next, { replaces: old.value }), "contact_changed");
    for (const { challengeId } of ended)
      expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: true, cancelledAt: null });
    for (const { challengeId } of others) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: false, cancelledAt: null });
    }
  });

  it("the user's other changes to the contact end, those of other people and to other contacts stay", async () => {
    const { store } = scene;
    const contact = email();
    const [{ user }, { user: other }] = [await add(), await add()];
    const challenge = await start(user.userId, contact);
    const own = await start(user.userId, contact);
    const others = [await start(other.userId, contact), await start(user.userId, email())];
    expectKind(await store.challenges.redeem(redemptionOf(challenge.challengeId, without)), "redeemed");
    expect(await store.challenges.find(own.challengeId)).toMatchObject({ cancelledAt: later });
    for (const { challengeId } of others) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: false, cancelledAt: null });
    }
  });

  it("of 8 changes that race for the last place of a kind one succeeds, and the others change nothing", async () => {
    const contacts = times(contactsPerKindMax - 1, () => verified(email()));
    const { userId } = (await add({ contacts })).user;
    const started = await Promise.all(times(8, () => start(userId, email())));
    const outcomes = await Promise.all(
      started.map(({ challengeId }) => scene.store.challenges.redeem(redemptionOf(challengeId, without))),
    );
    expect(ofKind(outcomes, "redeemed")).toHaveLength(1);
    expect(ofKind(outcomes, "too_many_contacts")).toHaveLength(7);
    expect(await contactsOf(userId)).toHaveLength(contactsPerKindMax);
    const [lost] = started.filter((_, index) => outcomes[index]!.kind === "too_many_contacts");
    expect(await scene.store.challenges.find(lost!.challengeId)).toMatchObject({ consumedAt: null, decoy: false });
    expectKind(await change(userId, email(), { replaces: contacts[0]!.value }), "contact_changed");
    expect(await contactsOf(userId)).toHaveLength(contactsPerKindMax);
  });

  it("another person's verified contact is not given: the code is consumed, and nothing else changes", async () => {
    const { store } = scene;
    const [old, contact] = [email(), email()];
    const { user: owner } = await add({ contacts: [verified(contact)] });
    const { user } = await add({ contacts: [verified(old)] });
    const sibling = await start(user.userId, contact);
    const challenge = await start(user.userId, contact, { replaces: old.value });
    const before = await store.challenges.find(sibling.challengeId);
    const change = redemptionOf(challenge.challengeId, { ...without, idempotency: bytes("call", 32) });
    expect(await store.challenges.redeem(change)).toEqual({ kind: "redeemed", redemption: { kind: "contact_taken" } });
    expect(await store.challenges.find(sibling.challengeId)).toEqual(before);
    expect(await store.challenges.find(challenge.challengeId)).toMatchObject({ consumedAt: later });
    expect(await contactsOf(user.userId)).toEqual([verified(old)]);
    expect(await contactsOf(owner.userId)).toEqual([verified(contact)]);
    expect(await store.challenges.redeem(change)).toEqual({ kind: "refused", why: "consumed" });
    const found = await store.challenges.findRedemption({ idempotency: bytes("call", 32), now: later });
    expect(found?.redemption).toEqual({ kind: "contact_taken" });
  });

  it("claims of other members to the contact end in the app, and those of other apps stay without effect", async () => {
    const contact = email();
    const other = (await add({ contacts: [claimed(phone()), claimed(contact)] })).user.userId;
    const elsewhere = (await add({ contacts: [claimed(contact)] }, shop)).user.userId;
    const { userId } = (await add()).user;
    expectKind(await change(userId, contact), "contact_changed");
    expect((await contactsOf(other)).map(({ kind }) => kind)).toEqual(["phone"]);
    expect(await contactsOf(elsewhere, shop)).toEqual([claimed(contact)]);
    expect((await find(contact, shop))?.user.userId).toBe(userId);
  });

  it("the user's own verified contact can be proven again, and nothing is lost", async () => {
    const contact = email();
    const before = await add({ contacts: [verified(contact), verified(phone())] });
    const { userId } = before.user;
    for (const replaces of [null, contact.value]) {
      expect(await change(userId, contact, { replaces })).toEqual({ kind: "contact_changed", user: before.user });
    }
    expect(await member(userId)).toEqual(before);
  });

  it("a user that is locked, not active yet, no member any more or unknown gets no contact", async () => {
    const { store } = scene;
    const contact = email();
    const people = await Promise.all([
      add({ membership: { state: "locked" } }),
      add({ membership: { state: "invited" } }),
      add(),
    ]);
    await add({ user: { userId: people[2].user.userId }, contacts: [] }, shop);
    for (const { user } of people) {
      const { challengeId } = await start(user.userId, contact);
      if (user === people[2].user) await store.users.leave({ appId, userId: user.userId, now: t0 });
      const outcome = await store.challenges.redeem(redemptionOf(challengeId, without));
      expect(outcome).toEqual({ kind: "refused", why: user === people[2].user ? "decoy" : "user_gone" });
    }
    const { challengeId } = await start("nobody", contact);
    expect(await store.challenges.redeem(redemptionOf(challengeId, without))).toEqual({ kind: "refused", why: "user_gone" });
    expect(await find(contact)).toBeNull();
  });

  it("a repeat finds the changed contact with the user as it is now, until the user is gone", async () => {
    const { store } = scene;
    const contact = email();
    const { userId } = (await add()).user;
    const { challengeId } = await start(userId, contact);
    const idempotency = bytes("call", 32);
    await store.challenges.redeem(redemptionOf(challengeId, { ...without, idempotency }));
    await store.users.update({ appId, userId, displayName: "Grace" });
    const found = await store.challenges.findRedemption({ idempotency, now: later });
    expect(found?.redemption).toEqual({ kind: "contact_changed", user: (await member(userId)).user });
    await store.users.erase({ userId, now: later });
    expect(await store.challenges.findRedemption({ idempotency, now: later })).toBeNull();
  });

  it("of 20 users who change to one contact at once one gets it, and it is taken for the others", async () => {
    const { store } = scene;
    const contact = email();
    const people = await Promise.all(times(20, () => add()));
    const challenges = await Promise.all(people.map(({ user }) => start(user.userId, contact)));
    const outcomes = await Promise.all(
      challenges.map(({ challengeId }) => store.challenges.redeem(redemptionOf(challengeId, without))),
    );
    const redemptions = ofKind(outcomes, "redeemed").map(({ redemption }) => redemption);
    const [winner, ...more] = ofKind(redemptions, "contact_changed");
    expect(more).toEqual([]);
    expect(ofKind(redemptions, "contact_taken")).toHaveLength(19);
    expect((await find(contact))?.user.userId).toBe(winner!.user.userId);
    expect((await redeem(store, (await issue(store, { contact })).challengeId)).user.userId).toBe(winner!.user.userId);
  });
}
