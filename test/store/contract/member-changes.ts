import { expect, it } from "vitest";
import type { Session } from "../../../src/model/session.js";
import {
  appId,
  email,
  expectNothingHappened,
  issue,
  minute,
  newSession,
  newUser,
  ofKind,
  phone,
  redeem,
  redemptionOf,
  register,
  rotate,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { bank, claimed, membersOf, shop, verified } from "./member-fixtures.js";

/** Profiles, memberships and locks of members. */
export function memberChanges(scene: Scene): void {
  const { add, find, member, recipient } = membersOf(scene);
  const update = (userId: string, fields: object, app = appId) =>
    scene.store.users.updateMember({ appId: app, userId, ...fields });
  const lock = (userId: string, locked: boolean, app = appId) =>
    scene.store.users.setLock({ appId: app, userId, locked, now: t0 });

  it("given fields of a member change, others stay, and null and empty texts clear", async () => {
    const before = await add({
      user: { username: "ada", displayName: "Ada", locale: "sv", customAttributes: '{"a":1}' },
      membership: { roles: ["admin"], kind: "patient", externalId: "p-17", appAttributes: '{"plan":"gold"}' },
    });
    const { userId } = before.user;
    const profile = { username: "grace", displayName: "Grace \0", locale: "de", customAttributes: '{"b":2}' };
    const membership = {
      roles: ["nurse", "guest"],
      kind: "caregiver",
      ownerOrganization: "ward 7",
      externalId: "p-18",
      appAttributes: '{"plan":"free"}',
    };
    let expected = before;
    for (const [field, value] of Object.entries(profile)) {
      expected = { ...expected, user: { ...expected.user, [field]: value } };
      expect(await update(userId, { [field]: value }), field).toEqual({ kind: "changed", member: expected });
    }
    for (const [field, value] of Object.entries(membership)) {
      expected = { ...expected, membership: { ...expected.membership, [field]: value } };
      expect(await update(userId, { [field]: value }), field).toEqual({ kind: "changed", member: expected });
    }
    expect(await update(userId, {})).toEqual({ kind: "changed", member: expected });
    const cleared = { username: null, displayName: "", externalId: null, roles: [], appAttributes: "" };
    expect(await update(userId, cleared)).toMatchObject({
      member: {
        user: { username: null, displayName: "", locale: "de" },
        membership: { externalId: null, roles: [], appAttributes: "" },
      },
    });
    await add({ user: { username: "grace" }, membership: { externalId: "p-18" } });
  });

  it("a user name or an external id of another is taken, and nothing changes; one's own is not", async () => {
    await add({ user: { username: "ada" }, membership: { externalId: "p-17" } });
    const before = await add({ user: { username: "grace" }, membership: { externalId: "p-18" } });
    const { userId } = before.user;
    const fields = { displayName: "Eve", roles: ["admin"] };
    expect(await update(userId, { ...fields, username: "ada" })).toEqual({ kind: "taken", field: "username" });
    expect(await update(userId, { ...fields, externalId: "p-17" })).toEqual({ kind: "taken", field: "external_id" });
    expect(await member(userId)).toEqual(before);
    expect(await update(userId, { username: "grace", externalId: "p-18" })).toEqual({ kind: "changed", member: before });
  });

  it("memberships are each app's own, and the profile is the pool's", async () => {
    const contact = email();
    const { user } = await add({ contacts: [verified(contact)], membership: { roles: ["admin"], externalId: "p-17" } });
    const { userId } = user;
    const there = await add({ contacts: [verified(contact)], membership: { externalId: "p-17" } }, shop);
    await update(userId, { displayName: "Grace", roles: ["nurse"], kind: "patient", appAttributes: '{"a":1}' });
    expect(await member(userId, shop)).toEqual({ ...there, user: { ...there.user, displayName: "Grace" } });
    await add({ user: { username: "ada" } }, bank);
    expect(await update(userId, { username: "ada" })).toMatchObject({ kind: "changed" });
  });

  it("a change of a person who is no member of the app changes nothing", async () => {
    const contact = email();
    const before = await add({ contacts: [verified(contact)] });
    const { userId } = before.user;
    for (const id of [userId, "nobody"]) {
      expect(await update(id, { displayName: "Eve" }, "shop")).toEqual({ kind: "no_member" });
      expect(await lock(id, true, "shop")).toEqual({ kind: "no_member" });
      const change = { appId: "shop", userId: id, now: t0 };
      expect(await scene.store.users.addContact({ ...change, contact: claimed(phone()), primary: false })).toEqual({
        kind: "no_member",
      });
      expect(await scene.store.users.removeContact({ ...change, contact })).toEqual({ kind: "no_member" });
    }
    expect(await member(userId)).toEqual(before);
  });

  it("of 20 members who race for one user name one gets it", async () => {
    const people = await Promise.all(times(20, () => add()));
    const outcomes = await Promise.all(people.map(({ user }) => update(user.userId, { username: "ada" })));
    expect(ofKind(outcomes, "changed")).toHaveLength(1);
    expect(ofKind(outcomes, "taken")).toEqual(times(19, () => ({ kind: "taken", field: "username" })));
    const owner = await find({ kind: "username", value: "ada" });
    expect(owner?.user.userId).toBe(ofKind(outcomes, "changed")[0]!.member.user.userId);
  });

  it("20 changes of different fields of one member lose none", async () => {
    const { user } = await add();
    const names = ["displayName", "locale", "kind", "ownerOrganization"] as const;
    await Promise.all(times(20, (n) => update(user.userId, { [names[n % 4]!]: `value ${n % 4}` })));
    const { user: after, membership } = await member(user.userId);
    expect([after.displayName, after.locale, membership.kind, membership.ownerOrganization]).toEqual(
      times(4, (n) => `value ${n}`),
    );
  });

  it("a lock ends the member's sessions and challenges in the app alone, until it is lifted", async () => {
    const { store } = scene;
    const [contact, number] = [email(), phone()];
    const { user, session } = await signIn(store, contact);
    const { userId } = user;
    await store.users.addContact({ appId, userId, contact: claimed(number), primary: false, now: t0 });
    const elsewhere = await redeem(store, (await issue(store, { ...shop, contact })).challengeId, {
      newSession: newSession({ appId: "shop" }),
      now: t0,
    });
    const [registration] = await register(store, [contact]);
    const own = [await issue(store, { contact, userId }), await issue(store, { contact: number, userId }), registration!];
    const others = [await issue(store, { ...shop, contact, userId }), await issue(store, { contact: number, userId: "other" })];
    expect(await lock(userId, true)).toMatchObject({
      kind: "changed",
      member: { user: { userId }, membership: { state: "locked" } },
    });
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 })).toBeNull();
    expect(await rotate(store, session)).toEqual({ kind: "ended" });
    expect(await store.sessions.findLive({ sessionId: elsewhere.session.sessionId, now: t0 })).not.toBeNull();
    for (const { challengeId } of own) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: true, cancelledAt: null });
    }
    for (const { challengeId } of others) expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: false });
    expect(await recipient(contact)).toMatchObject({ userId, standing: "locked" });
    expect(await recipient(contact, shop)).toMatchObject({ userId, standing: "member" });
    const later = await issue(store, { contact });
    expect(await store.challenges.redeem(redemptionOf(later.challengeId))).toEqual({ kind: "refused", why: "user_locked" });
    expect(await lock(userId, false)).toMatchObject({ kind: "changed", member: { membership: { state: "active" } } });
    expect((await redeem(store, later.challengeId)).user.userId).toBe(userId);
  });

  it("unlocking a member that is not locked changes nothing", async () => {
    const before = await add({ membership: { state: "invited" } });
    expect(await lock(before.user.userId, false)).toEqual({ kind: "unchanged", member: before });
  });

  it("of 20 locks at once, and of 20 unlocks, exactly one changes the member", async () => {
    const { user } = await add();
    for (const [locked, state] of [
      [true, "locked"],
      [false, "active"],
    ] as const) {
      const outcomes = await Promise.all(times(20, () => lock(user.userId, locked)));
      expect(ofKind(outcomes, "changed")).toHaveLength(1);
      expect(ofKind(outcomes, "unchanged")).toHaveLength(19);
      expect((await member(user.userId)).membership.state).toBe(state);
    }
  });

  it("a lock, 20 sign-ins and 20 refreshes race, and no session of the locked member is left", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact, { newUser: newUser() });
    const { userId } = user;
    const sessions: Session[] = [];
    for (let n = 0; n < 20; n += 1) sessions.push((await signIn(store, contact)).session);
    const challenges = await Promise.all(
      times(20, (n) => issue(store, { contact, userId, identifierKey: Buffer.from(`${n}`) })),
    );
    await Promise.all(
      times(20, async (n) => {
        const racing = [rotate(store, sessions[n]!), store.challenges.redeem(redemptionOf(challenges[n]!.challengeId))];
        if (n === 10) await lock(userId, true);
        await Promise.all(racing);
      }),
    );
    expect(await store.sessions.list({ userId, appId, now: t0 + minute })).toEqual([]);
    const { challengeId } = await issue(store, { contact, userId });
    await expectNothingHappened(store, { now: t0, users: [userId], challenges: [challengeId] }, async () => {
      expect(await store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "user_locked" });
    });
  });

  it("all sessions of a user in an app end if none is to be kept", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    await signIn(store, contact);
    const { userId } = user;
    expect(await store.sessions.revokeOthers({ userId, appId: "shop", keepSessionId: null, now: t0 })).toBe(0);
    expect(await store.sessions.revokeOthers({ userId, appId, keepSessionId: null, now: t0 })).toBe(2);
    expect(await store.sessions.list({ userId, appId, now: t0 })).toEqual([]);
  });
}
