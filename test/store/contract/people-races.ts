import { afterAll, beforeAll, expect, it } from "vitest";
import type { Contact } from "../../../src/model/contact.js";
import type { Session } from "../../../src/model/session.js";
import type { Store } from "../../../src/store/port/store.js";
import { type StoreProcesses, startStoreProcesses } from "../../support/store-processes.js";
import {
  appId,
  bytes,
  email,
  issue,
  minute,
  newSession,
  ofKind,
  phone,
  poolId,
  redemptionOf,
  rotate,
  rotationOf,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { claimed, membersOf, newMember, shop, verified } from "./member-fixtures.js";

const later = t0 + minute;
const rounds = 3;
const here = { poolId, appId };

/** Changes of people that meet sign-ins and refreshes, from four processes on one database. */
export function peopleRaces(scene: Scene): void {
  let others: StoreProcesses;
  beforeAll(async () => {
    others = await startStoreProcesses(4);
  });
  afterAll(() => others.stop());
  const { add, find, member } = membersOf(scene);
  const sessionsOf = (userId: string, app = appId) => scene.store.sessions.list({ userId, appId: app, now: later });
  const challengesFor = (contact: Contact, userId: string | null, count: number) =>
    Promise.all(times(count, (n) => issue(scene.store, { contact, userId, identifierKey: bytes(`${n}`) })));

  /** Runs acts at once, each in the next process, with one of them at a place of its own. Returns the outcomes of the others. */
  async function race<T>(
    acts: readonly ((store: Store) => Promise<T>)[],
    one: (store: Store) => Promise<unknown>,
    place: number,
  ) {
    const store = await others.open(scene.location);
    try {
      const before = acts.slice(0, place).map((act) => act(store));
      const only = one(store);
      const outcomes = await Promise.all([...before, ...acts.slice(place).map((act) => act(store))]);
      await only;
      return outcomes;
    } finally {
      await store.close();
    }
  }
  const redeeming = (challengeId: string, changes: Parameters<typeof redemptionOf>[1] = {}) => {
    const change = redemptionOf(challengeId, changes);
    return (store: Store) => store.challenges.redeem(change);
  };

  for (const [name, end] of [
    ["a lock", (store: Store, userId: string) => store.users.setLock({ appId, userId, locked: true, now: later })],
    ["leaving", (store: Store, userId: string) => store.users.leave({ appId, userId, now: later })],
    ["erasure", (store: Store, userId: string) => store.users.erase({ userId, now: later })],
  ] as const) {
    it(`${name} that meets 16 sign-ins and 8 refreshes leaves no session, and no later sign-in succeeds`, async () => {
      for (const round of times(rounds, Number)) {
        const contact = email();
        const { user } = await signIn(scene.store, contact);
        const { userId } = user;
        if (name === "leaving") await add({ user: { userId }, contacts: [] }, shop);
        const sessions: Session[] = [];
        for (const _ of times(8, Number)) sessions.push((await signIn(scene.store, contact)).session);
        const challenges = await challengesFor(contact, userId, 16);
        const acts = times(24, (n) =>
          n % 3 === 2
            ? (store: Store) => store.sessions.rotate(rotationOf(sessions[Math.floor(n / 3)]!, { now: later }))
            : redeeming(challenges[Math.floor(n / 3) * 2 + (n % 3)]!.challengeId),
        );
        await race<unknown>(acts, (store) => end(store, userId), round * 4);
        expect(await sessionsOf(userId)).toEqual([]);
        for (const session of sessions) {
          expect(await scene.store.sessions.findLive({ sessionId: session.sessionId, now: later })).toBeNull();
          expect(await rotate(scene.store, session, { generation: 1, now: later })).toEqual({ kind: "ended" });
        }
        const last = await issue(scene.store, { contact, userId });
        expect(await scene.store.challenges.redeem(redemptionOf(last.challengeId))).toMatchObject({ kind: "refused" });
        expect(await sessionsOf(userId)).toEqual([]);
      }
    });
  }

  it("a contact change that meets 16 sign-ins by the old contact leaves it to its user or to one new person, never to both", async () => {
    for (const round of times(rounds, Number)) {
      const [old, next] = [email(), email()];
      const { userId } = (await signIn(scene.store, old)).user;
      const challenges = [...(await challengesFor(old, userId, 8)), ...(await challengesFor(old, null, 8))];
      const { challengeId } = await issue(scene.store, {
        purpose: "change_contact",
        contact: next,
        userId,
        replaces: old.value,
      });
      const acts = challenges.map((challenge) => redeeming(challenge.challengeId));
      const change = redeeming(challengeId, { newSession: null, newMembership: null });
      const outcomes = await race(acts, change, round * 3);
      expect((await find(next))?.user.userId).toBe(userId);
      expect((await member(userId)).user.contacts).toEqual([verified(next, later)]);
      const others = new Set<string>();
      for (const { redemption } of ofKind(outcomes, "redeemed")) {
        if (redemption.kind !== "signed_in" || redemption.user.userId === userId) continue;
        expect(redemption.user.contacts).toEqual([verified(old, later)]);
        others.add(redemption.user.userId);
      }
      expect(others.size).toBeLessThanOrEqual(1);
      expect((await find(old))?.user.userId ?? null).toBe([...others][0] ?? null);
    }
  });

  it("of 20 users who change to one contact at once exactly one gets it, also while others claim and prove it", async () => {
    const contact = email();
    const claimant = (await add({ contacts: [claimed(contact)] })).user.userId;
    const people = await Promise.all(times(20, () => add()));
    const changes = await Promise.all(
      people.map(async ({ user }) => {
        const change = { purpose: "change_contact", contact, userId: user.userId, identifierKey: bytes(user.userId) } as const;
        return redemptionOf((await issue(scene.store, change)).challengeId, { newSession: null, newMembership: null });
      }),
    );
    const logins = await challengesFor(contact, null, 4);
    const outcomes = await others.race(scene.location, "challenges.redeem", [
      ...changes.slice(0, 10),
      ...logins.map(({ challengeId }) => redemptionOf(challengeId)),
      ...changes.slice(10),
    ]);
    const redemptions = ofKind(outcomes, "redeemed").map(({ redemption }) => redemption);
    const holder = (await find(contact))!.user;
    expect(holder.contacts).toContainEqual(verified(contact, later));
    const changed = ofKind(redemptions, "contact_changed");
    expect(changed.length).toBeLessThanOrEqual(1);
    expect(changed.length + ofKind(redemptions, "contact_taken").length).toBe(20);
    for (const { user } of [...changed, ...ofKind(redemptions, "signed_in")]) expect(user.userId).toBe(holder.userId);
    expect([claimant, ...people.map(({ user }) => user.userId)]).toContain(holder.userId);
    const withContact = await Promise.all(people.map(({ user }) => member(user.userId)));
    expect(withContact.filter(({ user }) => user.contacts.some(({ value }) => value === contact.value))).toHaveLength(
      changed.length,
    );
  });

  it("of 40 proofs of a claimed contact from 4 processes one verifies it, and all sign in its person", async () => {
    const contact = phone();
    const { userId } = (await add({ contacts: [claimed(contact)] })).user;
    const challenges = [...(await challengesFor(contact, null, 20)), ...(await challengesFor(contact, userId, 20))];
    const outcomes = await others.race(
      scene.location,
      "challenges.redeem",
      challenges.map(({ challengeId }) => redemptionOf(challengeId)),
    );
    const redemptions = ofKind(outcomes, "redeemed").map(({ redemption }) => redemption);
    expect(redemptions.length).toBeGreaterThan(0);
    for (const { user } of ofKind(redemptions, "signed_in")) expect(user.userId).toBe(userId);
    expect((await member(userId)).user.contacts).toEqual([verified(contact, later)]);
  });

  for (const [name, given] of [
    ["a verified", verified],
    ["a claimed", claimed],
  ] as const) {
    it(`of 100 creations for ${name} contact from 4 processes one creates the person; of 100 joins one joins it`, async () => {
      const contact = email();
      const creations = (place: { poolId: string; appId: string }) =>
        times(100, () => ({ ...place, members: [newMember({ contacts: [given(contact)] })], now: t0 }));
      const created = (await others.race(scene.location, "users.create", creations({ poolId: "main", appId }))).flat();
      expect(ofKind(created, "created")).toHaveLength(1);
      expect(ofKind(created, "already_member")).toHaveLength(99);
      const joined = (await others.race(scene.location, "users.create", creations(shop))).flat();
      expect(joined.filter(({ kind }) => kind !== "already_member")).toHaveLength(1);
      expect(ofKind(joined, "already_member")).toHaveLength(99);
    });
  }

  const proofs: Readonly<Record<string, (contact: Contact) => Promise<(store: Store) => Promise<unknown>>>> = {
    "a sign-in": async (contact) => redeeming((await issue(scene.store, { contact })).challengeId),
    "an added contact": async (contact) => {
      const { userId } = (await add()).user;
      return (store) =>
        store.users.addContact({ appId, userId, contact: verified(contact, later), primary: false, now: later });
    },
    "a creation": async (contact) => (store) =>
      store.users.create({ ...here, members: [newMember({ contacts: [verified(contact, later)] })], now: later }),
    "an import": async (contact) => (store) => {
      const contacts = [[verified(contact, later)], [verified(email())]];
      return store.users.create({ ...here, members: contacts.map((own) => newMember({ contacts: own })), now: later });
    },
  };
  for (const [name, prove] of Object.entries(proofs)) {
    it(`of 24 claims of a contact that ${name} proves at the same time none stays`, async () => {
      for (const round of times(rounds, Number)) {
        const contact = email();
        const people = await Promise.all(times(12, () => add()));
        const adding = people.map(
          ({ user: { userId } }) =>
            (store: Store) =>
              store.users.addContact({ appId, userId, contact: claimed(contact), primary: false, now: t0 }),
        );
        const creating = times(12, () => {
          const change = { ...here, members: [newMember({ contacts: [verified(email()), claimed(contact)] })], now: t0 };
          return (store: Store) => store.users.create(change);
        });
        const acts = adding.flatMap((act, n) => [act, creating[n]!]);
        await race<unknown>(acts, await prove(contact), round * 2);
        const holder = (await find(contact))!.user;
        expect(holder.contacts).toContainEqual(verified(contact, later));
        const prefix = { field: "email", text: contact.value } as const;
        const { members } = await scene.store.users.list({ ...here, prefix, after: "", limit: 30 });
        expect(members.map(({ user }) => user.userId)).toEqual([holder.userId]);
      }
    });
  }

  it("of 40 callers from 4 processes one may call the registration hook", async () => {
    const { challengeId } = await issue(scene.store);
    const claims = await others.race(
      scene.location,
      "challenges.claimHook",
      times(40, () => ({ challengeId, claimMs: 1_000, now: later })),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await scene.store.challenges.claimHook({ challengeId, claimMs: 1_000, now: later })).toBe(false);
    expect(await scene.store.challenges.claimHook({ challengeId: "unknown", claimMs: 0, now: later })).toBe(false);
  });

  it("20 proofs of a stranger from 4 processes join it once", async () => {
    const contact = email();
    const { userId } = (await signIn(scene.store, contact)).user;
    const challenges = await Promise.all(
      times(20, (n) => issue(scene.store, { ...shop, contact, identifierKey: bytes(`${n}`) })),
    );
    const outcomes = await others.race(
      scene.location,
      "challenges.redeem",
      challenges.map(({ challengeId }) => redemptionOf(challengeId, { newSession: newSession({ appId: shop.appId }) })),
    );
    const signedIn = ofKind(
      ofKind(outcomes, "redeemed").map(({ redemption }) => redemption),
      "signed_in",
    );
    expect(signedIn.filter(({ isNewUser }) => isNewUser)).toHaveLength(1);
    for (const { user } of signedIn) expect(user.userId).toBe(userId);
  });
}
