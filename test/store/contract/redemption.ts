import { expect, it } from "vitest";
import type { Challenge, ChallengeRefusal } from "../../../src/model/challenge.js";
import type { BudgetCharge } from "../../../src/store/port/budgets.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  appId,
  budgetOf,
  bytes,
  chargeOf,
  email,
  expectNothingHappened,
  hour,
  issue,
  minute,
  newSession,
  newUser,
  ofKind,
  phone,
  prove,
  queued,
  redeem,
  redemptionOf,
  register,
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
      number: expect.any(Number),
      contacts: [{ ...challenge.contact, verifiedAt: t0 + minute }],
      createdAt: t0 + minute,
    };
    expect(await store.challenges.redeem(change)).toEqual({
      kind: "redeemed",
      redemption: {
        kind: "signed_in",
        session: expectedSession,
        user: expectedUser,
        isNewUser: true,
        usernameTaken: false,
      },
    });
    const { sessionId } = change.newSession!;
    expect(await store.sessions.findLive({ sessionId, now: t0 + minute })).toEqual({
      session: expectedSession,
      user: expectedUser,
    });
    expect(await store.challenges.find(challenge.challengeId)).toMatchObject({ consumedAt: t0 + minute, cancelledAt: null });
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
    expect(await store.sessions.list({ userId: user.userId, appId, now: t0 + minute })).toHaveLength(3);
  });

  it("a redemption without a session signs in like any other, but starts none and ends none", async () => {
    const { store } = scene;
    const contact = email();
    const without = (userId: string | null) =>
      issue(store, { contact, userId }).then(({ challengeId }) =>
        redemptionOf(challengeId, { newSession: null, sessionsMax: 1 }),
      );
    const change = await without(null);
    const contacts = [{ ...contact, verifiedAt: t0 + minute }];
    const made = { ...change.newUser, number: expect.any(Number), contacts, createdAt: t0 + minute };
    const redeemed = (isNewUser: boolean) => ({
      kind: "redeemed",
      redemption: { kind: "signed_in", session: null, user: made, isNewUser, usernameTaken: false },
    });
    expect(await store.challenges.redeem(change)).toEqual(redeemed(true));
    const { userId } = change.newUser;
    expect(await store.sessions.list({ userId, appId, now: t0 + minute })).toEqual([]);
    const { session } = await signIn(store, contact);
    const sibling = await issue(store, { contact });
    expect(await store.challenges.redeem(await without(userId))).toEqual(redeemed(false));
    expect(await store.sessions.list({ userId, appId, now: t0 + minute })).toEqual([session]);
    expect(await store.challenges.find(sibling.challengeId)).toMatchObject({ cancelledAt: t0 + minute });
  });

  it("of 100 racing redemptions exactly one is redeemed and one session exists", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    const challenge = await issue(store, { contact, userId: user.userId });
    const outcomes = await Promise.all(times(100, () => store.challenges.redeem(redemptionOf(challenge.challengeId))));
    expect(ofKind(outcomes, "redeemed")).toHaveLength(1);
    expect(ofKind(outcomes, "refused")).toEqual(times(99, () => ({ kind: "refused", why: "consumed" })));
    expect(await store.sessions.list({ userId: user.userId, appId, now: t0 + minute })).toHaveLength(2);
  });

  it("20 registrations that proved one address before are completed at once: 20 users, of whom one has the address", async () => {
    const { store } = scene;
    const contact = email();
    const registrations = await Promise.all(times(20, () => register(store, [contact, phone()])));
    for (const [first] of registrations) await prove(store, first!.challengeId);
    const done = await Promise.all(registrations.map(([, last]) => redeem(store, last!.challengeId)));
    expect(done.filter(({ isNewUser }) => isNewUser)).toHaveLength(20);
    expect(done.filter(({ user }) => user.contacts.some(({ value }) => value === contact.value))).toHaveLength(1);
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
    const charge = chargeOf("sends", 10);
    const challenge = await issue(store, {}, { charges: [charge] });
    await issue(store, {}, { charges: [charge] });
    await issue(store, {}, { charges: [charge] });
    const change = { returns: [{ key: charge.key, spentAt: t0 }] };
    await Promise.all(times(20, () => store.challenges.redeem(redemptionOf(challenge.challengeId, change))));
    expect((await budgetOf(store, charge.key, t0 + minute)).spent).toEqual([t0, t0]);
  });

  it("every send that the challenge was charged for is given back with its hold, also of a resend that ended just before", async () => {
    const { store } = scene;
    const requesters = [bytes("first"), bytes("second")];
    const [perRequester, total] = [Buffer.of(1), Buffer.of(2)];
    const sendReturns = [
      { keyPrefix: perRequester, ofRequester: true, holdMs: 15 * second },
      { keyPrefix: total, ofRequester: false },
    ];
    for (const round of times(25, Number)) {
      const contact = email();
      const identifierKey = bytes(contact.value);
      const chargesOf = (requesterKey: Uint8Array): [BudgetCharge, BudgetCharge] => [
        {
          ...chargeOf("", 5, hour, { stepsMs: [10 * minute], jitter: 1 }),
          key: Buffer.concat([perRequester, identifierKey, requesterKey]),
        },
        { ...chargeOf("", 5), key: Buffer.concat([total, identifierKey]) },
      ];
      const [first, again] = [chargesOf(requesters[0]!), chargesOf(requesters[1]!)];
      const challenge = await issue(store, { contact, requesterKey: requesters[0]! }, { charges: first });
      const resend = () =>
        store.challenges.resend({
          challengeId: challenge.challengeId,
          clientId: challenge.clientId,
          requesterKey: requesters[1]!,
          idempotency: null,
          charges: again,
          now: t0 + minute,
        });
      const redeeming = () => store.challenges.redeem(redemptionOf(challenge.challengeId, { sendReturns }));
      const racers = round % 2 === 0 ? [resend(), redeeming()] : [redeeming(), resend()];
      const outcomes = (await Promise.all(racers)).map(({ kind }) => kind).sort();
      expect(["redeemed,resent", "redeemed,refused"]).toContain(outcomes.join());
      const now = t0 + minute + 1;
      const resent = outcomes.includes("resent");
      expect(await budgetOf(store, first[0].key, now)).toEqual({ spent: [], holdUntil: null });
      expect(await budgetOf(store, first[1].key, now)).toEqual({ spent: [], holdUntil: null });
      expect(await budgetOf(store, again[0].key, now)).toEqual({
        spent: [],
        holdUntil: resent ? t0 + minute + 15_000 : null,
      });
    }
  });

  it("a proof of contact makes neither user nor session", async () => {
    const { store } = scene;
    const contact = phone();
    const challenge = await issue(store, { contact, purpose: "verify_contact" });
    const change = redemptionOf(challenge.challengeId);
    expect(await store.challenges.redeem(change)).toEqual({ kind: "redeemed", redemption: { kind: "proven" } });
    const { sessionId } = change.newSession!;
    expect(await store.sessions.findLive({ sessionId, now: t0 + minute })).toBeNull();
    expect((await store.challenges.find(challenge.challengeId))?.contactUserId).toBeNull();
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
        const challenge = await issue(store, { decoy: true, contact, requesterKey: bytes("stranger") });
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
      const charge = chargeOf("sends", 5);
      const idempotency = Buffer.from("redemption");
      const sibling = await issue(store, { contact: email(), userId: null }, { charges: [charge] });
      const session = newSession();
      const made = newUser();
      const watched = {
        now,
        challenges: [challenge.challengeId, sibling.challengeId],
        budgets: [charge.key],
        users: [made.userId, "nobody", "another"],
      };
      await expectNothingHappened(store, watched, async () => {
        const outcomes = await Promise.all(
          times(20, () =>
            store.challenges.redeem(
              redemptionOf(challenge.challengeId, {
                now,
                idempotency,
                returns: [{ key: charge.key, spentAt: t0 }],
                newUser: made,
                newSession: session,
              }),
            ),
          ),
        );
        expect(outcomes).toEqual(times(20, () => ({ kind: "refused", why })));
      });
      expect(await store.challenges.findRedemption({ idempotency, now })).toBeNull();
      expect(await store.users.update({ appId, userId: made.userId, displayName: "x" })).toBeNull();
      expect(await store.sessions.findLive({ sessionId: session.sessionId, now })).toBeNull();
    });
  }
}
