import { expect, it } from "vitest";
import { contactsPerKindMax, type UserContact } from "../../../src/model/user.js";
import {
  appId,
  bytes,
  email,
  expectKind,
  issue,
  ofKind,
  phone,
  redeem,
  redemptionOf,
  type Scene,
  second,
  t0,
  times,
} from "./fixtures.js";
import { claimed, membersOf, newMember, shop, verified } from "./member-fixtures.js";

/** Contacts that administrators add and remove. */
export function memberContacts(scene: Scene): void {
  const { create, add, find, member, recipient } = membersOf(scene);

  const give = (userId: string, contact: UserContact, { app = appId, primary = false, now = t0 } = {}) =>
    scene.store.users.addContact({ appId: app, userId, contact, primary, now });
  const take = (userId: string, { kind, value }: UserContact, app = appId) =>
    scene.store.users.removeContact({ appId: app, userId, contact: { kind, value }, now: t0 });
  const contactsOf = async (userId: string, place = {}) => (await member(userId, place)).user.contacts;

  it("added contacts come after the others: verified ones in every app of the pool, then claims in theirs", async () => {
    const [first, second, third, fourth] = [verified(email()), claimed(phone()), claimed(email()), verified(phone(), t0 + 5)];
    const { userId } = (await add({ contacts: [first] })).user;
    await add({ contacts: [first] }, shop);
    expect(await give(userId, second)).toMatchObject({ kind: "changed", member: { user: { contacts: [first, second] } } });
    await give(userId, third, { now: t0 + 1 });
    await give(userId, fourth);
    expect(await contactsOf(userId)).toEqual([first, fourth, second, third]);
    expect(await contactsOf(userId, shop)).toEqual([first, fourth]);
  });

  it("a claim that is added as verified is verified, and all claims of the app to it end", async () => {
    const contact = email();
    const { userId } = (await add({ contacts: [verified(phone()), claimed(contact)] })).user;
    const other = (await add({ contacts: [verified(phone())] })).user.userId;
    const elsewhere = (await add({ contacts: [claimed(contact)] }, shop)).user.userId;
    await give(other, claimed(contact));
    expect(await give(userId, verified(contact, t0 + 1))).toMatchObject({ kind: "changed" });
    expect((await contactsOf(userId)).slice(1)).toEqual([verified(contact, t0 + 1)]);
    expect(await contactsOf(other)).toHaveLength(1);
    expect(await contactsOf(elsewhere, shop)).toEqual([claimed(contact)]);
    expect(await find(contact)).toMatchObject({ user: { userId } });
    expect(await recipient(contact, shop)).toMatchObject({ userId, standing: "stranger" });
  });

  it("a contact that another person has verified is taken, and nothing changes", async () => {
    const contact = email();
    const ada = await add({ contacts: [verified(contact)] });
    const grace = await add();
    for (const given of [claimed(contact), verified(contact)]) {
      expect(await give(grace.user.userId, given, { primary: true })).toEqual({ kind: "taken", field: "email" });
    }
    for (const before of [ada, grace]) expect(await member(before.user.userId)).toEqual(before);
  });

  it("a contact that the member has stays as it is, and becomes the primary one of its kind where asked", async () => {
    const [first, second, third] = [verified(email(), t0 - 2), verified(email(), t0 - 1), verified(phone(), t0 - 3)];
    const { userId } = (await add({ contacts: [first, second, third] })).user;
    await give(userId, verified(second, t0 + 1));
    expect(await contactsOf(userId)).toEqual([first, second, third]);
    await give(userId, claimed(second), { primary: true });
    expect((await contactsOf(userId)).filter(({ kind }) => kind === "email")).toEqual([second, first]);
    expect((await recipient({ kind: "user_id", value: userId }))?.contact).toEqual({ kind: "email", value: second.value });
    const added = verified(email(), t0 + 1);
    await give(userId, added, { primary: true });
    expect((await contactsOf(userId)).filter(({ kind }) => kind === "email")).toEqual([added, second, first]);
  });

  it("a member has at most five contacts of a kind, claims included, however many are added at once", async () => {
    const { userId } = (await add({ contacts: [verified(email())] })).user;
    const own = email();
    await give(userId, claimed(own));
    const outcomes = await Promise.all(times(12, (n) => give(userId, n % 2 === 0 ? claimed(email()) : verified(email()))));
    expect(ofKind(outcomes, "changed")).toHaveLength(contactsPerKindMax - 2);
    expect(ofKind(outcomes, "too_many_contacts")).toHaveLength(12 - contactsPerKindMax + 2);
    expect(await contactsOf(userId)).toHaveLength(contactsPerKindMax);
    expect(await give(userId, verified(own)), "a claim of its own").toMatchObject({ kind: "changed" });
    expect(await give(userId, claimed(phone()))).toMatchObject({ kind: "changed" });
  });

  it("of 20 people who are given one verified contact at once one has it", async () => {
    const contact = email();
    const people = await Promise.all(times(20, () => add()));
    const outcomes = await Promise.all(people.map(({ user }) => give(user.userId, verified(contact))));
    expect(ofKind(outcomes, "changed")).toHaveLength(1);
    expect(ofKind(outcomes, "taken")).toHaveLength(19);
    expect((await find(contact))?.user.userId).toBe(ofKind(outcomes, "changed")[0]!.member.user.userId);
  });

  it("a removed contact is free, and its challenges that could sign the person in are decoys in every app", async () => {
    const { store } = scene;
    const [kept, removed] = [verified(phone()), verified(email())];
    const contact = { kind: removed.kind, value: removed.value };
    const { userId } = (await add({ contacts: [kept, removed] })).user;
    await add({ contacts: [kept] }, shop);
    const ended = [
      await issue(store, { contact, userId }),
      await issue(store, { ...shop, contact, userId }),
      await issue(store, { contact, purpose: "registration" }),
    ];
    const others = [
      await issue(store, { contact, purpose: "verify_contact" }),
      await issue(store, { contact: { kind: kept.kind, value: kept.value }, userId }),
      await issue(store, { poolId: "bank", appId: "bank", contact }),
    ];
    expect(await take(userId, removed)).toMatchObject({ kind: "changed", member: { user: { contacts: [kept] } } });
    for (const { challengeId } of ended) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: true, cancelledAt: null });
    }
    for (const { challengeId } of others) expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: false });
    expect(await find(contact)).toBeNull();
    const [outcome] = await create([newMember({ contacts: [removed] })]);
    expect(outcome).toMatchObject({ kind: "created" });
  });

  for (const [name, remove] of [
    ["is removed", (userId: string, removed: UserContact) => take(userId, removed)],
    [
      "is replaced",
      async (userId: string, { kind, value }: UserContact) => {
        const change = {
          purpose: "change_contact",
          contact: { kind, value: `next-${value}` },
          userId,
          replaces: value,
        } as const;
        const { challengeId } = await issue(scene.store, change);
        const without = { newSession: null, newMembership: null, now: t0 };
        expectKind(await scene.store.challenges.redeem(redemptionOf(challengeId, without)), "redeemed");
        expect(await scene.store.challenges.find(challengeId)).toMatchObject({ replaces: null });
      },
    ],
  ] as const) {
    it(`a verified contact that ${name} is in no challenge any more that has ended or ends, nor as one to replace`, async () => {
      const { store } = scene;
      const [kept, removed] = [verified(phone()), verified(email())];
      const contact = { kind: removed.kind, value: removed.value };
      const { userId } = (await add({ contacts: [kept, removed] })).user;
      const bank = { poolId: "bank", appId: "bank" };
      const idempotency = bytes("sign-in", 32);
      const proof = await issue(store, { contact, purpose: "verify_contact" });
      expectKind(await store.challenges.redeem(redemptionOf(proof.challengeId, { now: t0 })), "redeemed");
      const redeemed = await issue(store, { contact, userId });
      await redeem(store, redeemed.challengeId, { now: t0, idempotency });
      const cancelled = await issue(store, { contact, userId });
      await store.challenges.end({ challengeId: cancelled.challengeId, appId, how: "cancel", sendReturns: [], now: t0 });
      const expired = await issue(store, { ...shop, contact, expiresAt: t0 });
      const live = await issue(store, { contact, userId });
      const change = await issue(store, { contact: email(), userId, purpose: "change_contact", replaces: contact.value });
      const others = [
        await issue(store, { contact, purpose: "verify_contact" }),
        await issue(store, { contact, userId: "another", purpose: "change_contact" }),
        await issue(store, { ...bank, contact }),
        await issue(store, { ...bank, contact, expiresAt: t0 }),
      ];
      await remove(userId, removed);
      for (const { challengeId } of [proof, redeemed, cancelled, expired]) {
        expect(await store.challenges.find(challengeId)).toMatchObject({ contact: null, decoy: false });
      }
      expect(await store.challenges.find(live.challengeId)).toMatchObject({ contact: null, decoy: true, cancelledAt: null });
      expect(await store.challenges.find(change.challengeId)).toMatchObject({
        decoy: false,
        replaces: null,
        cancelledAt: null,
      });
      for (const { challengeId } of others)
        expect(await store.challenges.find(challengeId)).toMatchObject({ contact, decoy: false });
      expect(await store.challenges.findRedemption({ idempotency, now: t0 })).toBeNull();
    });
  }

  it("a removed claim is in none of its person's ended challenges any more, and stays in those of others", async () => {
    const { store } = scene;
    const contact = email();
    const { userId } = (await add({ contacts: [verified(phone()), claimed(contact)] })).user;
    const own = await issue(store, { contact, userId, expiresAt: t0 });
    const others = await issue(store, { contact, userId: "another", expiresAt: t0 });
    expect(await take(userId, claimed(contact))).toMatchObject({ kind: "changed" });
    expect(await store.challenges.find(own.challengeId)).toMatchObject({ contact: null });
    expect(await store.challenges.find(others.challengeId)).toMatchObject({ contact });
  });

  it("a removed claim ends the challenges made for its person, not those for another who claims it too", async () => {
    const { store } = scene;
    const contact = email();
    const { userId } = (await add({ contacts: [verified(phone()), claimed(contact)] })).user;
    const other = (await add({ contacts: [verified(phone())] })).user.userId;
    await give(other, claimed(contact), { now: t0 + second });
    const [own, others] = [await issue(store, { contact, userId }), await issue(store, { contact, userId: other })];
    expect(await take(userId, claimed(contact))).toMatchObject({ kind: "changed" });
    expect(await store.challenges.find(own.challengeId)).toMatchObject({ decoy: true });
    expect(await store.challenges.find(others.challengeId)).toMatchObject({ decoy: false });
    expect((await find(contact))?.user.userId).toBe(other);
  });

  it("the last contact of a member and a contact of another are not removed", async () => {
    const [own, foreign] = [verified(email()), verified(email())];
    const before = await add({ contacts: [own] });
    await add({ contacts: [foreign] });
    const { userId } = before.user;
    expect(await take(userId, foreign)).toEqual({ kind: "no_contact" });
    expect(await take(userId, own)).toEqual({ kind: "last_contact" });
    expect(await member(userId)).toEqual(before);
    expect(await find(foreign)).not.toBeNull();
  });

  it("the last verified contact of a person is not removed for the sake of a claim, whose owner would get the person", async () => {
    const [own, second] = [verified(email()), verified(phone(), t0 + 1)];
    const { userId } = (await add({ contacts: [own] })).user;
    await add({ contacts: [own] }, shop);
    await give(userId, claimed(email()), { app: shop.appId });
    const before = await member(userId, shop);
    expect(await take(userId, own, shop.appId)).toEqual({ kind: "last_contact" });
    expect(await member(userId, shop)).toEqual(before);
    await give(userId, second, { app: shop.appId });
    const outcomes = await Promise.all(times(20, (n) => take(userId, n % 2 === 0 ? own : second, shop.appId)));
    expect(ofKind(outcomes, "changed")).toHaveLength(1);
    expect((await contactsOf(userId, shop)).filter(({ verifiedAt }) => verifiedAt !== null)).toHaveLength(1);
    const claim = (await contactsOf(userId, shop)).find(({ verifiedAt }) => verifiedAt === null)!;
    expect(await take(userId, claim, shop.appId)).toMatchObject({ kind: "changed" });
  });

  it("of 20 racing removals of two contacts one is refused as the last", async () => {
    const contacts = [verified(email()), verified(phone())];
    const { userId } = (await add({ contacts })).user;
    const outcomes = await Promise.all(times(20, (n) => take(userId, contacts[n % 2]!)));
    expect(ofKind(outcomes, "changed")).toHaveLength(1);
    expect(ofKind(outcomes, "last_contact").length).toBeGreaterThan(0);
    expect(await contactsOf(userId)).toHaveLength(1);
  });
}
