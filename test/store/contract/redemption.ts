import { expect, it } from "vitest";
import type { Challenge, ChallengeRefusal, NewChallenge } from "../../../src/model/challenge.js";
import type { BudgetCharge } from "../../../src/store/port/budgets.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  budgetOf,
  bytes,
  chargeOf,
  email,
  expectKind,
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
    const { sessionId } = change.newSession;
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
    expect(await store.sessions.list({ userId: user.userId, now: t0 + minute })).toHaveLength(3);
  });

  it("of 100 racing redemptions exactly one is redeemed and one session exists", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    const challenge = await issue(store, { contact, userId: user.userId });
    const outcomes = await Promise.all(times(100, () => store.challenges.redeem(redemptionOf(challenge.challengeId))));
    expect(ofKind(outcomes, "redeemed")).toHaveLength(1);
    expect(ofKind(outcomes, "refused")).toEqual(times(99, () => ({ kind: "refused", why: "consumed" })));
    expect(await store.sessions.list({ userId: user.userId, now: t0 + minute })).toHaveLength(2);
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

  it("a sign-in ends every live challenge that could sign in to the user: the requester's own visibly, a stranger's as a decoy; others live on", async () => {
    const { store } = scene;
    const [address, number] = [email(), phone()];
    const [first, last] = await register(store, [address, number]);
    await prove(store, first!.challengeId);
    const { user } = await redeem(store, last!.challengeId, { now: t0 + second });
    const stranger = { requesterKey: bytes("stranger"), clientId: "another" };
    const ways = (how: Partial<NewChallenge>): Promise<readonly Challenge[]> =>
      Promise.all([
        issue(store, { contact: address, userId: user.userId, ...how }),
        issue(store, { contact: address, userId: user.userId, identifierKey: bytes("user name"), ...how }),
        issue(store, { contact: number, userId: user.userId, ...how }),
        issue(store, { contact: number, ...how }),
        register(store, [number], how).then(([one]) => one!),
        register(store, [address, phone()], how).then(([one]) => one!),
      ]);
    const own = await ways({});
    const strangers = await ways(stranger);
    const [, strangersPhone] = await register(store, [address, phone()], stranger);
    const others = await Promise.all([
      issue(store, { contact: address, purpose: "verify_contact" }),
      issue(store, { contact: number, purpose: "verify_contact", ...stranger }),
      issue(store),
    ]);
    const challenge = await issue(store, { contact: address, userId: user.userId });
    await redeem(store, challenge.challengeId);
    for (const { challengeId } of own) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ cancelledAt: t0 + minute, consumedAt: null });
      expect(await store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "cancelled" });
    }
    for (const { challengeId } of strangers) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ cancelledAt: null, consumedAt: null, decoy: true });
      expect(await store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "decoy" });
    }
    for (const { challengeId } of [...others, strangersPhone!]) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ cancelledAt: null, consumedAt: null, decoy: false });
    }
    expect(await store.sessions.list({ userId: user.userId, now: t0 + minute })).toHaveLength(2);
    await prove(store, strangersPhone!.challengeId);
  });

  it("a sign-in that makes a user ends what could sign in to it: a stranger's registration of a contact does not redeem into the user", async () => {
    const { store } = scene;
    const [address, number] = [email(), phone()];
    const strangers = await Promise.all([
      register(store, [address], { requesterKey: bytes("stranger") }),
      register(store, [number], { requesterKey: bytes("stranger") }),
    ]);
    const [first, last] = await register(store, [address, number]);
    await prove(store, first!.challengeId);
    const { user, isNewUser } = await redeem(store, last!.challengeId);
    expect(isNewUser).toBe(true);
    for (const [one] of strangers) {
      expect(await store.challenges.redeem(redemptionOf(one!.challengeId))).toEqual({ kind: "refused", why: "decoy" });
    }
    expect(await store.sessions.list({ userId: user.userId, now: t0 + minute })).toHaveLength(1);
  });

  it("a registration that stays pending ends no other challenge", async () => {
    const { store } = scene;
    const contact = email();
    const others = [
      await issue(store, { contact }),
      ...(await register(store, [contact, phone()], { requesterKey: bytes("q") })),
    ];
    const [first] = await register(store, [contact, phone()]);
    await prove(store, first!.challengeId);
    for (const { challengeId } of others) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ cancelledAt: null, consumedAt: null, decoy: false });
    }
  });

  it("a proof of contact ends the other live proofs of its identifier alone", async () => {
    const { store } = scene;
    const contact = email();
    const purpose = "verify_contact";
    const [own, strangers] = [
      await issue(store, { contact, purpose }),
      await issue(store, { contact, purpose, requesterKey: bytes("stranger") }),
    ];
    const others = [await issue(store, { contact }), await issue(store, { purpose })];
    const challenge = await issue(store, { contact, purpose });
    expectKind(await store.challenges.redeem(redemptionOf(challenge.challengeId)), "redeemed");
    expect(await store.challenges.find(own.challengeId)).toMatchObject({ cancelledAt: t0 + minute });
    expect(await store.challenges.find(strangers.challengeId)).toMatchObject({ cancelledAt: null, decoy: true });
    for (const { challengeId } of others) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ cancelledAt: null, decoy: false });
    }
  });

  it("20 sign-ins to one user by different identifiers at once: one wins and ends the others", async () => {
    const { store } = scene;
    const [address, number] = [email(), phone()];
    const [first, last] = await register(store, [address, number]);
    await prove(store, first!.challengeId);
    const { user } = await redeem(store, last!.challengeId);
    const challenges = await Promise.all(
      times(20, (n) => issue(store, { contact: n % 2 === 0 ? address : number, userId: n % 3 === 0 ? null : user.userId })),
    );
    const outcomes = await Promise.all(challenges.map(({ challengeId }) => store.challenges.redeem(redemptionOf(challengeId))));
    expect(ofKind(outcomes, "redeemed")).toHaveLength(1);
    expect(ofKind(outcomes, "refused")).toEqual(times(19, () => ({ kind: "refused", why: "cancelled" })));
  });

  it("20 siblings redeemed at once: one wins and cancels the others", async () => {
    const { store } = scene;
    const contact = email();
    const challenges = await Promise.all(times(20, () => issue(store, { contact })));
    const outcomes = await Promise.all(challenges.map(({ challengeId }) => store.challenges.redeem(redemptionOf(challengeId))));
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
    const { sessionId } = change.newSession;
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
      expect(await store.users.update({ userId: made.userId, displayName: "x" })).toBeNull();
      expect(await store.sessions.findLive({ sessionId: session.sessionId, now })).toBeNull();
    });
  }
}
