import { expect, it } from "vitest";
import {
  appId,
  bytes,
  day,
  email,
  hour,
  issue,
  minute,
  phone,
  redeem,
  redemptionOf,
  register,
  type Scene,
  second,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { membersOf, verified } from "./member-fixtures.js";
import { append, endedTry, issueAndSend, listed, messageOf, reportOf } from "./message-fixtures.js";

/** How messages meet redeemed challenges and erased people, and what they add up to. */
export function messageRedemptions(scene: Scene): void {
  const join = async (now = t0 + 2 * minute, limit = 100) => await scene.store.messages.joinRedemptions({ now, limit });
  const { add } = membersOf(scene);

  it("a redeemed challenge is noted on its messages, once, with the user that it made", async () => {
    const { store } = scene;
    const { challenge, sent } = await issueAndSend(store, {});
    const again = endedTry({ message: sent.message });
    const live = await issueAndSend(store, {});
    await append(store, again);
    expect(await join()).toEqual({ seen: 3, noted: 0 });
    const { user } = await redeem(store, challenge.challengeId, { now: t0 + minute });
    expect(await join()).toEqual({ seen: 3, noted: 2 });
    for (const one of [sent, again]) {
      expect(await messageOf(store, one)).toMatchObject({ verifiedAt: t0 + minute, userId: user.userId });
    }
    expect(await messageOf(store, live.sent)).toMatchObject({ verifiedAt: null, userId: null });
    expect(await join()).toEqual({ seen: 1, noted: 0 });
  });

  it("a message whose challenge ended otherwise is not looked at again, nor is one whose challenge is gone", async () => {
    const { store } = scene;
    const { sent } = await issueAndSend(store, { expiresAt: t0 + minute });
    const gone = endedTry();
    await append(store, gone);
    expect(await join()).toEqual({ seen: 2, noted: 0 });
    expect(await join()).toEqual({ seen: 0, noted: 0 });
    for (const one of [sent, gone]) expect(await messageOf(store, one)).toMatchObject({ status: "sent", verifiedAt: null });
  });

  it("calls with a limit look at all messages in turn, and begin again at the end", async () => {
    const { store } = scene;
    const made = [];
    for (let n = 0; n < 5; n += 1) made.push(await issueAndSend(store, {}));
    for (const { challenge } of made) await redeem(store, challenge.challengeId, { now: t0 + minute });
    const rounds = [await join(t0 + minute, 2), await join(t0 + minute, 2), await join(t0 + minute, 2)];
    expect(rounds.map(({ noted }) => noted)).toEqual([2, 2, 1]);
    expect(await join(t0 + minute, 2)).toEqual({ seen: 0, noted: 0 });
  });

  it("20 racing joins note a redemption once", async () => {
    const { store } = scene;
    const { challenge, sent } = await issueAndSend(store, {});
    await redeem(store, challenge.challengeId, { now: t0 + minute });
    await Promise.all(times(20, () => join()));
    expect(await messageOf(store, sent)).toMatchObject({ verifiedAt: t0 + minute });
    expect(await join()).toEqual({ seen: 0, noted: 0 });
  });

  it("stats count by day, country, channel, carrier and price, with the times to verify", async () => {
    const { store } = scene;
    const usd = (amount: string) => ({ amount, currency: "USD" });
    for (const seconds of [10, 40]) {
      const { challenge, sent } = await issueAndSend(store, {}, { price: usd("0.1") });
      await redeem(store, challenge.challengeId, { now: t0 + seconds * second });
      if (seconds > 20) await store.messages.report([reportOf(sent)]);
    }
    await issue(store);
    await append(
      store,
      endedTry({ price: usd("0.0075") }),
      endedTry({ price: { amount: "0.0075", currency: "EUR" } }),
      endedTry({ status: "failed", ended: { result: "permanent" } }),
      endedTry({ message: { queuedAt: t0 + day, country: null, channel: "email" }, ended: { provider: "smtp" } }),
      endedTry({ message: { appId: "shop" } }),
    );
    await join(t0 + hour);
    const midnight = t0 - (t0 % day);
    const sms = {
      day: midnight,
      country: "SE",
      channel: "sms",
      provider: "one",
      messages: 1,
      sent: 1,
      delivered: 0,
      msToVerify: [],
    };
    const first = [
      { ...sms, price: null, sent: 0 },
      { ...sms, price: { amount: "0.0075", currency: "EUR" } },
      { ...sms, price: usd("0.0075") },
      { ...sms, price: usd("0.1"), messages: 2, sent: 2, delivered: 1, msToVerify: [10 * second, 40 * second] },
    ];
    const next = { ...sms, day: midnight + day, country: null, channel: "email", provider: "smtp", price: null };
    const stats = async (from = 0, to = t0 + 9 * day) => {
      const part = await store.messages.stats({ appId, from, to, before: null });
      expect(part.next).toBeNull();
      const name = ({ day, price }: (typeof part.counts)[number]) => [day, price?.currency ?? "", price?.amount ?? ""].join();
      return part.counts
        .map((one) => ({ ...one, msToVerify: one.msToVerify.toSorted((a, b) => a - b) }))
        .sort((a, b) => (name(a) < name(b) ? -1 : 1));
    };
    expect(await stats()).toEqual([...first, next]);
    expect(await stats(t0 + 1)).toEqual([next]);
    expect(await stats(0, t0)).toEqual([]);
    expect(await stats(0, t0 + 1)).toEqual(first);
  });

  it("stats count each message once, 2,000 at a time, and skip those of other apps and of earlier days", async () => {
    const { store } = scene;
    const [before, counted] = [times(2_010, () => t0 - 3 * day), times(2_010, () => t0)].map((queued) =>
      queued.map((queuedAt, n) => endedTry({ message: { queuedAt, appId: n % 10 === 0 ? "shop" : appId } })),
    );
    const all = [...before!, ...counted!, ...times(1_000, () => endedTry())];
    for (let n = 0; n < all.length; n += 250) await append(store, ...all.slice(n, n + 250));
    const parts: number[] = [];
    let from: number | null = null;
    do {
      const { counts, next } = await store.messages.stats({ appId, from: t0, to: t0 + 1, before: from });
      parts.push(counts.reduce((sum, { messages }) => sum + messages, 0));
      from = next;
    } while (from !== null);
    expect(parts[0]).toBe(2_000);
    expect(parts.reduce((a, b) => a + b)).toBe(1_809 + 1_000);
    expect(parts.length).toBeLessThanOrEqual(3);
    const later = { from: t0 + 2 * day, to: t0 + 3 * day };
    expect(await store.messages.stats({ appId, ...later, before: null })).toEqual({ counts: [], next: null });
  });

  it("the last departure erases user, contact key and destination from the person's messages, and those counts stay", async () => {
    const { store } = scene;
    const contact = email();
    const [key, otherKey] = [bytes("key of the contact"), bytes("key of another")];
    const [registration] = await register(store, [contact]);
    const { challengeId } = registration!;
    const first = endedTry({ contactKey: key, message: { challengeId }, price: { amount: "0.1", currency: "USD" } });
    await append(store, first);
    const { user } = await redeem(store, challengeId, { now: t0 + minute });
    const { userId } = user;
    const later = endedTry({ contactKey: key, message: { userId } });
    const other = endedTry({ contactKey: otherKey });
    await append(store, later, other);
    expect(await store.users.leave({ appId, userId, now: t0 + hour })).toBe("erased");
    for (const one of [first, later]) {
      expect(await messageOf(store, one)).toMatchObject({ userId: null, maskedDestination: "", status: "sent" });
    }
    expect(await listed(store, { contactKey: key })).toEqual([]);
    expect(await listed(store, { userId })).toEqual([]);
    expect(await messageOf(store, other)).toMatchObject({ maskedDestination: other.message.maskedDestination });
    const { counts } = await store.messages.stats({ appId, from: 0, to: t0 + day, before: null });
    expect(counts.map(({ sent, price }) => [sent, price?.amount]).sort()).toEqual([
      [1, "0.1"],
      [2, undefined],
    ]);
  });

  it("a departure that leaves the person in another app erases no message", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    await add({ user: { userId: user.userId }, contacts: [verified(user.contacts[0]!)] }, { appId: "shop" });
    const sent = endedTry({ message: { userId: user.userId } });
    await append(store, sent);
    expect(await store.users.leave({ appId: "shop", userId: user.userId, now: t0 + hour })).toBe("left");
    expect(await messageOf(store, sent)).toMatchObject({ userId: user.userId, maskedDestination: "*******8901" });
  });

  it("a message that was being sent when its user was erased is stored without user and destination", async () => {
    const { store } = scene;
    const { user } = await signIn(store);
    const { userId } = user;
    const { challengeId } = await issue(store, { contact: user.contacts[0]!, userId });
    const sent = endedTry({ message: { userId, challengeId } });
    await store.users.erase({ userId, now: t0 + minute });
    await append(store, sent);
    expect(await messageOf(store, sent)).toMatchObject({ userId: null, maskedDestination: "", status: "sent" });
    await join(t0 + hour);
    expect(await messageOf(store, sent)).toMatchObject({ userId: null, verifiedAt: null });
  });

  it("no append that races an erasure keeps the user or the destination", async () => {
    const { store } = scene;
    for (let round = 0; round < 5; round += 1) {
      const { user } = await signIn(store);
      const { userId } = user;
      const sent = times(10, () => endedTry({ message: { userId } }));
      await Promise.all([
        ...sent.map((one) => append(store, one)),
        store.users.erase({ userId, now: t0 + minute }),
        ...sent.map((one) => append(store, one)),
      ]);
      for (const one of sent) expect(await messageOf(store, one)).toMatchObject({ userId: null, maskedDestination: "" });
    }
  });

  it("a removed contact is erased from the user's messages to it, and the user's other messages stay as they are", async () => {
    const { store } = scene;
    const number = phone();
    const { user } = await signIn(store);
    const { userId } = user;
    const masked = number.value.slice(-4).padStart(number.value.length - 1, "*");
    await store.users.addContact({ appId, userId, contact: verified(number), primary: false, now: t0 });
    const key = bytes("key of the number");
    const toNumber = endedTry({ contactKey: key, message: { userId, maskedDestination: masked } });
    const toNoUser = endedTry({ contactKey: key, message: { maskedDestination: masked } });
    const other = endedTry({ message: { userId, maskedDestination: "p***@example.com" } });
    await append(store, toNumber, toNoUser, other);
    await store.users.removeContact({ appId, userId, contact: number, now: t0 + minute });
    expect(await messageOf(store, toNumber)).toMatchObject({ userId, maskedDestination: "" });
    expect(await messageOf(store, toNoUser)).toMatchObject({ userId: null, maskedDestination: "" });
    expect(await messageOf(store, other)).toMatchObject({ userId, maskedDestination: "p***@example.com" });
    expect(await listed(store, { contactKey: key })).toEqual([]);
  });

  it("a replaced contact is erased from messages, and the new one is not", async () => {
    const { store } = scene;
    const [old, next] = [email("old-address"), email("new-address")];
    const { user } = await signIn(store, old);
    const { userId } = user;
    const toOld = endedTry({ message: { userId, maskedDestination: "o***@example.com" } });
    await append(store, toOld);
    const change = { contact: next, userId, purpose: "change_contact", replaces: old.value } as const;
    const { challenge, sent } = await issueAndSend(
      store,
      { ...change, maskedDestination: "n***@example.com" },
      { message: { userId } },
    );
    const outcome = await store.challenges.redeem(redemptionOf(challenge.challengeId, { newSession: null }));
    expect(outcome).toMatchObject({ kind: "redeemed", redemption: { kind: "contact_changed" } });
    expect(await messageOf(store, toOld)).toMatchObject({ userId, maskedDestination: "" });
    expect(await messageOf(store, sent)).toMatchObject({ userId, maskedDestination: "n***@example.com" });
  });

  it("an erasure leaves the messages of another user to the same contact alone", async () => {
    const { store } = scene;
    const key = bytes("key of a number that went to another person");
    const [{ user: first }, { user: next }] = [await signIn(store), await signIn(store)];
    const own = endedTry({ contactKey: key, message: { userId: first.userId } });
    const others = endedTry({ contactKey: key, message: { userId: next.userId } });
    await append(store, own, others);
    await store.users.erase({ userId: first.userId, now: t0 + minute });
    expect(await messageOf(store, own)).toMatchObject({ userId: null, maskedDestination: "" });
    expect(await messageOf(store, others)).toMatchObject({ userId: next.userId, maskedDestination: "*******8901" });
  });
}
