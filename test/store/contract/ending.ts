import { expect, it } from "vitest";
import type { Challenge } from "../../../src/model/challenge.js";
import type { Challenges } from "../../../src/store/port/challenges.js";
import {
  appId,
  attemptOf,
  budgetOf,
  bytes,
  chargeOf,
  email,
  expectKind,
  expectNothingHappened,
  hour,
  issue,
  minute,
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

type EndChange = Parameters<Challenges["end"]>[0];

const ways = ["cancel", "approve"] as const;

function endOf({ challengeId }: Pick<Challenge, "challengeId">, changes: Partial<EndChange> = {}): EndChange {
  return { challengeId, appId, how: "cancel", sendReturns: [], now: t0 + minute, ...changes };
}

/** Challenges that end by the decision of a client. */
export function ending(scene: Scene): void {
  for (const how of ways) {
    it(`a challenge that ends by ${how} takes no guess, no resend and no code, and its message is not delivered`, async () => {
      const { store } = scene;
      const challenge = await issue(store, { contact: email() });
      const { challengeId, clientId, requesterKey } = challenge;
      expect(await store.challenges.end(endOf(challenge, { how }))).toBeNull();
      const ended = how === "cancel" ? { cancelledAt: t0 + minute } : { consumedAt: t0 + minute };
      expect(await store.challenges.find(challengeId)).toMatchObject({ ...challenge, ...ended });
      const why = how === "cancel" ? "cancelled" : "consumed";
      const resend = { challengeId, clientId, requesterKey, idempotency: null, charges: [], now: t0 + minute };
      const watched = { now: t0 + minute, challenges: [challengeId] };
      await expectNothingHappened(store, watched, async () => {
        expect(await store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why });
        expect(await store.challenges.takeAttempt(attemptOf(challenge))).toEqual({ kind: "refused", why });
        expect(await store.challenges.resend(resend)).toEqual({ kind: "refused", why });
        for (const again of ways) expect(await store.challenges.end(endOf(challenge, { how: again }))).toBe(why);
      });
      expect(await queued(store, t0 + minute)).toEqual([null]);
    });

    it(`a challenge that is unknown, another app's, redeemed or expired does not end by ${how}`, async () => {
      const { store } = scene;
      const live = await issue(store);
      const [redeemed, expired] = [await issue(store), await issue(store, { expiresAt: t0 + minute })];
      await redeem(store, redeemed.challengeId, { now: t0 });
      const challenges = [live, redeemed, expired].map(({ challengeId }) => challengeId);
      await expectNothingHappened(store, { now: t0 + minute, challenges }, async () => {
        expect(await store.challenges.end(endOf({ challengeId: "unknown" }, { how }))).toBe("unknown");
        expect(await store.challenges.end(endOf(live, { how, appId: "another" }))).toBe("unknown");
        expect(await store.challenges.end(endOf(redeemed, { how }))).toBe("consumed");
        expect(await store.challenges.end(endOf(redeemed, { how, appId: "another" }))).toBe("unknown");
        expect(await store.challenges.end(endOf(expired, { how }))).toBe("expired");
      });
    });

    it(`a decoy ends by ${how} like any other challenge`, async () => {
      const { store } = scene;
      const decoy = await issue(store, { decoy: true, contact: null });
      expect(await store.challenges.end(endOf(decoy, { how }))).toBeNull();
      expect(await store.challenges.end(endOf(decoy, { how }))).toBe(how === "cancel" ? "cancelled" : "consumed");
    });

    it(`when a challenge of a registration ends by ${how}, the others are cancelled and none completes the registration`, async () => {
      const { store } = scene;
      const [first, last] = await register(store, [email(), phone()]);
      expect(await store.challenges.end(endOf(first!, { how }))).toBeNull();
      const { challengeId } = last!;
      expect(await store.challenges.find(challengeId)).toMatchObject({
        cancelledAt: t0 + minute,
        consumedAt: null,
        sealedProfile: null,
      });
      expect(await store.challenges.takeAttempt(attemptOf(last!))).toEqual({ kind: "refused", why: "cancelled" });
      expect(await store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "cancelled" });
      const other = await register(store, [email(), phone()]);
      await prove(store, other[0]!.challengeId);
      expect(await store.challenges.end(endOf(other[1]!, { how }))).toBeNull();
      expect((await signIn(store, other[0]!.contact!)).user.contacts).toHaveLength(1);
    });
  }

  it("the sends of a challenge are listed with their times, oldest first, whatever became of it", async () => {
    const { store } = scene;
    const challenge = await issue(store, { contact: email() });
    const { challengeId, clientId, requesterKey } = challenge;
    expect(await store.challenges.listSends(challengeId)).toEqual([t0]);
    const resend = { challengeId, clientId, requesterKey, idempotency: null, charges: [] };
    await store.challenges.resend({ ...resend, now: t0 + 1 });
    await store.challenges.resend({ ...resend, now: t0 + 2 });
    await store.challenges.end(endOf(challenge));
    expect(await store.challenges.listSends(challengeId)).toEqual([t0, t0 + 1, t0 + 2]);
    expect(await store.challenges.listSends("AAAAAAAAAAAAAAAAAAAAAA")).toEqual([]);
  });

  it("an approval signs nobody in, makes no user and ends no sibling", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    const stranger = email();
    const [challenge, sibling] = [await issue(store, { contact }), await issue(store, { contact })];
    const unknown = await issue(store, { contact: stranger });
    const watched = { now: t0 + minute, challenges: [sibling.challengeId], users: [user.userId] };
    const before = await store.challenges.find(sibling.challengeId);
    expect(await store.challenges.end(endOf(challenge, { how: "approve" }))).toBeNull();
    expect(await store.challenges.end(endOf(unknown, { how: "approve" }))).toBeNull();
    expect(await store.challenges.find(sibling.challengeId)).toEqual(before);
    expect(await store.sessions.list({ userId: user.userId, appId, now: watched.now })).toHaveLength(1);
    expect((await store.challenges.find(unknown.challengeId))?.contactUserId).toBeNull();
  });

  it("an approval gives every send back to the requester that was charged for it; a cancellation gives nothing back", async () => {
    const { store } = scene;
    const requesters = [bytes("first"), bytes("second")];
    const [perRequester, total] = [Buffer.of(1), Buffer.of(2)];
    const sendReturns = [
      { keyPrefix: perRequester, ofRequester: true, holdMs: 15 * second },
      { keyPrefix: total, ofRequester: false },
    ];
    for (const how of ways) {
      const contact = email();
      const identifierKey = bytes(contact.value);
      const chargesOf = (requesterKey: Uint8Array) => [
        {
          ...chargeOf("", 5, hour, { stepsMs: [10 * minute], jitter: 1 }),
          key: Buffer.concat([perRequester, identifierKey, requesterKey]),
        },
        { ...chargeOf("", 5), key: Buffer.concat([total, identifierKey]) },
      ];
      const [first, again] = [chargesOf(requesters[0]!), chargesOf(requesters[1]!)];
      const challenge = await issue(store, { contact, requesterKey: requesters[0]! }, { charges: first });
      const { challengeId, clientId } = challenge;
      const resend = { challengeId, clientId, requesterKey: requesters[1]!, idempotency: null, charges: again };
      expectKind(await store.challenges.resend({ ...resend, now: t0 + second }), "resent");
      const keys = [first[0]!.key, again[0]!.key, first[1]!.key];
      const look = () => Promise.all(keys.map((key) => budgetOf(store, key, t0 + minute)));
      const before = await look();
      expect(before.map(({ spent }) => spent)).toEqual([[t0], [t0 + second], [t0, t0 + second]]);
      expect(await store.challenges.end(endOf(challenge, { how, sendReturns }))).toBeNull();
      const nothing = { spent: [], holdUntil: null };
      expect(await look()).toEqual(how === "approve" ? [nothing, nothing, nothing] : before);
    }
  });

  it("of 10 cancellations, 10 approvals and 20 redemptions that race exactly one ends the challenge", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    let signIns = 1;
    for (const round of times(12, Number)) {
      const challenge = await issue(store, { contact: user.contacts[0]! });
      const end = (how: EndChange["how"]) => async () =>
        (await store.challenges.end(endOf(challenge, { how }))) === null ? how : null;
      const redeeming = async () =>
        (await store.challenges.redeem(redemptionOf(challenge.challengeId))).kind === "redeemed" ? "redeem" : null;
      const racers = [redeeming, end("cancel"), end("approve"), redeeming].flatMap((racer) => times(10, () => racer));
      const turned = [...racers.slice(10 * (round % 4)), ...racers.slice(0, 10 * (round % 4))];
      const won = (await Promise.all(turned.map((racer) => racer()))).filter((winner) => winner !== null);
      expect(won).toHaveLength(1);
      const found = await store.challenges.find(challenge.challengeId);
      expect(found?.cancelledAt).toBe(won[0] === "cancel" ? t0 + minute : null);
      expect(found?.consumedAt).toBe(won[0] === "cancel" ? null : t0 + minute);
      if (won[0] === "redeem") signIns += 1;
      expect(await store.sessions.list({ userId: user.userId, appId, now: t0 + minute })).toHaveLength(signIns);
    }
  });
}
