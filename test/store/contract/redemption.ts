import { expect, it } from "vitest";
import type { Challenge, ChallengeRefusal, Store } from "../../../src/store/store.js";
import {
  budgetOf,
  claimOf,
  email,
  expectKind,
  expectNothingHappened,
  issue,
  minute,
  newSession,
  newUser,
  ofKind,
  phone,
  queued,
  redeem,
  redemptionOf,
  type Scene,
  second,
  signIn,
  t0,
  times,
} from "./fixtures.js";

export function redemption(scene: Scene): void {
  it("a login for a contact without a user makes one, with that contact verified, and a session", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const change = redemptionOf(challenge.challengeId);
    const expectedSession = {
      ...change.newSession,
      userId: change.newUser.userId,
      generation: 0,
      createdAt: t0 + minute,
      lastUsedAt: t0 + minute,
    };
    const expectedUser = {
      ...change.newUser,
      contacts: [{ ...challenge.contact, verifiedAt: t0 + minute }],
      createdAt: t0 + minute,
    };
    expect(await store.redeemChallenge(change)).toEqual({
      kind: "redeemed",
      redemption: {
        kind: "signed_in",
        session: expectedSession,
        user: expectedUser,
        isNewUser: true,
        usernameTaken: false,
      },
    });
    const { sessionId } = change.newSession;
    expect(await store.findLiveSession({ sessionId, now: t0 + minute })).toEqual({
      session: expectedSession,
      user: expectedUser,
    });
    expect(await store.findChallenge(challenge.challengeId)).toMatchObject({ consumedAt: t0 + minute, cancelledAt: null });
  });

  it("a login for a contact with a user signs that user in and leaves them as they are", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    for (const userId of [user.userId, null]) {
      const challenge = await issue(store, { contact: user.contacts[0]!, userId });
      const again = await redeem(store, challenge.challengeId, { newUser: newUser({ displayName: "Eve" }) });
      expect(again.isNewUser).toBe(false);
      expect(again.user).toEqual(user);
    }
    expect(await store.listSessions({ userId: user.userId, now: t0 + minute })).toHaveLength(3);
  });

  it("of 100 racing redemptions exactly one is redeemed and one session exists", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    const challenge = await issue(store, { contact, userId: user.userId });
    const outcomes = await Promise.all(times(100, () => store.redeemChallenge(redemptionOf(challenge.challengeId))));
    expect(ofKind(outcomes, "redeemed")).toHaveLength(1);
    expect(ofKind(outcomes, "refused")).toEqual(times(99, () => ({ kind: "refused", why: "consumed" })));
    expect(await store.listSessions({ userId: user.userId, now: t0 + minute })).toHaveLength(2);
  });

  it("20 racing redemptions of 20 challenges for one new contact make one user", async () => {
    const { store } = scene;
    const contact = email();
    // Of other purposes' siblings none is cancelled, so all can be right.
    const challenges = await Promise.all(times(20, (n) => issue(store, { contact, identifierKey: Buffer.from(`key ${n}`) })));
    const outcomes = await Promise.all(challenges.map(({ challengeId }) => store.redeemChallenge(redemptionOf(challengeId))));
    const redemptions = ofKind(outcomes, "redeemed").map((one) => expectKind(one.redemption, "signed_in"));
    expect(redemptions).toHaveLength(20);
    expect(new Set(redemptions.map(({ user }) => user.userId)).size).toBe(1);
    expect(redemptions.filter(({ isNewUser }) => isNewUser)).toHaveLength(1);
  });

  it("live siblings, of the same identifier and purpose, are ended: the requester's own visibly, a stranger's as a decoy; others live on", async () => {
    const { store } = scene;
    const contact = email();
    const siblings = await Promise.all([
      issue(store, { contact }),
      issue(store, { contact, requesterKey: Buffer.from("stranger"), clientId: "another" }),
    ]);
    const others = await Promise.all([
      issue(store, { contact, purpose: "verify_contact" }),
      issue(store, { contact, identifierKey: Buffer.from("user name") }),
      issue(store),
    ]);
    const consumed = await issue(store, { contact, identifierKey: Buffer.from("before") });
    await redeem(store, consumed.challengeId, { now: t0 + second });
    const challenge = await issue(store, { contact });
    await redeem(store, challenge.challengeId);
    const [own, strangers] = siblings.map(({ challengeId }) => challengeId) as [string, string];
    expect(await store.findChallenge(own)).toMatchObject({ cancelledAt: t0 + minute, consumedAt: null });
    expect(await store.redeemChallenge(redemptionOf(own))).toEqual({ kind: "refused", why: "cancelled" });
    expect(await store.findChallenge(strangers)).toMatchObject({ cancelledAt: null, consumedAt: null, decoy: true });
    expect(await store.redeemChallenge(redemptionOf(strangers))).toEqual({ kind: "refused", why: "decoy" });
    for (const { challengeId } of others) {
      expect(await store.findChallenge(challengeId)).toMatchObject({ cancelledAt: null, consumedAt: null });
    }
    expect(await store.findChallenge(consumed.challengeId)).toMatchObject({ cancelledAt: null, consumedAt: t0 + second });
  });

  it("20 siblings redeemed at once: one wins and cancels the others", async () => {
    const { store } = scene;
    const contact = email();
    const challenges = await Promise.all(times(20, () => issue(store, { contact })));
    const outcomes = await Promise.all(challenges.map(({ challengeId }) => store.redeemChallenge(redemptionOf(challengeId))));
    expect(ofKind(outcomes, "redeemed")).toHaveLength(1);
    expect(ofKind(outcomes, "refused")).toEqual(times(19, () => ({ kind: "refused", why: "cancelled" })));
  });

  it("messages of a redeemed or cancelled challenge have nothing left to deliver", async () => {
    const { store } = scene;
    const contact = email();
    const [challenge] = [await issue(store, { contact }), await issue(store, { contact })];
    expect((await queued(store, t0)).filter((id) => id !== null)).toHaveLength(2);
    await redeem(store, challenge!.challengeId);
    expect(await queued(store, t0 + minute)).toEqual([null, null]);
  });

  it("the returns are made with the redemption, and only by the caller who wins", async () => {
    const { store } = scene;
    const claim = claimOf("sends", 10);
    const challenge = await issue(store, {}, { claims: [claim] });
    await issue(store, {}, { claims: [claim] });
    await issue(store, {}, { claims: [claim] });
    const change = { returns: [{ key: claim.key, spentAt: t0 }] };
    await Promise.all(times(20, () => store.redeemChallenge(redemptionOf(challenge.challengeId, change))));
    expect((await budgetOf(store, claim.key, t0 + minute)).spent).toEqual([t0, t0]);
  });

  it("a proof of contact makes neither user nor session", async () => {
    const { store } = scene;
    const contact = phone();
    const challenge = await issue(store, { contact, purpose: "verify_contact" });
    const change = redemptionOf(challenge.challengeId);
    expect(await store.redeemChallenge(change)).toEqual({ kind: "redeemed", redemption: { kind: "proven" } });
    const { sessionId } = change.newSession;
    expect(await store.findLiveSession({ sessionId, now: t0 + minute })).toBeNull();
    expect((await store.findChallenge(challenge.challengeId))?.ownerId).toBeNull();
  });

  it("a challenge can be redeemed up to the last millisecond of its life", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    await redeem(store, challenge.challengeId, { now: challenge.expiresAt - 1 });
  });

  const spoilers: readonly [
    string,
    ChallengeRefusal,
    (store: Store) => Promise<{ challenge: Pick<Challenge, "challengeId">; now?: number }>,
  ][] = [
    ["unknown", "unknown", async () => ({ challenge: { challengeId: "nothing" } })],
    ["expired", "expired", async (store) => ({ challenge: await issue(store), now: t0 + 5 * minute })],
    [
      "redeemed before",
      "consumed",
      async (store) => {
        const challenge = await issue(store);
        await redeem(store, challenge.challengeId);
        return { challenge };
      },
    ],
    ["a decoy", "decoy", async (store) => ({ challenge: await issue(store, { decoy: true }) })],
    ["a decoy of a user name", "decoy", async (store) => ({ challenge: await issue(store, { decoy: true, contact: null }) })],
    [
      "a decoy whose contact has got a user since",
      "decoy",
      async (store) => {
        const contact = email();
        const challenge = await issue(store, { decoy: true, contact, identifierKey: Buffer.from("decoy") });
        await signIn(store, contact);
        return { challenge };
      },
    ],
    [
      "for a user whose contact is now another user's",
      "user_gone",
      async (store) => {
        const { user } = await signIn(store);
        const challenge = await issue(store, { contact: user.contacts[0]!, userId: "another" });
        return { challenge };
      },
    ],
    ["for a user that never was", "user_gone", async (store) => ({ challenge: await issue(store, { userId: "nobody" }) })],
    [
      "of a registration that is not there",
      "cancelled",
      async (store) => ({ challenge: await issue(store, { purpose: "registration" }) }),
    ],
  ];
  for (const [what, why, spoil] of spoilers) {
    it(`a challenge that is ${what} is refused as ${why}; 20 racers change nothing`, async () => {
      const { store } = scene;
      const { challenge, now = t0 + minute } = await spoil(store);
      const claim = claimOf("sends", 5);
      const idempotency = Buffer.from("redemption");
      const sibling = await issue(store, { contact: email(), userId: null }, { claims: [claim] });
      const session = newSession();
      const made = newUser();
      const watched = {
        now,
        challenges: [challenge.challengeId, sibling.challengeId],
        budgets: [claim.key],
        users: [made.userId, "nobody", "another"],
      };
      await expectNothingHappened(store, watched, async () => {
        const outcomes = await Promise.all(
          times(20, () =>
            store.redeemChallenge(
              redemptionOf(challenge.challengeId, {
                now,
                idempotency,
                returns: [{ key: claim.key, spentAt: t0 }],
                newUser: made,
                newSession: session,
              }),
            ),
          ),
        );
        expect(outcomes).toEqual(times(20, () => ({ kind: "refused", why })));
      });
      expect(await store.findRedemption({ idempotency, now })).toBeNull();
      expect(await store.updateUser({ userId: made.userId, displayName: "x" })).toBeNull();
      expect(await store.findLiveSession({ sessionId: session.sessionId, now })).toBeNull();
    });
  }
}
