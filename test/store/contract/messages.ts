import { expect, it } from "vitest";
import type { MessageFilter, MessageList } from "../../../src/store/port/messages.js";
import type { OutboxMessage, Settlement } from "../../../src/store/port/outbox.js";
import {
  appId,
  bytes,
  day,
  email,
  hour,
  issue,
  issueOf,
  minute,
  newChallenge,
  type Scene,
  second,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { append, endedTry, listed, messageOf, nextTry, reportOf } from "./message-fixtures.js";

const leaseMs = minute;

/** Tries, and how messages are read. */
export function messages(scene: Scene): void {
  async function* partsOf(filter: MessageFilter): AsyncGenerator<MessageList> {
    for (let before: number | null = null; ; ) {
      const part: MessageList = await scene.store.messages.list({ filter, before, limit: 3 });
      yield part;
      before = part.next;
      if (before === null) return;
    }
  }

  it("a sent message says everything that is known of it", async () => {
    const { store } = scene;
    const price = { amount: "0.0075", currency: "USD" };
    const sent = endedTry({ providerMessageId: "SM1", segments: 2, price, message: { userId: null } });
    await append(store, sent);
    const { channel, challengeId, purpose, maskedDestination, country, queuedAt } = sent.message;
    expect(await messageOf(store, sent)).toEqual({
      messageId: sent.messageId,
      appId,
      userId: null,
      challengeId,
      purpose,
      channel,
      maskedDestination,
      country,
      provider: "one",
      providerMessageId: "SM1",
      status: "sent",
      cause: "",
      tries: [{ provider: "one", result: "sent", endedAt: t0 + second, detail: "" }],
      segments: 2,
      price,
      queuedAt,
      sentAt: t0 + second,
      deliveredAt: null,
      verifiedAt: null,
    });
  });

  it("every try is there, and the message names the carrier that took it", async () => {
    const { store } = scene;
    const busy = endedTry({ status: "queued", providerMessageId: "X1", ended: { result: "temporary", detail: "busy" } });
    await append(store, busy);
    expect(await messageOf(store, busy)).toMatchObject({ status: "queued", cause: "busy", provider: "one", sentAt: null });
    await append(store, nextTry(busy, { ended: { provider: "two", endedAt: t0 + minute }, providerMessageId: "Y1" }));
    expect(await messageOf(store, busy)).toMatchObject({
      status: "sent",
      cause: "",
      provider: "two",
      providerMessageId: "Y1",
      sentAt: t0 + minute,
      tries: [
        { provider: "one", result: "temporary", endedAt: t0 + second, detail: "busy" },
        { provider: "two", result: "sent", endedAt: t0 + minute, detail: "" },
      ],
    });
  });

  it("a message that is given up says why, and names no carrier if none was asked", async () => {
    const { store } = scene;
    const expired = endedTry({
      status: "expired",
      ended: { provider: "", result: "permanent", detail: "the code has expired" },
    });
    await append(store, expired);
    expect(await messageOf(store, expired)).toMatchObject({ status: "expired", provider: null, cause: "the code has expired" });
  });

  it("of one carrier the first id counts that is known", async () => {
    const { store } = scene;
    const first = endedTry({ status: "queued", ended: { result: "unknown" } });
    await append(store, first);
    await append(
      store,
      nextTry(first, { providerMessageId: "A", status: "queued", ended: { result: "unknown", endedAt: t0 + 2 } }),
    );
    await append(store, nextTry(first, { providerMessageId: "B", ended: { endedAt: t0 + 3 } }));
    expect(await messageOf(store, first)).toMatchObject({ status: "sent", providerMessageId: "A" });
  });

  it("a try that is settled twice is there once", async () => {
    const { store } = scene;
    const sent = endedTry();
    for (let i = 0; i < 2; i += 1) await append(store, sent);
    expect((await messageOf(store, sent)).tries).toHaveLength(1);
  });

  it("a late try of a lost lease is there too, and moves a message that was sent nowhere", async () => {
    const { store } = scene;
    const sent = endedTry({ providerMessageId: "A", ended: { endedAt: t0 + minute } });
    await append(store, sent);
    const late = { provider: "two", result: "temporary", endedAt: t0 + second, detail: "busy" } as const;
    await append(store, nextTry(sent, { ended: late, status: "queued" }));
    const message = await messageOf(store, sent);
    expect(message).toMatchObject({ status: "sent", provider: "one", providerMessageId: "A", cause: "" });
    expect(message.tries.map(({ provider }) => provider)).toEqual(["two", "one"]);
  });

  it("several tries of one message in one settlement are all there", async () => {
    const { store } = scene;
    const first = endedTry({ status: "queued", ended: { result: "temporary", endedAt: t0 } });
    const others = [1, 2].map((n) => nextTry(first, { ended: { endedAt: t0 + n }, status: n === 2 ? "sent" : "queued" }));
    await append(store, first, ...others, endedTry());
    const message = await messageOf(store, first);
    expect(message.status).toBe("sent");
    expect(message.tries.map(({ endedAt }) => endedAt)).toEqual([t0, t0 + 1, t0 + 2]);
  });

  it("20 racing settlements of the same messages, in different orders, lose no try", async () => {
    const { store } = scene;
    const firsts = times(5, () => endedTry({ status: "queued", ended: { result: "temporary", endedAt: t0 } }));
    await Promise.all(
      times(20, (n) => {
        const tries = firsts.map((first) =>
          nextTry(first, { status: "queued", ended: { result: "temporary", endedAt: t0 + n } }),
        );
        return append(store, ...(n % 2 === 0 ? tries : tries.reverse()));
      }),
    );
    for (const first of firsts) {
      const { tries } = await messageOf(store, first);
      expect(tries.map(({ endedAt }) => endedAt)).toEqual(times(20, (n) => t0 + n));
    }
  });

  it("a text of a carrier is kept as far as the database can hold it, and a price that is no number is not", async () => {
    const { store } = scene;
    const price = { amount: "free", currency: "USD" };
    const failed = endedTry({ status: "failed", price, ended: { result: "permanent", detail: "a\0b\ud800" } });
    await append(store, failed);
    expect(await messageOf(store, failed)).toMatchObject({ cause: "a\ufffdb\ufffd", price: null });
  });

  it.each([1e10, 1e300, 1.5, -1, Number.NaN])(
    "%d segments are unknown ones, and the rest of the batch is kept",
    async (segments) => {
      const { store } = scene;
      const [odd, good] = [endedTry({ segments }), endedTry({ segments: 2 })];
      await append(store, odd, good);
      expect(await messageOf(store, odd)).toMatchObject({ status: "sent", segments: null });
      expect(await messageOf(store, good)).toMatchObject({ status: "sent", segments: 2 });
      await store.messages.report([reportOf(odd, { segments })]);
      expect(await messageOf(store, odd)).toMatchObject({ status: "delivered", segments: null });
    },
  );

  it("a message is found by its own app, and by any if none is named", async () => {
    const { store } = scene;
    const sent = endedTry({ message: { appId: "shop" } });
    await append(store, sent);
    const { messageId } = sent;
    expect(await store.messages.get({ messageId, appId: "shop" })).toMatchObject({ messageId });
    expect(await store.messages.get({ messageId, appId })).toBeNull();
    expect(await store.messages.get({ messageId: messageId + 1_000_000, appId: null })).toBeNull();
  });

  it("a message that was not tried yet is read from the outbox, also when it is put off", async () => {
    const { store } = scene;
    const { challengeId, maskedDestination } = await issue(store, { userId: "user", appId: "shop" });
    const [message] = await store.outbox.claim({ now: t0, leaseMs, limit: 1 });
    const waiting = {
      messageId: message!.outboxId,
      appId: "shop",
      userId: "user",
      challengeId,
      maskedDestination,
      status: "queued",
      provider: null,
      country: null,
      tries: [],
      queuedAt: t0,
    };
    expect(await store.messages.get({ messageId: message!.outboxId, appId: "shop" })).toMatchObject(waiting);
    expect(await store.messages.get({ messageId: message!.outboxId, appId })).toBeNull();
    await store.outbox.settle([{ ...message!, retryAt: t0 + minute, ended: null }]);
    expect(await messageOf(store, waiting)).toMatchObject(waiting);
    const ended = endedTry({
      messageId: waiting.messageId,
      status: "queued",
      message: { challengeId },
      ended: { result: "temporary" },
    });
    await append(store, ended);
    expect(await messageOf(store, waiting)).toMatchObject({ status: "queued", provider: "one" });
    expect(await listed(store)).toHaveLength(1);
  });

  it("a decoy has no message", async () => {
    const { store } = scene;
    await issue(store, { decoy: true });
    const [message] = await store.outbox.claim({ now: t0, leaseMs, limit: 1 });
    expect(await store.messages.get({ messageId: message!.outboxId, appId: null })).toBeNull();
    expect(await listed(store)).toEqual([]);
  });

  it("pages show each message once, the newest first, those in the outbox too", async () => {
    const { store } = scene;
    const contact = email();
    await Promise.all(times(4, () => issue(store, { contact })));
    const sent = times(7, () => endedTry());
    await append(store, ...sent);
    const shown: number[] = [];
    for await (const { messages } of partsOf({})) shown.push(...messages.map(({ messageId }) => messageId));
    expect(shown).toHaveLength(11);
    expect(shown).toEqual([...new Set(shown)].sort((a, b) => b - a));
    expect(shown.slice(0, 7)).toEqual(sent.map(({ messageId }) => messageId).reverse());
  });

  it("filters find what they name, alone and together", async () => {
    const { store } = scene;
    const contactKey = bytes("contact of the filter");
    const { userId } = (await signIn(store)).user;
    await store.outbox.settle((await store.outbox.claim({ now: t0, leaseMs, limit: 1 })).map(dropped));
    const challenge = newChallenge({ appId: "shop", userId, identifierKey: contactKey, expiresAt: t0 + day });
    await store.challenges.issue(issueOf(challenge, { now: t0 + hour }));
    const [queued] = await store.outbox.claim({ now: t0 + hour, leaseMs, limit: 1 });
    const one = endedTry({ message: { appId: "shop", userId }, contactKey });
    const two = endedTry({ message: { appId: "shop", queuedAt: t0 + day }, ended: { provider: "two" } });
    const other = endedTry({ status: "failed", ended: { result: "permanent", detail: "no" } });
    await append(store, one, two, other);
    const list = async (filter: Parameters<typeof store.messages.list>[0]["filter"]) =>
      (await listed(store, filter)).map(({ messageId }) => messageId).reverse();
    const [q, a, b, c] = [queued!.outboxId, one.messageId, two.messageId, other.messageId];
    expect(await list({})).toEqual([q, a, b, c]);
    expect(await list({ appId: "shop" })).toEqual([q, a, b]);
    expect(await list({ userId })).toEqual([q, a]);
    expect(await list({ contactKey })).toEqual([q, a]);
    expect(await list({ contactKey, status: "sent" })).toEqual([a]);
    expect(await list({ status: "queued" })).toEqual([q]);
    expect(await list({ status: "failed" })).toEqual([c]);
    expect(await list({ provider: "two" })).toEqual([b]);
    expect(await list({ from: t0 + hour })).toEqual([q, b]);
    expect(await list({ to: t0 + hour })).toEqual([a, c]);
    expect(await list({ from: t0 + hour, to: t0 + day, appId: "shop" })).toEqual([q]);
    expect(await list({ appId: "shop", userId, contactKey, provider: "one", status: "sent", from: t0, to: t0 + 1 })).toEqual([
      a,
    ]);
    expect(await list({ appId: "none" })).toEqual([]);
  });

  it("a list by something rare finds it, and no call looks at more than 2,000 messages of whom it lists", async () => {
    const { store } = scene;
    const contactKey = bytes("contact of many");
    const { userId } = (await signIn(store)).user;
    const from = t0 + hour;
    const many = (count: number) =>
      times(count, () => endedTry({ message: { appId: "shop", userId, queuedAt: from }, contactKey }));
    const [first, rare] = many(2);
    await append(store, first!);
    await append(store, { ...rare!, status: "failed", ended: { ...rare!.ended, result: "permanent" } });
    const between = many(2_000);
    for (let n = 0; n < between.length; n += 250) await append(store, ...between.slice(n, n + 250));
    for (const whose of [{ appId: "shop" }, { userId }, { contactKey }, { appId: "shop", userId, contactKey }]) {
      const parts = [];
      for await (const part of partsOf({ ...whose, status: "failed" })) parts.push(part);
      const name = Object.keys(whose).join();
      expect(
        parts.map(({ messages }) => messages.map(({ messageId }) => messageId)),
        name,
      ).toEqual([[], [rare!.messageId]]);
      expect(parts[0]!.next, name).toBe(between[0]!.messageId);
    }
    // Ids grow with time, so nothing can follow here.
    expect(await store.messages.list({ filter: { appId: "shop", from: from + 2 * day }, before: null, limit: 10 })).toEqual({
      messages: [],
      next: null,
    });
  });

  it("a list by something rare finds it in an outbox of thousands too", async () => {
    const { store } = scene;
    const rare = await issue(store, { appId: "shop" });
    for (let n = 0; n < 64; n += 1) await Promise.all(times(32, () => issue(store)));
    const parts = [];
    for await (const part of partsOf({ appId: "shop" })) parts.push(part);
    expect(parts.map(({ messages }) => messages.map(({ challengeId }) => challengeId))).toEqual([[], [rare.challengeId]]);
  });

  it("a sweep deletes what was queued earlier, within its limit, and nothing else", async () => {
    const { store } = scene;
    const old = times(5, (n) => endedTry({ message: { queuedAt: t0 - 31 * day + n } }));
    const young = endedTry();
    await append(store, ...old, young);
    const sweep = (limit: number) => store.messages.sweep({ now: t0, before: t0 - 30 * day, limit });
    expect(await sweep(3)).toBe(3);
    expect(await sweep(3)).toBe(2);
    expect(await sweep(3)).toBe(0);
    expect(await listed(store)).toMatchObject([{ messageId: young.messageId }]);
  });

  it("messages outlive the end of all that is outstanding, and those that wait for a try expire by it", async () => {
    const { store } = scene;
    const [sent, waiting] = [endedTry(), endedTry({ status: "queued", ended: { result: "temporary" } })];
    await append(store, sent, waiting);
    await store.upkeep.endOutstanding({ keepSessions: false });
    expect(await messageOf(store, sent)).toMatchObject({ status: "sent" });
    expect(await messageOf(store, waiting)).toMatchObject({ status: "expired", provider: "one" });
  });
}

function dropped(message: OutboxMessage): Settlement {
  return { ...message, retryAt: null, ended: null };
}
