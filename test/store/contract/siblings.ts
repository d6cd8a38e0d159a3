import { expect, it } from "vitest";
import type { Challenge, NewChallenge } from "../../../src/model/challenge.js";
import {
  appId,
  bytes,
  email,
  expectKind,
  issue,
  minute,
  ofKind,
  phone,
  prove,
  redeem,
  redemptionOf,
  register,
  type Scene,
  second,
  t0,
  times,
} from "./fixtures.js";

/** Which other challenges end with a redemption. */
export function siblings(scene: Scene): void {
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
    expect(await store.sessions.list({ userId: user.userId, appId, now: t0 + minute })).toHaveLength(2);
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
    expect(await store.sessions.list({ userId: user.userId, appId, now: t0 + minute })).toHaveLength(1);
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
}
