import { expect, it } from "vitest";
import {
  appId,
  email,
  expectNothingHappened,
  issue,
  minute,
  newUser,
  poolId,
  queued,
  redeem,
  redemptionOf,
  rotate,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";

export function users(scene: Scene): void {
  it("given fields of a user change, others stay, empty texts included", async () => {
    const { store } = scene;
    const { user, session } = await signIn(store);
    const { userId } = user;
    expect(await store.users.update({ appId, userId, displayName: "Grace" })).toEqual({ ...user, displayName: "Grace" });
    expect(await store.users.update({ appId, userId, locale: "sv", customAttributes: '{"a":1}' })).toEqual({
      ...user,
      displayName: "Grace",
      locale: "sv",
      customAttributes: '{"a":1}',
    });
    const emptied = { ...user, displayName: "", locale: "sv", customAttributes: "" };
    expect(await store.users.update({ appId, userId, displayName: "", customAttributes: "" })).toEqual(emptied);
    expect(await store.users.update({ appId, userId })).toEqual(emptied);
    expect((await store.sessions.findLive({ sessionId: session.sessionId, now: t0 }))?.user).toEqual(emptied);
  });

  it("texts are kept byte by byte, whatever is in them", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    const displayName = `'; DROP TABLE users; -- \u0000 Åsa 👩‍🚀 \u202e`;
    expect((await store.users.update({ appId, userId: user.userId, displayName }))?.displayName).toBe(displayName);
  });

  it("an unknown user is not updated and not deleted", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    await expectNothingHappened(store, { now: t0, users: [user.userId] }, async () => {
      expect(await store.users.update({ appId, userId: "nobody", displayName: "x" })).toBeNull();
      expect(await store.users.erase({ userId: "nobody", now: t0 })).toBe(false);
    });
  });

  it("a deletion takes contacts, user name and sessions with it; of 20 racers one deletes", async () => {
    const { store } = scene;
    const contact = email();
    const { user, session } = await signIn(store, contact, { newUser: newUser({ username: "ada" }) });
    const other = await signIn(store, contact);
    const deleted = await Promise.all(times(20, () => store.users.erase({ userId: user.userId, now: t0 })));
    expect(deleted.filter(Boolean)).toHaveLength(1);
    for (const one of [session, other.session]) {
      expect(await store.sessions.findLive({ sessionId: one.sessionId, now: t0 })).toBeNull();
      expect(await rotate(store, one)).toEqual({ kind: "ended" });
    }
    expect(await store.users.update({ appId, userId: user.userId, displayName: "x" })).toBeNull();
    const query = { idempotency: null, guards: [], now: t0 } as const;
    for (const identifier of [contact, { kind: "username", value: "ada" }] as const) {
      expect(
        await store.challenges.prepareSend({
          ...query,
          recipientOf: { identifier, channel: "email", poolId, appId, trustClaims: false },
        }),
      ).toEqual({
        kind: "ready",
        recipient: null,
      });
    }
    const again = await signIn(store, contact, { newUser: newUser({ username: "ada" }) });
    expect(again.user.username).toBe("ada");
    expect(again.user.userId).not.toBe(user.userId);
  });

  it("a deletion turns the challenges made for the user into decoys, whose messages are not delivered", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    const challenge = await issue(store, { contact, userId: user.userId }, { now: t0 });
    const stranger = await issue(store);
    await store.users.erase({ userId: user.userId, now: t0 });
    expect(await store.challenges.find(challenge.challengeId)).toMatchObject({ cancelledAt: null, decoy: true });
    expect(await queued(store, t0 + minute)).toEqual([stranger.challengeId, null, null].sort());
    const redeemed = () => store.challenges.redeem(redemptionOf(challenge.challengeId));
    expect(await redeemed()).toEqual({ kind: "refused", why: "decoy" });
    await signIn(store, contact, { now: t0 + minute });
    expect(await redeemed()).toEqual({ kind: "refused", why: "decoy" });
    await redeem(store, stranger.challengeId);
  });

  it("a deletion leaves other users and their sessions alone", async () => {
    const { store } = scene;
    const stranger = await signIn(store);
    const { user } = await signIn(store);
    await store.users.erase({ userId: user.userId, now: t0 });
    const { sessionId } = stranger.session;
    expect(await store.sessions.findLive({ sessionId, now: t0 })).toEqual({ session: stranger.session, user: stranger.user });
  });

  it("deletions and sign-ins of one user race without leaving a session of nobody", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    const challenges = await Promise.all(
      times(20, (n) => issue(store, { contact, userId: user.userId, identifierKey: Buffer.from(`${n}`) })),
    );
    const outcomes = await Promise.all([
      ...challenges.slice(0, 10).map(({ challengeId }) => store.challenges.redeem(redemptionOf(challengeId))),
      store.users.erase({ userId: user.userId, now: t0 }),
      ...challenges.slice(10).map(({ challengeId }) => store.challenges.redeem(redemptionOf(challengeId))),
    ]);
    expect(outcomes[10]).toBe(true);
    expect(await store.sessions.list({ userId: user.userId, appId, now: t0 + minute })).toEqual([]);
  });
}
