import { expect, it } from "vitest";
import type { Challenge } from "../../../src/model/challenge.js";
import type { AttemptOutcome } from "../../../src/store/port/challenges.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  type AttemptChange,
  attemptOf,
  budgetOf,
  bytes,
  chargeOf,
  expectKind,
  expectNothingHappened,
  hour,
  issue,
  minute,
  ofKind,
  redeem,
  redemptionOf,
  type Scene,
  second,
  signIn,
  t0,
  times,
} from "./fixtures.js";

export function attempts(scene: Scene): void {
  it("an attempt is counted on the challenge and on both budgets of the identifier and both of the user", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const charges = {
      requester: chargeOf("requester", 10),
      identifier: chargeOf("identifier", 10),
      userRequester: chargeOf("user and requester", 10),
      user: chargeOf("user", 10),
    };
    const outcome = await store.challenges.takeAttempt(attemptOf(challenge, charges));
    expect(outcome).toEqual({ kind: "taken", userBudgetSpent: false, lockedUntil: null, failures: 0 });
    expect((await store.challenges.find(challenge.challengeId))?.attempts).toBe(1);
    for (const { key } of Object.values(charges)) {
      expect((await budgetOf(store, key, t0 + minute)).spent).toEqual([t0 + minute]);
    }
  });

  it("a requester's spent budget refuses that requester alone; the identifier's total refuses all, and retryAt is truthful", async () => {
    const { store } = scene;
    const challenge = await issue(store, { attemptsMax: 1_000 });
    const identifier = chargeOf("identifier", 4);
    const take = (name: string, now: number) =>
      store.challenges.takeAttempt(attemptOf(challenge, { requester: chargeOf(name, 2), identifier, now }));
    for (const now of [t0, t0 + 1]) expectKind(await take("stranger", now), "taken");
    const watched = {
      now: t0 + 2,
      challenges: [challenge.challengeId],
      budgets: [identifier.key, chargeOf("stranger", 2).key],
    };
    await expectNothingHappened(store, watched, async () => {
      expect(await take("stranger", t0 + 2)).toEqual({ kind: "limited", retryAt: t0 + hour });
    });
    for (const now of [t0 + 2, t0 + 3]) expectKind(await take("owner", now), "taken");
    expect(await take("another", t0 + 4)).toEqual({ kind: "limited", retryAt: t0 + hour });
    expect(await take("owner", t0 + 4)).toEqual({ kind: "limited", retryAt: t0 + 2 + hour });
  });

  it("the look before a guess finds the challenge, and what its attempt would be refused by", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const own = { keyPrefix: bytes("guesses"), keySuffix: bytes("requester"), limits: [{ max: 1, windowMs: hour }] };
    const key = Buffer.concat([own.keyPrefix, challenge.budgetKey, own.keySuffix]);
    const network = chargeOf("network", 2);
    const look = (now: number, challengeId = challenge.challengeId) =>
      store.challenges.findToGuess({ challengeId, trustClaims: false, ofChallenge: [own], charges: [network], now });
    const found = await store.challenges.find(challenge.challengeId);
    expect(await look(t0)).toEqual({ challenge: found, limited: null });
    expect(await look(t0, "unknown")).toEqual({ challenge: null, limited: null });

    await store.challenges.takeAttempt(
      attemptOf(challenge, { requester: { key, limits: own.limits }, network: [network], now: t0 }),
    );
    const taken = await store.challenges.find(challenge.challengeId);
    await expectNothingHappened(
      store,
      { now: t0 + 1, challenges: [challenge.challengeId], budgets: [key, network.key] },
      async () => {
        expect(await look(t0 + 1)).toEqual({ challenge: taken, limited: { kind: "limited", retryAt: t0 + hour } });
        expect(await look(t0 + 1, "unknown")).toEqual({ challenge: null, limited: null });
      },
    );
    expect(await look(t0 + hour)).toEqual({ challenge: taken, limited: null });
  });

  it("of 20 calls before the registration hook one may call it for each challenge, and one more when the claim is over", async () => {
    const { store } = scene;
    const challenges = [await issue(store), await issue(store)];
    for (const { challengeId } of challenges) {
      for (const now of [t0, t0 + second]) {
        const claims = await Promise.all(times(20, () => store.challenges.claimHook({ challengeId, claimMs: second, now })));
        expect(claims.filter(Boolean)).toHaveLength(1);
        expect(await store.challenges.claimHook({ challengeId, claimMs: second, now: now + second - 1 })).toBe(false);
      }
    }
    expect(await store.challenges.claimHook({ challengeId: "unknown", claimMs: 0, now: t0 })).toBe(false);
  });

  it("exactly attemptsMax attempts are granted in a row, the next is refused", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const outcomes: AttemptOutcome[] = [];
    for (const _ of times(6, Number)) outcomes.push(await store.challenges.takeAttempt(attemptOf(challenge)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["taken", "taken", "taken", "taken", "taken", "refused"]);
  });

  it("of 200 racing attempts exactly 5 are taken, and the budgets hold 5 units", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const [identifier, user] = [chargeOf("identifier", 60), chargeOf("user", 60)];
    const outcomes = await Promise.all(
      times(200, () => store.challenges.takeAttempt(attemptOf(challenge, { identifier, user }))),
    );
    expect(ofKind(outcomes, "taken")).toHaveLength(5);
    expect(ofKind(outcomes, "refused")).toEqual(times(195, () => ({ kind: "refused", why: "attempts_exhausted" })));
    expect((await store.challenges.find(challenge.challengeId))?.attempts).toBe(5);
    for (const { key } of [identifier, user]) {
      expect((await budgetOf(store, key, t0 + minute)).spent).toEqual(times(5, () => t0 + minute));
    }
  });

  it("new challenges do not refill the identifier's budget: of 40 racing attempts on 8 challenges 10 are taken", async () => {
    const { store } = scene;
    const challenges = await Promise.all(times(8, () => issue(store)));
    const identifier = chargeOf("identifier", 10);
    const outcomes = await Promise.all(
      times(40, (index) => store.challenges.takeAttempt(attemptOf(challenges[index % 8]!, { identifier }))),
    );
    expect(ofKind(outcomes, "taken")).toHaveLength(10);
    expect(ofKind(outcomes, "limited")).toHaveLength(30);
    const found = await Promise.all(challenges.map(({ challengeId }) => store.challenges.find(challengeId)));
    expect(found.reduce((sum, one) => sum + one!.attempts, 0)).toBe(10);
  });

  it("a spent budget of the identifier spends neither the attempt nor a unit of requester or user", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const charges = {
      requester: chargeOf("requester", 10),
      identifier: chargeOf("identifier", 1),
      userRequester: chargeOf("user and requester", 10),
      user: chargeOf("user", 10),
    };
    await store.challenges.takeAttempt(attemptOf(challenge, { ...charges, now: t0 }));
    const keys = Object.values(charges).map(({ key }) => key);
    const watched = { now: t0 + 1, challenges: [challenge.challengeId], budgets: keys };
    await expectNothingHappened(store, watched, async () => {
      const outcome = await store.challenges.takeAttempt(attemptOf(challenge, { ...charges, now: t0 + 1 }));
      expect(outcome).toEqual({ kind: "limited", retryAt: t0 + hour });
    });
  });

  for (const [what, ofRequester, total] of [
    ["the user in total", 10, 1],
    ["the user and requester", 1, 10],
  ] as const) {
    it(`a spent budget of ${what} still spends the attempt and both units of the identifier, none of the user, and says that the guess must fail`, async () => {
      const { store } = scene;
      const challenge = await issue(store);
      const [requester, identifier] = [chargeOf("requester", 10), chargeOf("identifier", 10)];
      const userRequester = chargeOf("user and requester", ofRequester);
      const user = chargeOf("user", total);
      const take = (now: number) =>
        store.challenges.takeAttempt(attemptOf(challenge, { requester, identifier, userRequester, user, now }));
      expect(await take(t0)).toEqual({ kind: "taken", userBudgetSpent: false, lockedUntil: null, failures: 0 });
      expect(await take(t0 + 1)).toEqual({ kind: "taken", userBudgetSpent: true, lockedUntil: null, failures: 0 });
      expect((await store.challenges.find(challenge.challengeId))?.attempts).toBe(2);
      for (const { key } of [requester, identifier]) {
        expect((await budgetOf(store, key, t0 + 1)).spent).toEqual([t0, t0 + 1]);
      }
      for (const { key } of [userRequester, user]) {
        expect((await budgetOf(store, key, t0 + 1)).spent).toEqual([t0]);
      }
    });
  }

  it("a requester's racing guesses at two identifiers of an user charge its total no more than their share; another requester has the rest", async () => {
    const { store } = scene;
    const user = chargeOf("user", 20);
    const challenges = [await issue(store, { attemptsMax: 100 }), await issue(store, { attemptsMax: 100 })];
    const race = (name: string) => {
      const userRequester = chargeOf(name, 10);
      return Promise.all(
        times(40, (n) => store.challenges.takeAttempt(attemptOf(challenges[n % 2]!, { userRequester, user }))),
      );
    };
    const good = (outcomes: readonly AttemptOutcome[]) =>
      ofKind(outcomes, "taken").filter(({ userBudgetSpent }) => !userBudgetSpent);
    expect(good(await race("stranger"))).toHaveLength(10);
    expect((await budgetOf(store, user.key, t0 + minute)).spent).toHaveLength(10);
    expect(good(await race("owner"))).toHaveLength(10);
    expect(good(await race("another"))).toHaveLength(0);
    expect((await budgetOf(store, user.key, t0 + minute)).spent).toHaveLength(20);
  });

  it("a decoy's attempts are counted and limited like a real challenge's", async () => {
    const { store } = scene;
    const decoy = await issue(store, { decoy: true });
    const outcomes = await Promise.all(times(20, () => store.challenges.takeAttempt(attemptOf(decoy))));
    expect(ofKind(outcomes, "taken")).toHaveLength(5);
    expect(ofKind(outcomes, "refused")).toHaveLength(15);
  });

  it("an attempt is granted up to the last millisecond of the challenge's life", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    expect((await store.challenges.takeAttempt(attemptOf(challenge, { now: challenge.expiresAt - 1 }))).kind).toBe("taken");
  });

  const spoilers: readonly [string, Partial<AttemptChange>, ((store: Store, challenge: Challenge) => Promise<unknown>)?][] = [
    ["unknown", { challengeId: "nothing" }],
    ["foreign_client", { clientId: "another" }],
    ["expired", { now: t0 + 5 * minute }],
    ["consumed", {}, (store, { challengeId }) => store.challenges.redeem(redemptionOf(challengeId))],
    ["cancelled", {}, (store, { contact }) => issue(store, { contact }).then((one) => redeem(store, one.challengeId))],
    [
      "attempts_exhausted",
      {},
      (store, challenge) => Promise.all(times(5, () => store.challenges.takeAttempt(attemptOf(challenge)))),
    ],
  ];
  for (const [why, change, spoil] of spoilers) {
    it(`an attempt is refused as ${why}, and neither counted nor charged`, async () => {
      const { store } = scene;
      const challenge = await issue(store);
      await spoil?.(store, challenge);
      const [identifier, user] = [chargeOf("identifier", 10), chargeOf("user", 10)];
      const watched = {
        now: t0 + minute,
        challenges: [challenge.challengeId],
        budgets: [identifier.key, user.key],
      };
      await expectNothingHappened(store, watched, async () => {
        const outcome = await store.challenges.takeAttempt(attemptOf(challenge, { identifier, user, ...change }));
        expect(outcome).toEqual({ kind: "refused", why });
      });
    });
  }

  it("attempts and a redemption race: the redeemed challenge takes no further attempt", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    const challenge = await issue(store, { contact: user.contacts[0]!, userId: user.userId, attemptsMax: 1_000 });
    const key = bytes("identifier");
    const [redeemed, ...outcomes] = await Promise.all([
      store.challenges.redeem(redemptionOf(challenge.challengeId)),
      ...times(30, () => store.challenges.takeAttempt(attemptOf(challenge, { identifier: { key, limits: [] } }))),
    ]);
    expect(redeemed.kind).toBe("redeemed");
    const after = (await store.challenges.find(challenge.challengeId))!;
    expect(after.attempts).toBe(ofKind(outcomes, "taken").length);
    expect(ofKind(outcomes, "refused").every(({ why }) => why === "consumed")).toBe(true);
  });
}
