import { expect, it } from "vitest";
import type { NewChallenge } from "../../../src/model/challenge.js";
import type { Contact } from "../../../src/model/contact.js";
import type { Identifier } from "../../../src/model/identifier.js";
import {
  bytes,
  email,
  expectKind,
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
  t0,
  times,
} from "./fixtures.js";

/** Two apps of the pool `main`, and one of another pool. */
const apps = {
  shop: { poolId: "main", appId: "shop", clientId: "shop-web" },
  forum: { poolId: "main", appId: "forum", clientId: "forum-web" },
  bank: { poolId: "bank", appId: "bank", clientId: "bank-web" },
} as const;
type App = (typeof apps)[keyof typeof apps];

/** What pools and apps keep apart. */
export function pools(scene: Scene): void {
  const send = (app: App, contact: Contact, changes: Partial<NewChallenge> = {}) =>
    issue(scene.store, { ...app, contact, ...changes });

  async function signIn(app: App, contact: Contact, changes: Parameters<typeof redeem>[2] = {}) {
    const { challengeId } = await send(app, contact, { identifierKey: bytes(`${app.poolId} ${contact.value}`) });
    const { appId, clientId } = app;
    return await redeem(scene.store, challengeId, { newSession: newSession({ appId, clientId }), now: t0, ...changes });
  }

  async function recipient(poolId: string, identifier: Identifier, appId = poolId === "main" ? "shop" : poolId) {
    const recipientOf = { identifier, channel: "email", poolId, appId, trustClaims: false } as const;
    const prepared = await scene.store.challenges.prepareSend({ idempotency: null, recipientOf, guards: [], now: t0 });
    return expectKind(prepared, "ready").recipient;
  }

  const sessionsOf = ({ appId }: App, userId: string) => scene.store.sessions.list({ userId, appId, now: t0 + minute });

  it("one contact and one username have a user in each pool, and no pool finds the other's", async () => {
    const { store } = scene;
    const contact = email();
    const ada = () => ({ newUser: newUser({ username: "ada" }) });
    const [main, other] = [await signIn(apps.shop, contact, ada()), await signIn(apps.bank, contact, ada())];
    expect(main).toMatchObject({ isNewUser: true, usernameTaken: false, user: { username: "ada" } });
    expect(other).toMatchObject({ isNewUser: true, usernameTaken: false, user: { username: "ada" } });
    expect(other.user.userId).not.toBe(main.user.userId);
    const pools = [
      ["main", main, other],
      ["bank", other, main],
    ] as const;
    for (const [poolId, { user }, { user: stranger }] of pools) {
      const found = { userId: user.userId, locale: "en", contact, standing: "member" };
      expect(await recipient(poolId, contact)).toEqual(found);
      expect(await recipient(poolId, { kind: "username", value: "ada" })).toEqual(found);
      expect(await recipient(poolId, { kind: "user_id", value: user.userId })).toEqual(found);
      expect(await recipient(poolId, { kind: "user_id", value: stranger.userId })).toBeNull();
    }
    expect(await recipient("third", contact)).toBeNull();
    for (const [app, { user }] of [
      [apps.shop, main],
      [apps.bank, other],
    ] as const) {
      const challenge = await send(app, contact);
      expect((await store.challenges.find(challenge.challengeId))?.contactUserId).toBe(user.userId);
      expect((await signIn(app, contact)).user).toEqual(user);
    }
  });

  it("a contact with a user in one pool has none in another: for the message, for a registration and for a login", async () => {
    const { store } = scene;
    const contact = email();
    await signIn(apps.shop, contact);
    await store.outbox.claim({ now: t0, leaseMs: 100 * minute, limit: 100 });
    const [registration] = await register(store, [contact], apps.bank);
    const [message] = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 100 });
    expect(message?.delivery).toMatchObject({ appId: "bank", hasUser: false });
    const { appId, clientId } = apps.bank;
    const made = await redeem(store, registration!.challengeId, { newSession: newSession({ appId, clientId }) });
    expect(made).toMatchObject({ isNewUser: true, user: { contacts: [{ value: contact.value }] } });
  });

  it("a sign-in, a proof and a deletion in one pool end nothing in another", async () => {
    const { store } = scene;
    const contact = email();
    const [main, other] = [await signIn(apps.shop, contact), await signIn(apps.bank, contact)];
    const identifierKey = bytes("one key for both pools");
    const held = await Promise.all([
      send(apps.bank, contact, { identifierKey }),
      send(apps.bank, contact, { identifierKey, userId: other.user.userId }),
      send(apps.bank, contact, { identifierKey, purpose: "verify_contact" }),
      register(store, [contact], { ...apps.bank, identifierKey }).then(([one]) => one!),
    ]);
    const watched = {
      now: t0 + minute,
      challenges: held.map(({ challengeId }) => challengeId),
    };
    const look = () => Promise.all(watched.challenges.map((challengeId) => store.challenges.find(challengeId)));
    const before = await look();
    await signIn(apps.shop, contact);
    const proof = await send(apps.shop, contact, { identifierKey, purpose: "verify_contact" });
    expectKind(await store.challenges.redeem(redemptionOf(proof.challengeId)), "redeemed");
    expect(await store.users.erase({ userId: main.user.userId, now: t0 })).toBe(true);
    expect(await look()).toEqual(before);
    expect(await sessionsOf(apps.bank, other.user.userId)).toEqual([other.session]);
    expect(await recipient("main", contact)).toBeNull();
    expect((await recipient("bank", contact))?.userId).toBe(other.user.userId);
  });

  it("40 sign-ins in two pools by one new contact and one username at once make one user in each", async () => {
    const { store } = scene;
    const contact = email();
    const both = [apps.shop, apps.bank] as const;
    const challenges = await Promise.all(times(40, (n) => send(both[n % 2]!, contact)));
    const outcomes = await Promise.all(
      challenges.map(({ challengeId, appId, clientId }) =>
        store.challenges.redeem(
          redemptionOf(challengeId, {
            newUser: newUser({ username: "grace" }),
            newSession: newSession({ appId, clientId }),
          }),
        ),
      ),
    );
    const done = ofKind(outcomes, "redeemed").map(({ redemption }) => expectKind(redemption, "signed_in"));
    expect(done.map(({ isNewUser, usernameTaken }) => ({ isNewUser, usernameTaken }))).toEqual(
      times(2, () => ({ isNewUser: true, usernameTaken: false })),
    );
    expect(done.map(({ session }) => session?.appId).sort()).toEqual(["bank", "shop"]);
    expect(new Set(done.map(({ user }) => user.userId)).size).toBe(2);
  });

  it("two apps of one pool share the user, but neither sessions, nor their cap, nor siblings, nor proofs", async () => {
    const { store } = scene;
    const contact = email();
    const first = await signIn(apps.shop, contact);
    const { userId } = first.user;
    const held = await Promise.all([
      send(apps.shop, contact),
      send(apps.shop, contact, { userId }),
      send(apps.shop, contact, { purpose: "verify_contact" }),
      register(store, [contact], apps.shop).then(([one]) => one!),
    ]);
    const look = () => Promise.all(held.map(({ challengeId }) => store.challenges.find(challengeId)));
    const before = await look();
    const second = await signIn(apps.forum, contact, { sessionsMax: 1 });
    expect(second).toMatchObject({ isNewUser: true, user: { userId } });
    const proof = await send(apps.forum, contact, { purpose: "verify_contact" });
    expectKind(await store.challenges.redeem(redemptionOf(proof.challengeId)), "redeemed");
    expect(await look()).toEqual(before);
    expect(await sessionsOf(apps.shop, userId)).toEqual([first.session]);
    expect(await sessionsOf(apps.forum, userId)).toEqual([second.session]);
    const third = await signIn(apps.forum, contact, { sessionsMax: 1 });
    expect(await sessionsOf(apps.shop, userId)).toEqual([first.session]);
    expect(await sessionsOf(apps.forum, userId)).toEqual([third.session]);
  });

  it("one app ends none of the other's sessions and challenges", async () => {
    const { store } = scene;
    const contact = email();
    const [{ session, user }, other] = [await signIn(apps.shop, contact), await signIn(apps.forum, contact)];
    const challenge = await send(apps.shop, contact);
    const { userId } = user;
    const { sessionId, family } = session;
    const { appId, clientId } = apps.forum;
    const now = t0 + minute;
    await expectNothingHappened(store, { now, challenges: [challenge.challengeId] }, async () => {
      expect(await store.sessions.revoke({ sessionId, userId, appId, now })).toBe(false);
      expect(await store.sessions.revokeFamily({ family, clientId, now })).toBe(false);
      const others = { userId, appId, keepSessionId: other.session.sessionId, now };
      expect(await store.sessions.revokeOthers(others)).toBe(0);
      expect(await rotate(store, session, { clientId })).toEqual({ kind: "ended" });
      const { challengeId } = challenge;
      expect(await store.challenges.end({ challengeId, appId, how: "cancel", sendReturns: [], now })).toBe("unknown");
    });
    expect(await sessionsOf(apps.shop, userId)).toEqual([session]);
  });

  it("deleting a user ends the sessions and the challenges of every app", async () => {
    const { store } = scene;
    const contact = email();
    const made = [await signIn(apps.shop, contact), await signIn(apps.forum, contact)];
    const { userId } = made[0]!.user;
    const challenges = [await send(apps.shop, contact, { userId }), await send(apps.forum, contact, { userId })];
    expect(await store.users.erase({ userId, now: t0 })).toBe(true);
    for (const { session } of made) {
      expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 })).toBeNull();
    }
    for (const { challengeId } of challenges) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: true, cancelledAt: null });
    }
  });

  it("a registration makes its user in the pool of its app, without contacts that got a user there meanwhile", async () => {
    const { store } = scene;
    const [address, number] = [email(), phone()];
    const [first, last] = await register(store, [address, number], apps.bank);
    const pending = await store.challenges.redeem(redemptionOf(first!.challengeId));
    expectKind(expectKind(pending, "redeemed").redemption, "pending");
    await signIn(apps.shop, address);
    const owner = await signIn(apps.bank, address);
    const made = await redeem(store, last!.challengeId);
    expect(made.user.contacts.map(({ value }) => value)).toEqual([number.value]);
    expect((await recipient("bank", address))?.userId).toBe(owner.user.userId);
    expect(await recipient("main", number)).toBeNull();
  });
}
