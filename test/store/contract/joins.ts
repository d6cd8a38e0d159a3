import { expect, it } from "vitest";
import type { NewChallenge } from "../../../src/model/challenge.js";
import type { Contact } from "../../../src/model/contact.js";
import {
  email,
  expectKind,
  expectNothingHappened,
  issue,
  minute,
  newMembership,
  newSession,
  newUser,
  phone,
  prove,
  redeem,
  redemptionOf,
  register,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { bank, claimed, membersOf, newMember, shop, verified } from "./member-fixtures.js";

const later = t0 + minute;

/** Proofs that make a person a member of an app, and those that do not. */
export function joins(scene: Scene): void {
  const { add, create, find, member } = membersOf(scene);
  const inShop = (contact: Contact, changes: Partial<NewChallenge> = {}) =>
    issue(scene.store, { ...shop, contact, ...changes });
  const session = () => ({ newSession: newSession({ appId: shop.appId }) });
  const sessionsOf = (userId: string) => scene.store.sessions.list({ userId, appId: shop.appId, now: later });

  it("a new person is a member with what the redemption gives, in its app alone", async () => {
    const contact = email();
    const { challengeId } = await inShop(contact);
    const given = newMembership({ roles: ["reader"], kind: "patient", ownerOrganization: "ward", appAttributes: '{"a":1}' });
    const { user, isNewUser } = await redeem(scene.store, challengeId, { ...session(), newMembership: given });
    expect(isNewUser).toBe(true);
    expect(await member(user.userId, shop)).toEqual({ user, membership: { appId: "shop", ...given, joinedAt: later } });
    expect(await find(contact)).toEqual({ user, membership: null });
  });

  it("a proof joins a person of the pool, who is new to the app, and leaves the profile and other apps as they are", async () => {
    const contact = email();
    const before = await add({ user: { username: "ada" }, contacts: [verified(contact)], membership: { roles: ["admin"] } });
    const { challengeId } = await inShop(contact);
    const changes = { ...session(), newUser: newUser({ displayName: "Eve", username: "eve" }) };
    const signedIn = await redeem(scene.store, challengeId, changes);
    expect(signedIn).toMatchObject({ isNewUser: true, usernameTaken: false, user: before.user });
    expect((await member(before.user.userId, shop)).membership).toMatchObject({ roles: [], state: "active", joinedAt: later });
    expect(await member(before.user.userId)).toEqual(before);
    const again = await redeem(scene.store, (await inShop(contact)).challengeId, session());
    expect(again).toMatchObject({ isNewUser: false, user: { userId: before.user.userId } });
  });

  it("a proof that joins a person ends the claims of the app to the contact, which have no effect later either", async () => {
    const { store } = scene;
    const [contact, kept] = [email(), phone()];
    const { userId: claimant } = (await add({ contacts: [claimed(contact), claimed(kept)] }, shop)).user;
    const { userId } = (await signIn(store, contact)).user;
    await redeem(store, (await inShop(contact)).challengeId, session());
    expect((await member(claimant, shop)).user.contacts).toEqual([claimed(kept)]);
    await store.users.erase({ userId, now: later });
    expect(await find(contact, shop)).toBeNull();
  });

  it("a registration by the contact of a stranger joins it, even with contacts left to prove", async () => {
    const contact = email();
    const { user } = await signIn(scene.store, contact);
    const [first] = await register(scene.store, [contact, phone()], shop);
    const signedIn = await redeem(scene.store, first!.challengeId, session());
    expect(signedIn).toMatchObject({ isNewUser: true, user: { userId: user.userId, displayName: user.displayName } });
  });

  it("of 20 racing proofs of a stranger one joins, and all sign in the same person", async () => {
    const contact = email();
    const { user } = await signIn(scene.store, contact);
    const challenges = await Promise.all(times(20, (n) => inShop(contact, { requesterKey: Buffer.from(`${n}`) })));
    const outcomes = await Promise.all(
      challenges.map(({ challengeId }) => scene.store.challenges.redeem(redemptionOf(challengeId, session()))),
    );
    const signedIn = outcomes.flatMap((outcome) =>
      outcome.kind === "redeemed" && outcome.redemption.kind === "signed_in" ? [outcome.redemption] : [],
    );
    expect(signedIn.filter(({ isNewUser }) => isNewUser)).toHaveLength(1);
    for (const one of signedIn) expect(one.user.userId).toBe(user.userId);
  });

  it("a challenge for a certain user signs in no stranger, no person that left, and no other person", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    const stranger = await inShop(contact, { userId: user.userId });
    const [joined] = await create([newMember({ contacts: [verified(contact)] })], shop);
    expect(joined?.kind).toBe("joined");
    await store.users.leave({ appId: shop.appId, userId: user.userId, now: t0 });
    const left = await inShop(contact, { userId: user.userId });
    const another = await inShop(contact, { userId: "another" });
    for (const { challengeId } of [left, another]) {
      await expectNothingHappened(store, { now: later, challenges: [challengeId], users: [user.userId] }, async () => {
        expect(await store.challenges.redeem(redemptionOf(challengeId, session()))).toEqual({
          kind: "refused",
          why: "user_gone",
        });
      });
    }
    expect(await store.challenges.redeem(redemptionOf(stranger.challengeId))).toMatchObject({ kind: "refused" });
    expect((await find(contact, shop))?.membership).toBeNull();
    expect(await sessionsOf(user.userId)).toEqual([]);
  });

  it("without a membership to give, no person is created or joined, and the outcome says for whom one would be", async () => {
    const { store } = scene;
    const [known, fresh, number] = [email(), email(), phone()];
    const { user } = await signIn(store, known);
    const login = await inShop(fresh);
    const join = await inShop(known);
    const [first, second] = await register(store, [fresh, number], shop);
    await prove(store, first!.challengeId);
    const expected = [
      [login, { isNewToPool: true, contacts: [fresh] }],
      [join, { isNewToPool: false, contacts: [known] }],
      [second!, { isNewToPool: true, contacts: expect.toSatisfy((all: Contact[]) => all.length === 2) }],
    ] as const;
    for (const [{ challengeId }, outcome] of expected) {
      const change = redemptionOf(challengeId, { ...session(), newMembership: null });
      await expectNothingHappened(store, { now: later, challenges: [challengeId], users: [user.userId] }, async () => {
        expect(await store.challenges.redeem(change)).toEqual({ kind: "would_register", ...outcome });
      });
    }
    expect(await find(fresh, shop)).toBeNull();
    expect((await find(known, shop))?.membership).toBeNull();
    expect((await redeem(store, join.challengeId, session())).user.userId).toBe(user.userId);
    expect((await redeem(store, second!.challengeId, session())).user.contacts).toHaveLength(2);
  });

  it("a sign-in of a member and a registration that stays pending need no membership to give", async () => {
    const { store } = scene;
    const [contact, given] = [email(), email()];
    const { user } = await signIn(store, contact);
    const { userId } = (await add({ contacts: [claimed(given)] })).user;
    for (const [proven, expected] of [
      [contact, user.userId],
      [given, userId],
    ] as const) {
      const { challengeId } = await issue(store, { contact: proven });
      expect((await redeem(store, challengeId, { newMembership: null })).user.userId).toBe(expected);
    }
    const [first] = await register(store, [email(), phone()]);
    const pending = await store.challenges.redeem(redemptionOf(first!.challengeId, { newMembership: null }));
    expect(expectKind(pending, "redeemed").redemption.kind).toBe("pending");
  });

  it("an invited member is active after its first sign-in, and its messages are invitations until then", async () => {
    const { store } = scene;
    const contact = email();
    const { userId } = (await add({ contacts: [claimed(contact)], membership: { state: "invited", roles: ["nurse"] } })).user;
    const invitation = await issue(store, { contact, userId });
    const message = async (now: number) => (await store.outbox.claim({ now, leaseMs: 0, limit: 10 })).at(-1)?.delivery;
    expect(await message(t0)).toMatchObject({ challengeId: invitation.challengeId, hasUser: true, invited: true });
    const { isNewUser } = await redeem(store, invitation.challengeId);
    expect(isNewUser).toBe(false);
    expect((await member(userId)).membership).toMatchObject({ state: "active", roles: ["nurse"] });
    await issue(store, { contact, userId }, { now: later });
    expect(await message(later)).toMatchObject({ hasUser: true, invited: false });
  });

  it("a message says whether its contact has a member of the app", async () => {
    const { store } = scene;
    const contact = email();
    await signIn(store, contact);
    const [here] = await register(store, [contact]);
    const [elsewhere] = await register(store, [contact], shop);
    const [other] = await register(store, [contact], bank);
    const messages = await store.outbox.claim({ now: later, leaseMs: 0, limit: 10 });
    const hasUser = new Map(messages.map(({ delivery }) => [delivery?.challengeId, delivery?.hasUser]));
    const expected = [here, elsewhere, other].map((challenge) => hasUser.get(challenge!.challengeId));
    expect(expected).toEqual([true, false, false]);
  });

  for (const [name, membership] of [
    ["locked", { state: "locked" }],
    ["without a credential", { credentialType: "none" }],
  ] as const) {
    it(`a member that is ${name} is signed in by no proof, and nothing changes`, async () => {
      const { store } = scene;
      const [contact, given] = [email(), phone()];
      const before = await add({ contacts: [verified(contact), claimed(given)], membership });
      const { userId } = before.user;
      const [registered] = await register(store, [contact]);
      const challenges = [await issue(store, { contact, userId }), await issue(store, { contact }), registered!];
      // Without a credential, a claim has no effect.
      if (name === "locked") challenges.push(await issue(store, { contact: given }));
      for (const { challengeId } of challenges) {
        await expectNothingHappened(store, { now: later, challenges: [challengeId], users: [userId] }, async () => {
          const outcome = await store.challenges.redeem(redemptionOf(challengeId, { trustClaims: true }));
          expect(outcome).toEqual({ kind: "refused", why: "user_locked" });
        });
      }
      expect(await member(userId)).toEqual(before);
      const elsewhere = await redeem(store, (await inShop(contact)).challengeId, session());
      expect(elsewhere.user.userId, "another app is not concerned").toBe(userId);
    });
  }
}
