import { expect, it } from "vitest";
import type { Challenge } from "../../../src/model/challenge.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  appId,
  attemptOf,
  bytes,
  day,
  email,
  expectKind,
  expectNothingHappened,
  hour,
  issue,
  minute,
  newSession,
  phone,
  prove,
  queued,
  redeem,
  redemptionOf,
  register,
  rotate,
  rotationOf,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";

const nothing = { endedChallenge: false, endedSessions: 0 };

async function disown(store: Store, { challengeId }: Pick<Challenge, "challengeId">, now = t0 + minute) {
  return await store.notMe.disown({ challengeId, now });
}

/** Challenges that their recipients disown. */
export function notMe(scene: Scene): void {
  it("a disowned challenge still looks live, signs no one in and sends nothing any more", async () => {
    const { store } = scene;
    const challenge = await issue(store, { contact: email() });
    const { challengeId, clientId, requesterKey } = challenge;
    expect(await disown(store, challenge)).toEqual({ endedChallenge: true, endedSessions: 0 });
    expect(await store.challenges.find(challengeId)).toMatchObject({
      ...challenge,
      decoy: true,
      cancelledAt: null,
      consumedAt: null,
    });
    expect(await queued(store, t0 + minute)).toEqual([null]);
    const resend = { challengeId, clientId, requesterKey, idempotency: null, charges: [], now: t0 + minute };
    expectKind(await store.challenges.resend(resend), "resent");
    expect(await queued(store, t0 + minute)).toEqual([null, null]);
    expectKind(await store.challenges.takeAttempt(attemptOf(challenge)), "taken");
    expect(await store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "decoy" });
  });

  it("the session that a disowned challenge bought ends, refreshed or not, and the user's others stay", async () => {
    const { store } = scene;
    const contact = email();
    const { user, session: other } = await signIn(store, contact);
    for (const refreshed of [false, true]) {
      const challenge = await issue(store, { contact });
      const { session } = await redeem(store, challenge.challengeId);
      if (refreshed) expectKind(await rotate(store, session), "rotated");
      expect(await disown(store, challenge, t0 + hour)).toEqual({ endedChallenge: false, endedSessions: 1 });
      expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 + hour })).toBeNull();
      expect(await rotate(store, session, { generation: refreshed ? 1 : 0 })).toEqual({ kind: "ended" });
    }
    const left = await store.sessions.list({ userId: user.userId, appId, now: t0 + hour });
    expect(left.map(({ sessionId }) => sessionId)).toEqual([other.sessionId]);
  });

  it("a session with a credential ends too", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const credentialHash = bytes("credential", 32);
    await redeem(store, challenge.challengeId, { newSession: newSession({ credentialHash }) });
    expect(await disown(store, challenge)).toEqual({ endedChallenge: false, endedSessions: 1 });
    expect(await store.sessions.findByCredential({ credentialHash, now: t0 + minute })).toBeNull();
  });

  it("a session ends by its challenge until the session's own end, long after the challenge was swept", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const { session } = await redeem(store, challenge.challengeId, {
      newSession: newSession({ expiresAt: t0 + 30 * day, idleExpiresAt: t0 + 30 * day }),
    });
    await store.upkeep.sweep({ now: t0 + 29 * day, limit: 1_000 });
    expect(await store.challenges.find(challenge.challengeId)).toBeNull();
    expect(await disown(store, challenge, t0 + 29 * day)).toEqual({ endedChallenge: false, endedSessions: 1 });
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 + 29 * day })).toBeNull();
  });

  it("a repeat ends nothing, nor does a challenge that is unknown, a decoy, cancelled or expired", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    const [again, redeemed, expired, cancelled, decoy] = [
      await issue(store),
      await issue(store),
      await issue(store, { expiresAt: t0 + minute }),
      await issue(store),
      await issue(store, { decoy: true, contact: null }),
    ];
    expectKind(await store.challenges.redeem(redemptionOf(redeemed.challengeId, { newSession: null, now: t0 })), "redeemed");
    await store.challenges.end({ challengeId: cancelled.challengeId, appId, how: "cancel", sendReturns: [], now: t0 });
    expect(await disown(store, again)).toEqual({ endedChallenge: true, endedSessions: 0 });
    const all = [again, redeemed, expired, cancelled, decoy];
    const watched = { now: t0 + minute, challenges: all.map(({ challengeId }) => challengeId), users: [user.userId] };
    await expectNothingHappened(store, watched, async () => {
      for (const challenge of [...all, { challengeId: "unknown" }]) expect(await disown(store, challenge)).toEqual(nothing);
    });
  });

  it("a remembered call does not give a session again that was disowned", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const idempotency = bytes("call", 32);
    await redeem(store, challenge.challengeId, { idempotency });
    await disown(store, challenge);
    expect(await store.challenges.findRedemption({ idempotency, now: t0 + minute })).toBeNull();
  });

  it("a registration ends with any of its challenges: none completes it, and all still look live", async () => {
    const { store } = scene;
    const challenges = await register(store, [email(), phone()]);
    expect(await disown(store, challenges[0]!)).toEqual({ endedChallenge: true, endedSessions: 0 });
    for (const { challengeId } of challenges) {
      expect(await store.challenges.find(challengeId)).toMatchObject({ decoy: true, cancelledAt: null, sealedProfile: null });
      expect(await store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "decoy" });
    }
    const other = await register(store, [email(), phone()]);
    await prove(store, other[0]!.challengeId);
    expect(await disown(store, other[0]!)).toEqual({ endedChallenge: true, endedSessions: 0 });
    expect(await store.challenges.redeem(redemptionOf(other[1]!.challengeId))).toEqual({ kind: "refused", why: "decoy" });
  });

  it("either challenge of a completed registration ends its session", async () => {
    const { store } = scene;
    for (const index of [0, 1]) {
      const challenges = await register(store, [email(), phone()]);
      await prove(store, challenges[0]!.challengeId);
      const { session } = await redeem(store, challenges[1]!.challengeId);
      expect(await disown(store, challenges[index]!)).toEqual({ endedChallenge: false, endedSessions: 1 });
      expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 + minute })).toBeNull();
    }
  });

  it("of redemptions and reports that race none leaves a live session, and a refresh at the same time neither", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    const before = await store.sessions.list({ userId: user.userId, appId, now: t0 + minute });
    for (const round of times(12, Number)) {
      const challenge = await issue(store, { contact: user.contacts[0]! });
      const session = newSession();
      const racers = [
        () => store.challenges.redeem(redemptionOf(challenge.challengeId, { newSession: session })),
        () => disown(store, challenge),
        () => store.sessions.rotate(rotationOf(session, { now: t0 + minute })),
      ].flatMap((racer) => times(5, () => racer));
      await Promise.all([...racers.slice(5 * (round % 3)), ...racers.slice(0, 5 * (round % 3))].map((racer) => racer()));
      expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 + minute })).toBeNull();
      expect(await store.challenges.redeem(redemptionOf(challenge.challengeId))).toMatchObject({ kind: "refused" });
    }
    expect(await store.sessions.list({ userId: user.userId, appId, now: t0 + minute })).toEqual(before);
  });
}
