import { expect, it } from "vitest";
import type { Store } from "../../../src/store/port/store.js";
import {
  appId,
  attemptOf,
  bytes,
  chargeOf,
  email,
  expectKind,
  expectNothingHappened,
  guardOf,
  hour,
  issue,
  issueOf,
  minute,
  newChallenge,
  type newSession,
  newUser,
  ofKind,
  phone,
  queued,
  redeem,
  redemptionOf,
  register,
  rotate,
  type Scene,
  second,
  t0,
  times,
} from "./fixtures.js";

const mac = bytes("call", 32);

export function idempotency(scene: Scene): void {
  it("20 racing issues with one key: one issues, all others get its challenge, and one message is due", async () => {
    const { store } = scene;
    const charge = chargeOf("sends", 100);
    const made = times(20, () => newChallenge());
    const outcomes = await Promise.all(
      made.map((one) => store.challenges.issue(issueOf(one, { idempotency: mac, guard: guardOf(one, { charges: [charge] }) }))),
    );
    const [issued] = ofKind(outcomes, "issued");
    expect(ofKind(outcomes, "issued")).toHaveLength(1);
    expect(ofKind(outcomes, "replayed")).toEqual(times(19, () => ({ kind: "replayed", challenges: issued!.challenges })));
    expect(await queued(store, t0)).toEqual([issued!.challenges[0]!.challengeId]);
  });

  it("a repeat gets the challenges as they now are, before any budget is looked at, and changes nothing", async () => {
    const { store } = scene;
    const charge = chargeOf("sends", 1);
    const challenge = await issue(store, {}, { idempotency: mac, charges: [charge] });
    await store.challenges.takeAttempt(attemptOf(challenge));
    const again = newChallenge();
    const guard = guardOf(again, { charges: [charge], totalMax: 0 });
    const watched = { now: t0 + 1, challenges: [challenge.challengeId, again.challengeId], budgets: [charge.key] };
    await expectNothingHappened(store, watched, async () => {
      const expected = { kind: "replayed", challenges: [{ ...challenge, attempts: 1 }] };
      const query = { idempotency: mac, recipientOf: null, guards: [guard], now: t0 + 1 } as const;
      expect(await store.challenges.prepareSend(query)).toEqual(expected);
      expect(await store.challenges.issue(issueOf(again, { idempotency: mac, guard, now: t0 + 1 }))).toEqual(expected);
    });
  });

  it("a registration is repeated with all its challenges, in their order", async () => {
    const { store } = scene;
    const make = () => {
      const challenges = [email(), phone()].map((contact) => newChallenge({ contact, purpose: "registration" }));
      return challenges.map((challenge) => ({ challenge, guard: guardOf(challenge) }));
    };
    const registration = { registrationId: "r", sealedProfile: bytes("profile") };
    const first = await store.challenges.issue({ idempotency: mac, registration, challenges: make(), now: t0 });
    const again = await store.challenges.issue({ idempotency: mac, registration, challenges: make(), now: t0 + 1 });
    expect(expectKind(again, "replayed").challenges).toEqual(expectKind(first, "issued").challenges);
  });

  it("other keys and no key are not repeats", async () => {
    const { store } = scene;
    await issue(store, {}, { idempotency: mac });
    for (const idempotency of [bytes("another", 32), null, null]) {
      expectKind(await store.challenges.issue(issueOf(newChallenge(), { idempotency })), "issued");
    }
  });

  it("an issue is remembered until an hour after the challenge's expiry", async () => {
    const { store } = scene;
    const challenge = await issue(store, {}, { idempotency: mac });
    const query = { idempotency: mac, recipientOf: null, guards: [] } as const;
    const end = challenge.expiresAt + hour;
    expectKind(await store.challenges.prepareSend({ ...query, now: end - 1 }), "replayed");
    expectKind(await store.challenges.prepareSend({ ...query, now: end }), "ready");
    expectKind(await store.challenges.issue(issueOf(newChallenge(), { idempotency: mac, now: end })), "issued");
  });

  it("20 racing resends with one key resend once", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const { challengeId, clientId, requesterKey } = challenge;
    const change = {
      challengeId,
      clientId,
      requesterKey,
      idempotency: mac,
      charges: [chargeOf("sends", 100)],
      now: t0 + minute,
    };
    const outcomes = await Promise.all(times(20, () => store.challenges.resend(change)));
    const [resent] = ofKind(outcomes, "resent");
    expect(ofKind(outcomes, "replayed")).toEqual(times(19, () => ({ kind: "replayed", challenge: resent!.challenge })));
    expect((await store.challenges.find(challengeId))?.sends).toBe(2);
    expect(await queued(store, t0 + minute)).toHaveLength(2);
  });

  it("a refused resend is not remembered", async () => {
    const { store } = scene;
    const { challengeId, requesterKey } = await issue(store);
    const change = { challengeId, requesterKey, idempotency: mac, charges: [], now: t0 + minute };
    expectKind(await store.challenges.resend({ ...change, clientId: "another" }), "refused");
    expectKind(await store.challenges.resend({ ...change, clientId: "client" }), "resent");
  });

  it("a sign-in is found again, with challenge, session, user and what was told", async () => {
    const { store } = scene;
    const [challenge] = await register(store, [email()]);
    await redeem(store, (await issue(store)).challengeId, { newUser: newUser({ username: "ada" }) });
    const done = await redeem(store, challenge!.challengeId, {
      idempotency: mac,
      newUser: newUser({ username: "ada" }),
    });
    expect(done).toMatchObject({ isNewUser: true, usernameTaken: true });
    const found = await store.challenges.findRedemption({ idempotency: mac, now: t0 + 2 * minute });
    expect(found).toEqual({ challenge: { ...challenge, consumedAt: t0 + minute }, redemption: done });
  });

  it("pending sources and a proof of contact are found again", async () => {
    const { store } = scene;
    const [challenge] = await register(store, [email(), phone()]);
    await store.challenges.redeem(redemptionOf(challenge!.challengeId, { idempotency: mac }));
    const pending = await store.challenges.findRedemption({ idempotency: mac, now: t0 + 2 * minute });
    expect(pending?.redemption).toEqual({ kind: "pending", pendingSources: ["phone"] });
    const proof = await issue(store, { purpose: "verify_contact" });
    const other = bytes("other", 32);
    await store.challenges.redeem(redemptionOf(proof.challengeId, { idempotency: other }));
    const proven = await store.challenges.findRedemption({ idempotency: other, now: t0 + 2 * minute });
    expect(proven?.redemption).toEqual({ kind: "proven" });
    expect(proven?.challenge.challengeId).toBe(proof.challengeId);
  });

  it("of 20 racing redemptions the winner's outcome alone is remembered", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const keys = times(20, (index) => bytes(`call ${index}`, 32));
    const outcomes = await Promise.all(
      keys.map((key) => store.challenges.redeem(redemptionOf(challenge.challengeId, { idempotency: key }))),
    );
    const found = await Promise.all(keys.map((key) => store.challenges.findRedemption({ idempotency: key, now: t0 + minute })));
    expect(found.map((one) => one !== null)).toEqual(outcomes.map(({ kind }) => kind === "redeemed"));
  });

  const endings: readonly [
    string,
    (store: Store, session: ReturnType<typeof newSession>, userId: string) => Promise<unknown>,
  ][] = [
    ["the session was refreshed", (store, session) => rotate(store, session, { now: t0 + minute + second })],
    [
      "the session was revoked",
      (store, { sessionId }, userId) => store.sessions.revoke({ sessionId, userId, appId, now: t0 + minute + second }),
    ],
    ["the user was deleted", (store, _, userId) => store.users.erase({ userId, now: t0 })],
  ];
  for (const [what, end] of endings) {
    it(`a sign-in is not found again once ${what}`, async () => {
      const { store } = scene;
      const challenge = await issue(store);
      const { session, user } = await redeem(store, challenge.challengeId, { idempotency: mac });
      expect(await store.challenges.findRedemption({ idempotency: mac, now: t0 + 2 * minute })).not.toBeNull();
      await end(store, session, user.userId);
      expect(await store.challenges.findRedemption({ idempotency: mac, now: t0 + 2 * minute })).toBeNull();
    });
  }

  it("a sign-in without a session is found again until its user is deleted", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const change = redemptionOf(challenge.challengeId, { newSession: null, idempotency: mac });
    const { redemption } = expectKind(await store.challenges.redeem(change), "redeemed");
    const { user } = await redeem(store, (await issue(store, { contact: challenge.contact })).challengeId);
    const query = { idempotency: mac, now: t0 + 2 * minute };
    expect((await store.challenges.findRedemption(query))?.redemption).toEqual(redemption);
    const changed = await store.users.update({ appId, userId: user.userId, displayName: "Grace" });
    expect((await store.challenges.findRedemption(query))?.redemption).toEqual({ ...redemption, user: changed });
    await store.users.erase({ userId: user.userId, now: t0 });
    expect(await store.challenges.findRedemption(query)).toBeNull();
  });

  it("a proof is not found again once the person of its contact was erased, because the contact is gone", async () => {
    const { store } = scene;
    const challenge = await issue(store, { purpose: "verify_contact" });
    const change = redemptionOf(challenge.challengeId, { newSession: null, newMembership: null, idempotency: mac });
    await store.challenges.redeem(change);
    const { user } = await redeem(store, (await issue(store, { contact: challenge.contact })).challengeId);
    const query = { idempotency: mac, now: t0 + 2 * minute };
    expect(await store.challenges.findRedemption(query)).toMatchObject({ redemption: { kind: "proven" } });
    await store.users.erase({ userId: user.userId, now: t0 + minute });
    expect(await store.challenges.find(challenge.challengeId)).toMatchObject({ contact: null });
    expect(await store.challenges.findRedemption(query)).toBeNull();
  });

  it("a redemption is not found again once its challenge has expired, nor under the key of another call", async () => {
    const { store } = scene;
    const challenge = await issue(store, {}, { idempotency: bytes("issue", 32) });
    await redeem(store, challenge.challengeId, { idempotency: mac });
    expect(await store.challenges.findRedemption({ idempotency: mac, now: challenge.expiresAt - 1 })).not.toBeNull();
    expect(await store.challenges.findRedemption({ idempotency: mac, now: challenge.expiresAt })).toBeNull();
    expect(await store.challenges.findRedemption({ idempotency: bytes("issue", 32), now: t0 })).toBeNull();
    expect(await store.challenges.findRedemption({ idempotency: bytes("nothing", 32), now: t0 })).toBeNull();
  });
}
