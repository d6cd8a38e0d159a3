import { expect, it } from "vitest";
import type { Challenge, NewChallenge } from "../../../src/model/challenge.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  appId,
  attemptOf,
  chargeOf,
  day,
  done,
  email,
  endedTry,
  expectKind,
  expectNothingHappened,
  guardOf,
  issue,
  minute,
  newChallenge,
  phone,
  putOff,
  queued,
  redemptionOf,
  register,
  type Scene,
  second,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { claimed, membersOf, shop, verified } from "./member-fixtures.js";
import { listed } from "./message-fixtures.js";

const leaseMs = minute;

export function outbox(scene: Scene): void {
  it("a claimed message says everything that sending needs", async () => {
    const { store } = scene;
    const challenge = await issue(store, { contact: phone(), appId: "shop", locale: "sv", sealedCode: Buffer.from("sealed") });
    const { challengeId, clientId, purpose, channel, contact, locale, expiresAt } = challenge;
    const [message] = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    expect(message).toEqual({
      outboxId: message?.outboxId,
      tries: 1,
      queuedAt: t0,
      carrier: 0,
      unknowns: 0,
      isMuted: false,
      delivery: {
        challengeId,
        poolId: challenge.poolId,
        appId: "shop",
        userId: null,
        clientId,
        purpose,
        channel,
        contact,
        isTest: false,
        locale,
        words: null,
        expiresAt,
        sealedCode: Buffer.from("sealed"),
        hasUser: false,
        invited: false,
        notice: null,
      },
    });
  });

  it("later messages of a challenge are due at their times over their own channels, with its code, and count as no sends", async () => {
    const { store } = scene;
    const [to, decoyTo] = [phone(), phone()];
    const later = [
      { channel: "whatsapp", dueAt: t0 + 30 * second },
      { channel: "voice", dueAt: t0 + 90 * second },
    ] as const;
    const issueLater = async (challenge: NewChallenge) =>
      expectKind(
        await store.challenges.issue({
          idempotency: null,
          registration: null,
          challenges: [{ challenge, guard: guardOf(challenge), later }],
          now: t0,
        }),
        "issued",
      ).challenges[0]!;
    const challenge = await issueLater(newChallenge({ contact: to }));
    await issueLater(newChallenge({ contact: decoyTo, decoy: true }));
    expect(challenge.sends).toBe(1);
    expect((await listed(store, { status: "queued" })).map(({ channel }) => channel).sort()).toEqual([
      "sms",
      "voice",
      "whatsapp",
    ]);
    const at = async (now: number) => {
      const messages = await store.outbox.claim({ now, leaseMs, limit: 10 });
      await store.outbox.settle(messages.map(done));
      return messages.map(({ tries, isMuted, delivery }) => [
        tries,
        isMuted,
        delivery && [delivery.challengeId, delivery.channel, delivery.sealedCode],
      ]);
    };
    const message = (channel: string) => [
      1,
      false,
      [challenge.challengeId, channel, Buffer.from(`sealed code of ${challenge.challengeId}`)],
    ];
    const nothing = [1, false, null];
    expect(await at(t0)).toEqual([message("sms"), nothing]);
    expect(await store.outbox.nextDueAt()).toBe(t0 + 30 * second);
    expect(await at(t0 + 30 * second - 1)).toEqual([]);
    expect(await at(t0 + 30 * second)).toEqual([message("whatsapp"), nothing]);
    expect(await at(t0 + 90 * second)).toEqual([message("voice"), nothing]);
    expect(await store.outbox.nextDueAt()).toBeNull();
  });

  it.each<[string, (store: Store, challenge: Challenge) => Promise<unknown>]>([
    ["is redeemed", (store, { challengeId }) => store.challenges.redeem(redemptionOf(challengeId))],
    [
      "is cancelled",
      (store, { challengeId }) => store.challenges.end({ challengeId, appId, how: "cancel", sendReturns: [], now: t0 }),
    ],
    ["has no attempts left", (store, challenge) => store.challenges.takeAttempt(attemptOf(challenge))],
  ])("of a challenge that %s, no later message is sent or listed", async (_, ends) => {
    const { store } = scene;
    const challenge = newChallenge({ contact: phone(), attemptsMax: 1 });
    const later = [{ channel: "whatsapp", dueAt: t0 + minute }] as const;
    const issued = await store.challenges.issue({
      idempotency: null,
      registration: null,
      challenges: [{ challenge, guard: guardOf(challenge), later }],
      now: t0,
    });
    await store.outbox.settle((await store.outbox.claim({ now: t0, leaseMs, limit: 10 })).map(done));
    await ends(store, expectKind(issued, "issued").challenges[0]!);
    const [message] = await store.outbox.claim({ now: t0 + minute, leaseMs, limit: 10 });
    expect(message!.delivery).toBeNull();
    await store.outbox.settle([done(message!)]);
    expect(await listed(store, {})).toEqual([]);
  });

  it("a challenge without sends left keeps its code until its last later message has ended", async () => {
    const { store } = scene;
    const challenge = newChallenge({ contact: phone(), sendsMax: 1 });
    const later = [{ channel: "voice", dueAt: t0 + minute }] as const;
    const change = {
      idempotency: null,
      registration: null,
      challenges: [{ challenge, guard: guardOf(challenge), later }],
      now: t0,
    };
    expectKind(await store.challenges.issue(change), "issued");
    await store.outbox.settle((await store.outbox.claim({ now: t0, leaseMs, limit: 10 })).map(done));
    const [voice] = await store.outbox.claim({ now: t0 + minute, leaseMs, limit: 10 });
    expect(voice!.delivery!.sealedCode).toEqual(challenge.sealedCode);
  });

  it("a hidden charge that would refuse lets the later messages fail too, also when they are put off", async () => {
    const { store } = scene;
    const challenge = newChallenge({ contact: phone() });
    const later = [{ channel: "voice", dueAt: t0 + minute }] as const;
    const guard = { ...guardOf(challenge), hidden: [chargeOf("country", 0)] };
    await store.challenges.issue({ idempotency: null, registration: null, challenges: [{ challenge, guard, later }], now: t0 });
    const [first] = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    await store.outbox.settle([putOff(first!, t0 + minute)]);
    const messages = await store.outbox.claim({ now: t0 + minute, leaseMs, limit: 10 });
    expect(messages.map(({ isMuted }) => isMuted)).toEqual([true, true]);
  });

  it("a message says whether its contact has a user when it is claimed", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    await store.outbox.settle((await store.outbox.claim({ now: t0, leaseMs, limit: 10 })).map(done));
    await register(store, [user.contacts[0]!]);
    const [message] = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    expect(message?.delivery?.hasUser).toBe(true);
  });

  it("the member that a message reaches decides its wording: one of this app, verified or by a claim, and whether it is invited", async () => {
    const { store } = scene;
    const { add } = membersOf(scene);
    const [active, invited, stranger, voided] = [email(), email(), email(), email()];
    await add({ contacts: [verified(active)] });
    const { user } = await add({ contacts: [claimed(invited)], membership: { state: "invited" } });
    await add({ contacts: [verified(stranger)] }, shop);
    await add({ contacts: [verified(phone()), claimed(voided)] });
    await issue(store, { contact: invited, userId: user.userId });
    for (const contact of [active, invited, stranger, voided]) await register(store, [contact]);
    const messages = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    const inOrder = [...messages].sort((a, b) => a.outboxId - b.outboxId);
    expect(inOrder.map(({ delivery }) => [delivery?.purpose, delivery?.hasUser, delivery?.invited])).toEqual([
      ["login", true, true],
      ["registration", true, false],
      ["registration", true, true],
      ["registration", false, false],
      ["registration", false, false],
    ]);
  });

  it("20 racing claimers share 30 messages without holding one twice", async () => {
    const { store } = scene;
    await Promise.all(times(30, () => issue(store)));
    const claims = await Promise.all(times(20, () => store.outbox.claim({ now: t0, leaseMs, limit: 4 })));
    expect(claims.every((messages) => messages.length <= 4)).toBe(true);
    const ids = claims.flat().map(({ outboxId }) => outboxId);
    expect(ids).toHaveLength(30);
    expect(new Set(ids).size).toBe(30);
  });

  it("a message is due again when its lease has run out, not a millisecond before, with one try more", async () => {
    const { store } = scene;
    await issue(store);
    await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    expect(await store.outbox.nextDueAt()).toBe(t0 + leaseMs);
    expect(await store.outbox.claim({ now: t0 + leaseMs - 1, leaseMs, limit: 10 })).toEqual([]);
    const again = await store.outbox.claim({ now: t0 + leaseMs, leaseMs, limit: 10 });
    expect(again.map(({ tries }) => tries)).toEqual([2]);
  });

  it("a settlement of an earlier lease neither ends the message nor puts it off", async () => {
    const { store } = scene;
    await issue(store);
    const [old] = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    const [current] = await store.outbox.claim({ now: t0 + leaseMs, leaseMs, limit: 10 });
    for (const retryAt of [null, t0]) {
      await store.outbox.settle([{ ...done(old!), retryAt }]);
      expect(await store.outbox.nextDueAt()).toBe(t0 + 2 * leaseMs);
    }
    await store.outbox.settle([done(current!)]);
    expect(await store.outbox.nextDueAt()).toBeNull();
  });

  it("a settlement after the lease ran out still counts while nobody else has claimed the message", async () => {
    const { store } = scene;
    await issue(store);
    const [message] = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    await store.outbox.settle([done(message!)]);
    expect(await store.outbox.claim({ now: t0 + 2 * leaseMs, leaseMs, limit: 10 })).toEqual([]);
  });

  it("a message put off is due when it says, and keeps counting its tries", async () => {
    const { store } = scene;
    await issue(store);
    const [message] = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    await store.outbox.settle([putOff(message!, t0 + 5 * second)]);
    expect(await store.outbox.nextDueAt()).toBe(t0 + 5 * second);
    expect(await store.outbox.claim({ now: t0 + 5 * second - 1, leaseMs, limit: 10 })).toEqual([]);
    const [again] = await store.outbox.claim({ now: t0 + 5 * second, leaseMs, limit: 10 });
    expect(again).toMatchObject({ outboxId: message!.outboxId, tries: 2 });
  });

  it("within the limit, messages that were queued first are claimed first, and those put off between them by due time", async () => {
    const { store } = scene;
    const [a, b, c] = [
      await issue(store),
      await issue(store, {}, { now: t0 + second }),
      await issue(store, {}, { now: t0 + 2 * second }),
    ];
    const [message] = await store.outbox.claim({ now: t0, leaseMs, limit: 1 });
    await store.outbox.settle([putOff(message!, t0 + second + 1)]);
    const claimed: unknown[] = [];
    for (const _ of [1, 2, 3]) {
      const messages = await store.outbox.claim({ now: t0 + minute, leaseMs, limit: 1 });
      claimed.push(...messages.map(({ delivery }) => delivery?.challengeId));
    }
    expect(claimed).toEqual([b.challengeId, a.challengeId, c.challengeId]);
  });

  it("a message put off keeps its number, its time of queueing and what its settlement says, and is settled again", async () => {
    const { store } = scene;
    const { challengeId } = await issue(store, { sendsMax: 1 });
    const [first] = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    await store.outbox.settle([{ ...putOff(first!, t0 + second), carrier: 2, unknowns: 1 }]);
    const again = { outboxId: first!.outboxId, queuedAt: t0, delivery: { challengeId } };
    const [next] = await store.outbox.claim({ now: t0 + second, leaseMs, limit: 10 });
    expect(next).toMatchObject({ ...again, tries: 2, carrier: 2, unknowns: 1 });
    await store.outbox.settle([{ ...putOff(next!, t0 + 2 * second), carrier: 0, unknowns: 1 }]);
    const [third] = await store.outbox.claim({ now: t0 + 2 * second, leaseMs, limit: 10 });
    expect(third).toMatchObject({ ...again, tries: 3, carrier: 0, unknowns: 1 });
    await store.outbox.settle([{ ...putOff(next!, t0), carrier: 5, unknowns: 0 }, done(next!)]);
    expect(await store.outbox.nextDueAt()).toBe(t0 + 2 * second + leaseMs);
    await store.outbox.settle([done(third!)]);
    expect(await store.outbox.nextDueAt()).toBeNull();
  });

  it("what is due soon is known, whatever was claimed before and whichever way the clock was set", async () => {
    const { store } = scene;
    await issue(store, { expiresAt: t0 + day });
    const soon = (now: number) => store.outbox.nextDueAt({ now, withinMs: second });
    expect(await soon(t0)).toBe(t0);
    await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    expect(await soon(t0 + leaseMs - second)).toBe(t0 + leaseMs);
    expect(await store.outbox.claim({ now: t0 + leaseMs, leaseMs, limit: 10 })).toHaveLength(1);
    await issue(store);
    expect(await soon(t0)).toBe(t0);
    expect(await store.outbox.claim({ now: t0, leaseMs, limit: 10 })).toHaveLength(1);
  });

  it("messages of decoys and of consumed challenges are claimed with nothing to deliver, and leave no row", async () => {
    const { store } = scene;
    await issue(store, { decoy: true });
    await issue(store, { decoy: true, contact: null });
    await issue(store, { decoy: true, expiresAt: t0 + second });
    const consumed = await issue(store);
    await store.challenges.redeem(redemptionOf(consumed.challengeId, { now: t0 + second }));
    const messages = await store.outbox.claim({ now: t0 + second, leaseMs, limit: 10 });
    expect(messages.map(({ delivery }) => delivery)).toEqual([null, null, null, null]);
    await store.outbox.settle(messages.map(done));
    expect(await store.outbox.nextDueAt()).toBeNull();
    expect(await listed(store)).toEqual([]);
  });

  it("a message of an expired challenge is claimed without its code, also once the copy is erased", async () => {
    const { store } = scene;
    const { challengeId, contact } = await issue(store, { expiresAt: t0 + second });
    const [message] = await store.outbox.claim({ now: t0 + second, leaseMs, limit: 10 });
    expect(message?.delivery).toMatchObject({ challengeId, contact, expiresAt: t0 + second, sealedCode: null });
    await store.upkeep.sweep({ now: t0 + second, limit: 100 });
    const [again] = await store.outbox.claim({ now: t0 + second + leaseMs, leaseMs, limit: 10 });
    expect(again?.delivery).toEqual(message?.delivery);
  });

  it("a settled message leaves the challenge as it is: it can be redeemed", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    await store.outbox.settle((await store.outbox.claim({ now: t0, leaseMs, limit: 10 })).map(done));
    expect((await store.challenges.redeem(redemptionOf(challenge.challengeId))).kind).toBe("redeemed");
  });

  it("while sends are left, a settled code can be sent again", async () => {
    const { store } = scene;
    const challenge = await issue(store, { sendsMax: 2, sealedCode: Buffer.from("sealed") });
    await store.outbox.settle((await store.outbox.claim({ now: t0, leaseMs, limit: 10 })).map(done));
    const { challengeId, clientId, requesterKey } = challenge;
    await store.challenges.resend({ challengeId, clientId, requesterKey, idempotency: null, charges: [], now: t0 + second });
    const [message] = await store.outbox.claim({ now: t0 + second, leaseMs, limit: 10 });
    expect(message?.delivery?.sealedCode).toEqual(Buffer.from("sealed"));
  });

  it("of a challenge without sends left, the last message still has its code when the first is settled", async () => {
    const { store } = scene;
    const { challengeId, clientId, requesterKey } = await issue(store, { sendsMax: 2 });
    await store.challenges.resend({ challengeId, clientId, requesterKey, idempotency: null, charges: [], now: t0 });
    const [first] = await store.outbox.claim({ now: t0, leaseMs, limit: 1 });
    await store.outbox.settle([done(first!)]);
    expect(await queued(store, t0)).toEqual([challengeId]);
  });

  it("a settlement appends the try that ended, also if its lease was lost and the message has ended meanwhile", async () => {
    const { store } = scene;
    await issue(store);
    const [lost] = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    const [current] = await store.outbox.claim({ now: t0 + leaseMs, leaseMs, limit: 10 });
    await store.outbox.settle([{ ...done(current!), ended: endedTry(current!, "second", "sent") }]);
    await store.outbox.settle([{ ...putOff(lost!, t0), ended: endedTry(lost!, "first", "temporary") }]);
    const message = await store.messages.get({ messageId: current!.outboxId, appId });
    expect(message).toMatchObject({ status: "sent", provider: "second", queuedAt: t0 });
    expect(message?.tries.map(({ provider, result }) => [provider, result])).toEqual([
      ["first", "temporary"],
      ["second", "sent"],
    ]);
    expect(await store.outbox.nextDueAt()).toBeNull();
  });

  it("a try that is settled before its message is put off is appended once, however often it is settled", async () => {
    const { store } = scene;
    await issue(store);
    const [message] = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    const settlement = { ...putOff(message!, t0 + second), ended: endedTry(message!, "first", "temporary") };
    await store.outbox.settle([settlement]);
    await store.outbox.settle([settlement]);
    expect(await store.messages.get({ messageId: message!.outboxId, appId })).toMatchObject({
      status: "queued",
      tries: [{ provider: "first" }],
    });
    expect(await store.outbox.nextDueAt()).toBe(t0 + second);
  });

  it("a message whose challenge ends between two tries expires, once, and keeps its carrier", async () => {
    const { store } = scene;
    await issue(store);
    const [message] = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    const { outboxId } = message!;
    await store.outbox.settle([{ ...putOff(message!, t0 + second), ended: endedTry(message!, "first", "temporary") }]);
    const [again] = await store.outbox.claim({ now: t0 + second, leaseMs, limit: 10 });
    const lapsed = lapseAt(t0 + second);
    for (let i = 0; i < 2; i += 1) await store.outbox.settle([{ ...done(again!), lapsed }]);
    expect(await store.messages.get({ messageId: outboxId, appId })).toMatchObject({
      status: "expired",
      cause: lapsed.detail,
      provider: "first",
      tries: [{ provider: "first", result: "temporary" }, lapsed],
    });
    expect(await store.outbox.nextDueAt()).toBeNull();
  });

  it("a challenge that ends makes no message of one that was never tried, and expires none that a carrier took", async () => {
    const { store } = scene;
    await Promise.all([issue(store), issue(store), issue(store, { decoy: true })]);
    const [untried, taken, decoy] = [...(await store.outbox.claim({ now: t0, leaseMs, limit: 10 }))].sort(
      (a, b) => Number(a.delivery === null) - Number(b.delivery === null),
    );
    const lapsed = lapseAt(t0);
    await store.outbox.settle([
      { ...done(untried!), lapsed },
      { ...done(taken!), ended: endedTry(taken!, "first", "sent"), lapsed },
      { ...done(decoy!), lapsed },
    ]);
    await store.outbox.settle([{ ...done(taken!), lapsed }]);
    const messages = await listed(store);
    expect(messages).toMatchObject([{ messageId: taken!.outboxId, status: "sent", tries: [{ provider: "first" }] }]);
  });

  it("a resend over another channel is a message of that channel, and leaves the challenge's as it is", async () => {
    const { store } = scene;
    const challenge = await issue(store, { contact: phone(), channel: "sms", sendsMax: 3 });
    const { challengeId, clientId, requesterKey } = challenge;
    const resend = { challengeId, clientId, requesterKey, idempotency: null, charges: [], now: t0 };
    expectKind(await store.challenges.resend({ ...resend, channel: "voice" }), "resent");
    expectKind(await store.challenges.resend({ ...resend, channel: null }), "resent");
    const messages = await store.outbox.claim({ now: t0, leaseMs, limit: 10 });
    expect(messages.map(({ delivery }) => delivery?.channel)).toEqual(["sms", "voice", "sms"]);
    expect((await store.challenges.find(challengeId))?.channel).toBe("sms");
    await store.outbox.settle([putOff(messages[1]!, t0 + second)]);
    const [again] = await store.outbox.claim({ now: t0 + second, leaseMs, limit: 10 });
    expect(again?.delivery?.channel).toBe("voice");
  });

  it("settling nothing, or what is not there, does nothing", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    await expectNothingHappened(store, { now: t0, challenges: [challenge.challengeId] }, async () => {
      await store.outbox.settle([]);
      await store.outbox.settle([done({ outboxId: 999_999, tries: 1 }), putOff({ outboxId: 999_998, tries: 1 }, t0)]);
    });
  });

  it("an empty outbox has no message due", async () => {
    expect(await scene.store.outbox.nextDueAt()).toBeNull();
    expect(await scene.store.outbox.claim({ now: t0, leaseMs, limit: 10 })).toEqual([]);
  });
}

/** How a message ends whose challenge has ended. */
function lapseAt(endedAt: number) {
  return { provider: "", result: "temporary", endedAt, detail: "its challenge ended" } as const;
}
