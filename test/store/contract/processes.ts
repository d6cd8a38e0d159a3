import { afterAll, beforeAll, expect, it } from "vitest";
import { type StoreProcesses, startStoreProcesses } from "../../support/store-processes.js";
import {
  appId,
  attemptOf,
  budgetOf,
  bytes,
  chargeOf,
  email,
  expectKind,
  guardOf,
  issue,
  issueOf,
  minute,
  newChallenge,
  ofKind,
  phone,
  prove,
  queued,
  redemptionOf,
  register,
  rotationOf,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { newKey } from "./keys.js";
import { append, endedTry as sentTry } from "./message-fixtures.js";

/** The races that matter most once more, from four processes on one database. */
export function processes(scene: Scene): void {
  let others: StoreProcesses;
  beforeAll(async () => {
    others = await startStoreProcesses(4);
  });
  afterAll(async () => {
    await others.stop();
  });

  it("of 200 racing attempts from 4 processes exactly 5 are taken, and the budget holds 5 units", async () => {
    const { store, location } = scene;
    const challenge = await issue(store);
    const identifier = chargeOf("identifier", 1_000);
    const outcomes = await others.race(
      location,
      "challenges.takeAttempt",
      times(200, () => attemptOf(challenge, { identifier })),
    );
    expect(ofKind(outcomes, "taken")).toHaveLength(5);
    expect(ofKind(outcomes, "refused")).toHaveLength(195);
    expect((await store.challenges.find(challenge.challengeId))?.attempts).toBe(5);
    expect((await budgetOf(store, identifier.key, t0 + minute)).spent).toHaveLength(5);
  });

  it("of 120 racing attempts from 4 processes at 4 challenges of an account 3 count before the lockout", async () => {
    const { store, location } = scene;
    const challenges = await Promise.all(times(4, () => issue(store, { attemptsMax: 1_000 })));
    const lockout = { key: bytes("account", 17), failuresMax: 3, durationMs: minute };
    const changes = times(120, (n) => attemptOf(challenges[Math.floor(n / 4) % 4]!, { lockout }));
    const outcomes = ofKind(await others.race(location, "challenges.takeAttempt", changes), "taken");
    expect(outcomes.filter(({ lockedUntil }) => lockedUntil === null)).toHaveLength(3);
    expect(outcomes.filter(({ lockedUntil }) => lockedUntil === t0 + 2 * minute)).toHaveLength(117);
  });

  it("of 80 calls from 4 processes that spend a budget of 5 by itself 5 are granted", async () => {
    const { store, location } = scene;
    const charge = chargeOf("failures of an address", 5);
    const changes = times(80, () => ({ charges: [charge], now: t0 }));
    const outcomes = await others.race(location, "budgets.spend", changes);
    expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(5);
    expect((await budgetOf(store, charge.key, t0)).spent).toHaveLength(5);
  });

  it("of 80 cancellations and approvals from 4 processes one ends the challenge", async () => {
    const { store, location } = scene;
    const { challengeId } = await issue(store);
    const changes = times(
      80,
      (n) => ({ challengeId, appId, how: n % 8 < 4 ? "cancel" : "approve", sendReturns: [], now: t0 + minute }) as const,
    );
    const outcomes = await others.race(location, "challenges.end", changes);
    expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(1);
    const found = await store.challenges.find(challengeId);
    expect([found?.cancelledAt, found?.consumedAt].filter((at) => at !== null)).toEqual([t0 + minute]);
  });

  it("of 80 racing successors of the newest signing key from 4 processes one is added", async () => {
    const { store, location } = scene;
    const newest = newKey();
    await store.keys.add({ key: newest });
    const changes = times(80, () => ({ key: newKey({ createdAt: t0 + minute }), ifNewest: newest.keyId }));
    const outcomes = await others.race(location, "keys.add", changes);
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect(await store.keys.list()).toHaveLength(2);
  });

  it("of 80 racing first keys from 4 processes one is added; a check value too is that of one", async () => {
    const { store, location } = scene;
    const keys = times(80, () => ({ key: newKey(), ifNewest: null }));
    const outcomes = await others.race(location, "keys.add", keys);
    expect(await store.keys.list()).toHaveLength(1);
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    const checks = times(80, (n) => ({ use: "master" as const, keyId: "k", check: bytes(`check ${n}`) }));
    await others.race(location, "keys.addCheck", checks);
    const listed = await store.keys.listChecks();
    expect(listed).toHaveLength(1);
    expect(checks).toContainEqual(listed[0]);
  });

  it("of 80 calls from 4 processes that seal a key again one does", async () => {
    const { store, location } = scene;
    const key = newKey();
    await store.keys.add({ key });
    const changes = times(80, (n) => ({ keyId: key.keyId, was: key.sealed, sealed: bytes(`form ${n}`) }));
    const outcomes = await others.race(location, "keys.reseal", changes);
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect((await store.keys.list())[0]?.sealed).not.toEqual(key.sealed);
  });

  it("of 100 racing redemptions from 4 processes exactly one is redeemed", async () => {
    const { store, location } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    const { challengeId } = await issue(store, { contact, userId: user.userId });
    const outcomes = await others.race(
      location,
      "challenges.redeem",
      times(100, () => redemptionOf(challengeId)),
    );
    expect(ofKind(outcomes, "redeemed")).toHaveLength(1);
    expect(ofKind(outcomes, "refused")).toEqual(times(99, () => ({ kind: "refused", why: "consumed" })));
    expect(await store.sessions.list({ userId: user.userId, appId, now: t0 + minute })).toHaveLength(2);
  });

  it("of 100 racing rotations from 4 processes one is rotated, all others are replayed its successor", async () => {
    const { store, location } = scene;
    const { session } = await signIn(store);
    const outcomes = await others.race(
      location,
      "sessions.rotate",
      times(100, () => rotationOf(session)),
    );
    expect(ofKind(outcomes, "rotated")).toHaveLength(1);
    expect(ofKind(outcomes, "replayed").map((one) => one.session.generation)).toEqual(times(99, () => 1));
  });

  it("without a grace 100 racing rotations from 4 processes end the session", async () => {
    const { store, location } = scene;
    const { session } = await signIn(store);
    const changes = times(100, () => rotationOf(session, { graceMs: 0 }));
    const outcomes = await others.race(location, "sessions.rotate", changes);
    expect(ofKind(outcomes, "rotated")).toHaveLength(1);
    expect(ofKind(outcomes, "reused")).toHaveLength(1);
    expect(ofKind(outcomes, "ended")).toHaveLength(98);
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 })).toBeNull();
  });

  it("of 80 racing issues with one idempotency key from 4 processes one issues, and one message is due", async () => {
    const { store, location } = scene;
    const changes = times(80, () => issueOf(newChallenge(), { idempotency: bytes("call", 32) }));
    const outcomes = await others.race(location, "challenges.issue", changes);
    expect(ofKind(outcomes, "issued")).toHaveLength(1);
    const { challengeId } = ofKind(outcomes, "issued")[0]!.challenges[0]!;
    const replayed = ofKind(outcomes, "replayed").map(({ challenges }) => challenges[0]?.challengeId);
    expect(replayed).toEqual(times(79, () => challengeId));
    expect(await queued(store, t0)).toEqual([challengeId]);
  });

  it("80 racing sends from 4 processes stay within the budget and the limit of live challenges", async () => {
    const { store, location } = scene;
    const contact = email();
    const changes = times(80, () => {
      const challenge = newChallenge({ contact });
      return issueOf(challenge, { guard: guardOf(challenge, { charges: [chargeOf("sends", 4)], perRequesterMax: 3 }) });
    });
    const outcomes = await others.race(location, "challenges.issue", changes);
    expect(ofKind(outcomes, "issued")).toHaveLength(3);
    expect(ofKind(outcomes, "limited")).toHaveLength(77);
    expect(await queued(store, t0)).toHaveLength(3);
  });

  it("claimers in 4 processes share 100 messages without holding one twice", async () => {
    const { store, location } = scene;
    await Promise.all(times(100, () => issue(store)));
    const changes = times(80, () => ({ now: t0, leaseMs: minute, limit: 3 }));
    const claims = await others.race(location, "outbox.claim", changes);
    const ids = claims.flat().map(({ outboxId }) => outboxId);
    expect(ids).toHaveLength(100);
    expect(new Set(ids).size).toBe(100);
  });

  it("20 racing logins and registrations for one new contact from 4 processes make one user with one session", async () => {
    const { store, location } = scene;
    const contact = email();
    const made = await Promise.all(
      times(20, (n) => (n % 2 === 0 ? issue(store, { contact }) : register(store, [contact]).then(([one]) => one!))),
    );
    const changes = made.map(({ challengeId }) => redemptionOf(challengeId));
    const outcomes = await others.race(location, "challenges.redeem", changes);
    const [done] = ofKind(outcomes, "redeemed").map(({ redemption }) => expectKind(redemption, "signed_in"));
    expect(ofKind(outcomes, "refused")).toEqual(times(19, () => ({ kind: "refused", why: "cancelled" })));
    expect(await store.sessions.list({ userId: done!.user.userId, appId, now: t0 + minute })).toHaveLength(1);
  });

  it("20 registrations that proved one address before, completed by 4 processes at once, make 20 users, of whom one has it", async () => {
    const { store, location } = scene;
    const contact = email();
    const registrations = await Promise.all(times(20, () => register(store, [contact, phone()])));
    for (const [first] of registrations) await prove(store, first!.challengeId);
    const changes = registrations.map(([, last]) => redemptionOf(last!.challengeId));
    const outcomes = ofKind(await others.race(location, "challenges.redeem", changes), "redeemed");
    const users = outcomes.map(({ redemption }) => expectKind(redemption, "signed_in").user);
    expect(new Set(users.map(({ userId }) => userId)).size).toBe(20);
    expect(users.filter(({ contacts }) => contacts.length === 2)).toHaveLength(1);
  });

  it("20 racing calls from 4 processes judge each of 14 messages once, so a route fails only with the fifteenth network", async () => {
    const { store, location } = scene;
    const send = async (network: string) => {
      const { challengeId } = await issue(store, { contact: phone(), requesterKey: bytes(network) });
      await append(store, sentTry({ message: { challengeId } }));
    };
    for (let n = 0; n < 14; n += 1) await send(`network ${n}`);
    const batch = { now: t0 + 5 * minute, limit: 3 };
    /** Of calls that meet, one judges its batch and the others leave theirs to the next call. */
    const judgeAll = async () => {
      const outcomes = await others.race(
        location,
        "routes.judge",
        times(20, () => batch),
      );
      do outcomes.push(await store.routes.judge(batch));
      while (outcomes.at(-1)!.seen > 0);
      return outcomes.flatMap(({ changes }) => changes);
    };
    expect(await judgeAll()).toEqual([]);
    await send("the fifteenth network");
    expect(await judgeAll()).toEqual([{ provider: "one", channel: "sms", country: "SE", state: "failing" }]);
  });
}
