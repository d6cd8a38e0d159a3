import { expect, it } from "vitest";
import type { Challenge } from "../../../src/model/challenge.js";
import type { Identifier } from "../../../src/model/identifier.js";
import type { BudgetCharge } from "../../../src/store/port/budgets.js";
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
  newUser,
  ofKind,
  phone,
  poolId,
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

type ResendChange = Parameters<Store["challenges"]["resend"]>[0];

function resendOf({ challengeId, clientId }: Challenge, changes: Partial<ResendChange> = {}): ResendChange {
  const requesterKey = bytes("requester");
  return { challengeId, clientId, requesterKey, idempotency: null, charges: [], now: t0 + minute, ...changes };
}

function cooldown(name: string): BudgetCharge {
  return chargeOf(name, 100, hour, { stepsMs: [30 * second, 60 * second], jitter: 1 });
}

export function sends(scene: Scene): void {
  it("an issued challenge is found as it was given, with one send, its hold as resendAt, and one message due at once", async () => {
    const { store } = scene;
    const made = newChallenge();
    const issued = await store.challenges.issue(issueOf(made, { guard: guardOf(made, { charges: [cooldown("sends")] }) }));
    const { sealedCode, ...rest } = made;
    const expected = {
      ...rest,
      registrationId: null,
      attempts: 0,
      sends: 1,
      resendAt: t0 + 30 * second,
      createdAt: t0,
      consumedAt: null,
      cancelledAt: null,
    };
    expect(issued).toEqual({ kind: "issued", challenges: [expected] });
    expect(await store.challenges.find(made.challengeId)).toEqual({ ...expected, contactUserId: null, sealedProfile: null });
    expect(await store.outbox.nextDueAt()).toBe(t0);
    const [message] = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 10 });
    expect(message?.delivery?.sealedCode).toEqual(sealedCode);
  });

  it("a challenge nobody issued is not found", async () => {
    expect(await scene.store.challenges.find("nothing")).toBeNull();
  });

  it("a challenge names who has its contact now", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    const challenge = await issue(store, { contact: user.contacts[0]! });
    expect((await store.challenges.find(challenge.challengeId))?.contactUserId).toBe(user.userId);
  });

  it("one refused charge of one of several challenges leaves everything as it was", async () => {
    const { store } = scene;
    const spent = chargeOf("spent", 1);
    await issue(store, {}, { charges: [spent] });
    const [first, second_] = [newChallenge(), newChallenge()];
    const free = chargeOf("free", 5);
    const watched = {
      now: t0 + 1,
      challenges: [first.challengeId, second_.challengeId],
      budgets: [spent.key, free.key],
    };
    await expectNothingHappened(store, watched, async () => {
      const outcome = await store.challenges.issue({
        idempotency: bytes("call"),
        registration: { registrationId: "registration", sealedProfile: bytes("profile") },
        challenges: [
          { challenge: first, guard: guardOf(first, { charges: [free] }) },
          { challenge: second_, guard: guardOf(second_, { charges: [free, spent] }) },
        ],
        now: t0 + 1,
      });
      expect(outcome).toEqual({ kind: "limited", retryAt: t0 + hour });
    });
    const again = issueOf(first, { idempotency: bytes("call"), now: t0 + 1 });
    expectKind(await store.challenges.issue(again), "issued");
  });

  it("retryAt names the time at which every charge of every guard is free, live challenges included", async () => {
    const { store } = scene;
    const contact = email();
    await issue(store, { contact, expiresAt: t0 + 5 * minute }, { charges: [chargeOf("a", 1, 20 * minute)] });
    await issue(store, {}, { charges: [chargeOf("b", 1, 40 * minute)] });
    const made = newChallenge({ contact, expiresAt: t0 + 2 * hour });
    const other = newChallenge({ expiresAt: t0 + 2 * hour });
    const guards = [
      guardOf(made, { charges: [chargeOf("a", 1, 20 * minute)], perRequesterMax: 1 }),
      guardOf(other, { charges: [chargeOf("b", 1, 40 * minute)] }),
    ];
    const query = { idempotency: null, recipientOf: null, guards } as const;
    const expected = { kind: "limited", retryAt: t0 + 40 * minute };
    expect(await store.challenges.prepareSend({ ...query, now: t0 + 1 })).toEqual(expected);
    const challenges = [
      { challenge: made, guard: guards[0]! },
      { challenge: other, guard: guards[1]! },
    ];
    const change = { idempotency: null, registration: null, challenges };
    expect(await store.challenges.issue({ ...change, now: t0 + 1 })).toEqual(expected);
    expectKind(await store.challenges.issue({ ...change, now: t0 + 40 * minute - 1 }), "limited");
    expectKind(await store.challenges.issue({ ...change, now: t0 + 40 * minute }), "issued");
  });

  it("20 racers for a budget of 3 sends: 3 challenges with a message each, nothing of the others", async () => {
    const { store } = scene;
    const made = times(20, () => newChallenge());
    const outcomes = await Promise.all(
      made.map((one) => store.challenges.issue(issueOf(one, { guard: guardOf(one, { charges: [chargeOf("sends", 3)] }) }))),
    );
    expect(ofKind(outcomes, "issued")).toHaveLength(3);
    expect(ofKind(outcomes, "limited")).toEqual(times(17, () => ({ kind: "limited", retryAt: t0 + hour })));
    const found = await Promise.all(made.map(({ challengeId }) => store.challenges.find(challengeId)));
    expect(found.filter((one) => one !== null)).toHaveLength(3);
    expect(await queued(store, t0)).toHaveLength(3);
  });

  it("prepareSend writes nothing and knows the user behind an address, a number and a user name", async () => {
    const { store } = scene;
    const number = phone();
    const challenge = await issue(store, { contact: number });
    const { user } = await redeem(store, challenge.challengeId, {
      newUser: { userId: "u-1", username: "ada", displayName: "", locale: "sv", customAttributes: "" },
    });
    const prepare = (identifier: Identifier, channel: "email" | "sms") =>
      expectNothingHappened(store, { now: t0, challenges: [challenge.challengeId] }, () =>
        store.challenges.prepareSend({
          idempotency: null,
          recipientOf: { identifier, channel, poolId, appId, trustClaims: false },
          guards: [],
          now: t0,
        }),
      );
    const recipient = { userId: user.userId, locale: "sv", contact: number, standing: "member" };
    expect(await prepare(number, "sms")).toEqual({ kind: "ready", recipient });
    expect(await prepare({ kind: "username", value: "ada" }, "sms")).toEqual({ kind: "ready", recipient });
    expect(await prepare({ kind: "username", value: "ada" }, "email")).toEqual({
      kind: "ready",
      recipient: { ...recipient, contact: null },
    });
    expect(await prepare({ kind: "username", value: "bob" }, "sms")).toEqual({ kind: "ready", recipient: null });
    expect(await prepare(email(), "email")).toEqual({ kind: "ready", recipient: null });
    expect(await prepare({ kind: "email", value: number.value }, "email")).toEqual({ kind: "ready", recipient: null });
  });

  it("a user id names its user, and any identifier reaches the user's contact of the channel's kind, null if there is none", async () => {
    const { store } = scene;
    const [address, number] = [email(), phone()];
    const [first, last] = await register(store, [address, number]);
    await prove(store, first!.challengeId);
    const { user } = await redeem(store, last!.challengeId, { newUser: newUser({ username: "grace", locale: "sv" }) });
    const other = await signIn(store, email());
    const { userId } = user;
    const prepare = async (identifier: Identifier, channel: "email" | "sms") => {
      const recipientOf = { identifier, channel, poolId, appId, trustClaims: false };
      const prepared = await store.challenges.prepareSend({ idempotency: null, recipientOf, guards: [], now: t0 });
      return expectKind(prepared, "ready").recipient;
    };
    const names = [address, number, { kind: "username", value: "grace" }, { kind: "user_id", value: userId }] as const;
    for (const name of names) {
      expect(await prepare(name, "email")).toEqual({ userId, locale: "sv", contact: address, standing: "member" });
      expect(await prepare(name, "sms")).toEqual({ userId, locale: "sv", contact: number, standing: "member" });
    }
    const { kind, value } = other.user.contacts[0]!;
    for (const name of [
      { kind, value },
      { kind: "user_id", value: other.user.userId },
    ] as const) {
      expect(await prepare(name, "sms")).toEqual({
        userId: other.user.userId,
        locale: "en",
        contact: null,
        standing: "member",
      });
    }
    for (const name of [email(), phone(), { kind: "user_id", value: "nothing" }, { kind: "user_id", value: value }] as const) {
      for (const channel of ["email", "sms"] as const) expect(await prepare(name, channel)).toBeNull();
    }
  });

  it("a resend counts, charges its requester, queues the same code and moves neither expiry nor attempts", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    await store.challenges.takeAttempt(attemptOf(challenge));
    const requesterKey = bytes("other requester");
    const outcome = await store.challenges.resend(resendOf(challenge, { requesterKey, charges: [cooldown("resends")] }));
    const { challenge: resent } = expectKind(outcome, "resent");
    expect(resent).toEqual({ ...challenge, attempts: 1, sends: 2, resendAt: t0 + minute + 30 * second });
    expect(await store.challenges.find(challenge.challengeId)).toMatchObject(resent);
    const messages = await store.outbox.claim({ now: t0 + minute, leaseMs: minute, limit: 10 });
    expect(messages.map(({ delivery }) => delivery?.challengeId)).toEqual([challenge.challengeId, challenge.challengeId]);
    expect(messages[0]?.delivery?.sealedCode).toEqual(messages[1]?.delivery?.sealedCode);
  });

  it("a message has the words of the call that made its challenge, also when its code is sent again", async () => {
    const { store } = scene;
    const words = { customMessage: '{otp} \0 "é" 😀', senderId: "SHOP" };
    const challenge = await issue(store, { words });
    expect(challenge).not.toHaveProperty("words");
    expectKind(await store.challenges.resend(resendOf(challenge)), "resent");
    const messages = await store.outbox.claim({ now: t0 + minute, leaseMs: minute, limit: 10 });
    expect(messages.map(({ delivery }) => delivery?.words)).toEqual([words, words]);
  });

  it("a decoy is issued, resent and refused like any other challenge", async () => {
    const { store } = scene;
    const decoy = await issue(store, { decoy: true, contact: null });
    expectKind(await store.challenges.resend(resendOf(decoy)), "resent");
    expect(await queued(store, t0 + minute)).toEqual([null, null]);
  });

  it("20 racing resends of a challenge with 5 sends make it 5, no more", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const outcomes = await Promise.all(times(20, () => store.challenges.resend(resendOf(challenge))));
    expect(ofKind(outcomes, "resent")).toHaveLength(4);
    expect(ofKind(outcomes, "refused")).toEqual(times(16, () => ({ kind: "refused", why: "sends_exhausted" })));
    expect((await store.challenges.find(challenge.challengeId))?.sends).toBe(5);
    expect(await queued(store, t0 + minute)).toHaveLength(5);
  });

  it("a resend within the cooldown is limited until its end and changes nothing", async () => {
    const { store } = scene;
    const charges = [cooldown("sends"), chargeOf("total", 5)];
    const challenge = await issue(store, {}, { charges });
    const watched = { now: t0 + 1, challenges: [challenge.challengeId], budgets: charges.map(({ key }) => key) };
    const resend = (now: number) => store.challenges.resend(resendOf(challenge, { charges, now }));
    await expectNothingHappened(store, watched, async () => {
      expect(await resend(t0 + 1)).toEqual({ kind: "limited", retryAt: t0 + 30 * second });
      expectKind(await resend(t0 + 30 * second - 1), "limited");
    });
    expectKind(await resend(t0 + 30 * second), "resent");
  });

  const spoilers: readonly [string, Partial<ResendChange>, ((store: Store, challenge: Challenge) => Promise<unknown>)?][] = [
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
    ["sends_exhausted", {}, (store, one) => Promise.all(times(4, () => store.challenges.resend(resendOf(one))))],
  ];
  for (const [why, change, spoil] of spoilers) {
    it(`a resend is refused as ${why}, and nothing is sent or charged`, async () => {
      const { store } = scene;
      const challenge = await issue(store);
      await spoil?.(store, challenge);
      const charge = chargeOf("sends", 5);
      const watched = { now: t0 + minute, challenges: [challenge.challengeId], budgets: [charge.key] };
      await expectNothingHappened(store, watched, async () => {
        const outcome = await store.challenges.resend(resendOf(challenge, { charges: [charge], ...change }));
        expect(outcome).toEqual({ kind: "refused", why });
      });
    });
  }
}
