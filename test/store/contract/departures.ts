import { expect, it } from "vitest";
import {
  appId,
  bytes,
  email,
  expectNothingHappened,
  issue,
  minute,
  newSession,
  ofKind,
  phone,
  redeem,
  redemptionOf,
  register,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { bank, claimed, membersOf, newMember, shop, verified } from "./member-fixtures.js";

/** The end of memberships and of people. */
export function departures(scene: Scene): void {
  const { add, find, member } = membersOf(scene);
  const leave = (userId: string, app = appId) => scene.store.users.leave({ appId: app, userId, now: t0 });
  const sessionsOf = (userId: string, app = appId) => scene.store.sessions.list({ userId, appId: app, now: t0 });
  const enter = async (contact: ReturnType<typeof email>) => {
    const { challengeId } = await issue(scene.store, { ...shop, contact });
    return await redeem(scene.store, challengeId, { newSession: newSession({ appId: "shop" }), now: t0 });
  };

  it("a departure ends the membership, claims, sessions and challenges of that app, and nothing of another", async () => {
    const { store } = scene;
    const [contact, number] = [email(), phone()];
    const { user } = await signIn(store, contact);
    const { userId } = user;
    await store.users.addContact({ appId, userId, contact: claimed(number), primary: false, now: t0 });
    const elsewhere = await enter(contact);
    const [registration] = await register(store, [contact]);
    const own = [
      await issue(store, { contact, userId }),
      await issue(store, { contact: number, userId }),
      await issue(store, { contact: email(), userId, purpose: "change_contact" }),
      registration!,
    ];
    const others = [
      await issue(store, { ...shop, contact, userId }),
      await issue(store, { contact: number }),
      await issue(store, { contact, purpose: "verify_contact" }),
    ];
    expect(await leave(userId)).toBe("left");
    expect(await sessionsOf(userId)).toEqual([]);
    for (const { challengeId } of own) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: true, cancelledAt: null });
    }
    for (const { challengeId } of others) expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: false });
    expect(await sessionsOf(userId, "shop")).toEqual([elsewhere.session]);
    expect(await find(number)).toBeNull();
    expect(await find(contact)).toMatchObject({ user: { userId }, membership: null });
    expect(await member(userId, shop)).toMatchObject({ user: { contacts: [{ value: contact.value }] } });
  });

  it("the last departure erases the person, whose contact is free again and in no challenge any more", async () => {
    const { store } = scene;
    const [contact, number] = [email(), phone()];
    const { user } = await signIn(store, contact);
    const { userId } = user;
    await store.users.addContact({ appId, userId, contact: claimed(number), primary: false, now: t0 });
    await enter(contact);
    const [changed, old] = [email(), email()];
    const challenges = [
      await issue(store, { contact, userId }),
      await issue(store, { contact: number, userId }),
      await issue(store, { contact: changed, userId, purpose: "change_contact", replaces: old.value }),
    ];
    expect(await leave(userId, "shop")).toBe("left");
    expect(await leave(userId)).toBe("erased");
    expect(await find({ kind: "user_id", value: userId })).toBeNull();
    for (const { challengeId } of challenges) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: true, contact: null, replaces: null });
    }
    const again = await signIn(store, contact);
    expect(again).toMatchObject({ isNewUser: true });
    expect(again.user.userId).not.toBe(userId);
    expect(again.user.number).not.toBe(user.number);
  });

  it("the last departure leaves challenges of other pools alone, those that have ended too", async () => {
    const { store } = scene;
    const contact = email();
    const { userId } = (await signIn(store, contact)).user;
    const [live, ended] = [await issue(store, { ...bank, contact }), await issue(store, { ...bank, contact })];
    await redeem(store, ended.challengeId, { newSession: newSession({ appId: bank.appId }) });
    const before = await store.challenges.find(ended.challengeId);
    expect(await leave(userId)).toBe("erased");
    expect(await store.challenges.find(ended.challengeId)).toEqual(before);
    expect((await store.challenges.find(live.challengeId))?.contact).toEqual(contact);
  });

  it("an erasure leaves live challenges alone that were issued for no person or for another, and all of other pools", async () => {
    const { store } = scene;
    const contact = email();
    const { userId } = (await signIn(store, contact)).user;
    const other = (await add()).user.userId;
    const idempotency = bytes("in the other pool", 32);
    const elsewhere = await issue(store, { ...bank, contact });
    await redeem(store, elsewhere.challengeId, { newSession: newSession({ appId: bank.appId }), idempotency });
    await store.users.create({ ...bank, members: [newMember({ contacts: [claimed(contact)] })], now: t0 });
    const [registration] = await register(store, [contact, phone()]);
    const live = [
      registration!,
      await issue(store, { contact, purpose: "verify_contact" }),
      await issue(store, { contact }),
      await issue(store, { contact, purpose: "change_contact", userId: other }),
      elsewhere,
    ];
    expect(await store.users.erase({ userId, now: t0 })).toBe(true);
    for (const { challengeId } of live) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: false, contact });
    }
    expect(await store.challenges.findRedemption({ idempotency, now: t0 + minute })).not.toBeNull();
    const change = redemptionOf(live[3]!.challengeId, { newSession: null, newMembership: null });
    expect(await store.challenges.redeem(change)).toMatchObject({
      redemption: { kind: "contact_changed", user: { userId: other } },
    });
  });

  it("an erasure because of a claim leaves the challenges of others alone that have the same contact", async () => {
    const { store } = scene;
    const contact = email();
    const { userId } = (await add({ contacts: [claimed(contact)] })).user;
    const idempotency = bytes("of another", 32);
    const { challengeId } = await issue(store, { ...shop, contact });
    await redeem(store, challengeId, { newSession: newSession({ appId: shop.appId }), idempotency });
    expect(await leave(userId)).toBe("erased");
    expect(await store.challenges.find(challengeId)).toMatchObject({ contact });
    expect(await store.challenges.findRedemption({ idempotency, now: t0 + minute })).not.toBeNull();
  });

  it("a person who is no member does not leave, and nothing changes", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    await expectNothingHappened(store, { now: t0, users: [user.userId] }, async () => {
      expect(await leave("nobody")).toBeNull();
      expect(await leave(user.userId, "shop")).toBeNull();
    });
    expect(await member(user.userId)).toMatchObject({ user });
  });

  it("of 20 racing departures from two apps each ends one membership once, and the last one erases the person", async () => {
    const contact = email();
    const { user } = await add({ contacts: [verified(contact)] });
    await add({ contacts: [verified(contact)] }, shop);
    const outcomes = await Promise.all(times(20, (n) => leave(user.userId, n % 2 === 0 ? appId : "shop")));
    expect(outcomes.filter((outcome) => outcome !== null).sort()).toEqual(["erased", "left"]);
    expect(await find(contact)).toBeNull();
  });

  it("a departure and 20 sign-ins race without leaving a session of a stranger", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    const { userId } = user;
    await add({ contacts: [verified(contact)] }, shop);
    const challenges = await Promise.all(
      times(20, (n) => issue(store, { contact, userId, identifierKey: Buffer.from(`${n}`) })),
    );
    const redeeming = challenges.map(
      ({ challengeId }) =>
        () =>
          store.challenges.redeem(redemptionOf(challengeId)),
    );
    const [, left] = await Promise.all([
      Promise.all(redeeming.slice(0, 10).map((run) => run())),
      leave(userId),
      Promise.all(redeeming.slice(10).map((run) => run())),
    ]);
    expect(left).toBe("left");
    expect(await store.sessions.list({ userId, appId, now: t0 + minute })).toEqual([]);
    expect(await find(contact)).toMatchObject({ user: { userId }, membership: null });
  });

  it("departures and sign-ins that join race, and sessions belong to members alone", async () => {
    const { store } = scene;
    const contact = email();
    const { userId } = (await add({ contacts: [verified(contact)] })).user;
    const challenges = await Promise.all(
      times(20, (n) => issue(store, { ...shop, contact, identifierKey: Buffer.from(`${n}`) })),
    );
    const outcomes = await Promise.all(
      challenges.map(async ({ challengeId }, n) => {
        if (n % 4 === 3) await leave(userId, "shop");
        return await store.challenges.redeem(redemptionOf(challengeId, { newSession: newSession({ appId: "shop" }) }));
      }),
    );
    expect(ofKind(outcomes, "redeemed").length).toBeGreaterThan(0);
    const before = await find(contact, shop);
    const sessions = await sessionsOf(userId, "shop");
    if (before?.membership === null) expect(sessions).toEqual([]);
    else expect(sessions.length).toBeGreaterThan(0);
    await leave(userId, "shop");
    expect(await sessionsOf(userId, "shop")).toEqual([]);
  });
}
