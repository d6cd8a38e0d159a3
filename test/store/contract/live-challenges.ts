import { expect, it } from "vitest";
import type { NewChallenge } from "../../../src/model/challenge.js";
import type { IssueOutcome } from "../../../src/store/port/challenges.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  appId,
  attemptOf,
  bytes,
  email,
  expectKind,
  expectNothingHappened,
  guardOf,
  hour,
  issue,
  issueOf,
  minute,
  newChallenge,
  ofKind,
  redeem,
  type Scene,
  t0,
  times,
} from "./fixtures.js";

const limits = { perRequesterMax: 3, totalMax: 10 };

async function send(
  store: Store,
  changes: Partial<NewChallenge>,
  now = t0,
): Promise<{ outcome: IssueOutcome; challenge: NewChallenge }> {
  const challenge = newChallenge({ expiresAt: now + 5 * minute, ...changes });
  return { outcome: await store.challenges.issue(issueOf(challenge, { guard: guardOf(challenge, limits), now })), challenge };
}

export function liveChallenges(scene: Scene): void {
  it("a requester has at most 3 live challenges for an identifier, and retryAt is when the first of them ends", async () => {
    const { store } = scene;
    const contact = email();
    for (const index of times(3, Number)) expectKind((await send(store, { contact }, t0 + index * 1_000)).outcome, "issued");
    const now = t0 + 3_000;
    const challenge = newChallenge({ contact });
    await expectNothingHappened(store, { now, challenges: [challenge.challengeId] }, async () => {
      const refused = await store.challenges.issue(issueOf(challenge, { guard: guardOf(challenge, limits), now }));
      expect(refused).toEqual({ kind: "limited", retryAt: t0 + 5 * minute });
    });
    expectKind((await send(store, { contact }, t0 + 5 * minute - 1)).outcome, "limited");
    expectKind((await send(store, { contact }, t0 + 5 * minute)).outcome, "issued");
    expectKind((await send(store, { contact }, t0 + 5 * minute + 999)).outcome, "limited");
  });

  it("a clock that is set back by a lifetime has nobody wait for challenges that were made before", async () => {
    const { store } = scene;
    const contact = email();
    for (const _ of times(3, Number)) expectKind((await send(store, { contact })).outcome, "issued");
    const { outcome } = await send(store, { contact }, t0 - 5 * minute + 1);
    expect(outcome).toEqual({ kind: "limited", retryAt: t0 + 5 * minute });
    expectKind((await send(store, { contact }, t0 - 5 * minute)).outcome, "issued");
  });

  it("a stranger's live challenges leave another requester's allowance alone", async () => {
    const { store } = scene;
    const contact = email();
    for (const _ of times(3, Number)) await send(store, { contact, requesterKey: bytes("stranger") });
    expectKind((await send(store, { contact, requesterKey: bytes("stranger") })).outcome, "limited");
    expectKind((await send(store, { contact, requesterKey: bytes("owner") })).outcome, "issued");
  });

  it("all requesters together have at most 10 for an identifier, and retryAt is truthful in both counts", async () => {
    const { store } = scene;
    const contact = email();
    const requesterOf = (index: number) => bytes(`requester ${Math.floor(index / 3)}`);
    for (const index of times(10, Number)) {
      const { outcome } = await send(store, { contact, requesterKey: requesterOf(index) }, t0 + index * 1_000);
      expectKind(outcome, "issued");
    }
    const now = t0 + 20_000;
    const stranger = await send(store, { contact, requesterKey: bytes("stranger") }, now);
    expect(stranger.outcome).toEqual({ kind: "limited", retryAt: t0 + 5 * minute });
    const third = await send(store, { contact, requesterKey: requesterOf(6) }, now);
    expect(third.outcome).toEqual({ kind: "limited", retryAt: t0 + 6_000 + 5 * minute });
    expectKind((await send(store, { contact, requesterKey: requesterOf(6) }, t0 + 6_000 + 5 * minute - 1)).outcome, "limited");
    expectKind((await send(store, { contact, requesterKey: requesterOf(6) }, t0 + 6_000 + 5 * minute)).outcome, "issued");
  });

  it("of a requester's own, other identifiers, other purposes, redeemed, cancelled and expired challenges do not count", async () => {
    const { store } = scene;
    const contact = email();
    await send(store, {});
    await send(store, { contact, purpose: "registration" });
    for (const _ of times(3, Number)) await send(store, { contact }, t0 - hour);
    const made = [];
    for (const _ of times(3, Number)) made.push((await send(store, { contact })).challenge);
    expectKind((await send(store, { contact })).outcome, "limited");
    await redeem(store, made[0]!.challengeId);
    for (const _ of times(3, Number)) expectKind((await send(store, { contact })).outcome, "issued");
  });

  it("in the total redeemed, cancelled and ended challenges keep their places until they expire, as those of an identifier without a user do", async () => {
    const { store } = scene;
    const requesterOf = (index: number) => bytes(`requester ${Math.floor(index / 3)}`);
    /** The owner's three challenges, then strangers' seven: whether a probe is refused, before and after the first is redeemed. */
    async function probed(decoy: boolean) {
      const contact = email();
      const made = [];
      for (const index of times(10, Number)) {
        const { challenge } = await send(store, { contact, decoy, requesterKey: requesterOf(index) }, t0 + index * 1_000);
        made.push(challenge);
      }
      const probe = async (now: number) => (await send(store, { contact, decoy, requesterKey: bytes("probe") }, now)).outcome;
      const before = await probe(t0 + 20_000);
      if (!decoy) {
        await redeem(store, made[0]!.challengeId, { now: t0 + 21_000 });
        expect(await store.challenges.find(made[1]!.challengeId)).toMatchObject({ cancelledAt: t0 + 21_000 });
        expect(await store.challenges.find(made[9]!.challengeId)).toMatchObject({ decoy: true, cancelledAt: null });
      }
      const after = await probe(t0 + 22_000);
      const free = await probe(t0 + 5 * minute);
      const own = (await send(store, { contact, decoy, requesterKey: requesterOf(0) }, t0 + 5 * minute + 1_000)).outcome;
      return [before, after, free, own].map((outcome) => (outcome.kind === "limited" ? outcome : outcome.kind));
    }
    const limited = { kind: "limited", retryAt: t0 + 5 * minute };
    expect(await probed(false)).toEqual([limited, limited, "issued", "issued"]);
    expect(await probed(true)).toEqual([limited, limited, "issued", "issued"]);
  });

  it("a refused send leaves the live challenges redeemable", async () => {
    const { store } = scene;
    const contact = email();
    const made = [];
    for (const _ of times(3, Number)) made.push((await send(store, { contact })).challenge);
    expectKind((await send(store, { contact })).outcome, "limited");
    await redeem(store, made[2]!.challengeId);
  });

  it("the newest live challenge is found by client, identifier, purpose and requester, spent or a decoy or not", async () => {
    const { store } = scene;
    const contact = email();
    const identifierKey = bytes(contact.value);
    const issued = (now: number, changes: Partial<NewChallenge> = {}) => issue(store, { contact, ...changes }, { now });
    const query = {
      clientId: "client",
      identifierKey,
      requesterKey: bytes("requester"),
      purpose: "login",
      now: t0 + 10,
    } as const;
    expect(await store.challenges.findNewest(query)).toBeNull();
    const longer = await issued(t0, { expiresAt: t0 + 9 * minute });
    const newest = await issued(t0 + 1, { attemptsMax: 1, sendsMax: 1, decoy: true });
    const others = [
      await issued(t0 + 2, { clientId: "another" }),
      await issued(t0 + 3, { requesterKey: bytes("stranger") }),
      await issued(t0 + 4, { purpose: "verify_contact" }),
      await issued(t0 + 5, { identifierKey: bytes("another") }),
    ];
    expect(await store.challenges.findNewest(query)).toEqual(newest);
    expectKind(await store.challenges.takeAttempt(attemptOf(newest, { now: t0 + 6 })), "taken");
    expect(await store.challenges.findNewest(query)).toEqual({ ...newest, attempts: 1 });
    const changes = [
      { clientId: "another" },
      { requesterKey: bytes("stranger") },
      { purpose: "verify_contact" },
      { identifierKey: bytes("another") },
    ] as const;
    for (const [index, change] of changes.entries()) {
      expect(await store.challenges.findNewest({ ...query, ...change })).toEqual(others[index]);
    }
    expect(await store.challenges.findNewest({ ...query, purpose: "registration" })).toBeNull();
    const after = newest.expiresAt;
    expect(await store.challenges.findNewest({ ...query, now: after - 1 })).toMatchObject({ challengeId: newest.challengeId });
    expect(await store.challenges.findNewest({ ...query, now: after })).toEqual(longer);
    await store.challenges.end({ challengeId: newest.challengeId, appId, how: "cancel", sendReturns: [], now: t0 + 7 });
    expect(await store.challenges.findNewest(query)).toEqual(longer);
    await redeem(store, longer.challengeId, { now: t0 + 8 });
    expect(await store.challenges.findNewest(query)).toBeNull();
  });

  it("the newest live challenge is found with what its call said about its messages", async () => {
    const { store } = scene;
    const contact = email();
    const words = { customMessage: "{app}: {otp} ü", subject: "Code", senderId: "Acme" };
    const query = {
      clientId: "client",
      identifierKey: bytes(contact.value),
      requesterKey: bytes("requester"),
      purpose: "login",
      now: t0 + 10,
    } as const;
    for (const [index, said] of [words, { customMessage: words.customMessage }, undefined].entries()) {
      await issue(store, { contact, words: said }, { now: t0 + index });
      expect((await store.challenges.findNewest(query))?.words).toEqual(said);
    }
  });

  it("20 racing sends of one requester leave exactly 3 live challenges", async () => {
    const contact = email();
    const outcomes = await Promise.all(times(20, () => send(scene.store, { contact })));
    const kinds = outcomes.map(({ outcome }) => outcome);
    expect(ofKind(kinds, "issued")).toHaveLength(3);
    expect(ofKind(kinds, "limited")).toEqual(times(17, () => ({ kind: "limited", retryAt: t0 + 5 * minute })));
  });
}
