import { beforeEach, describe, expect, test } from "vitest";
import type { CountedEnd } from "../../src/delivery/deliver.js";
import { queuedAt } from "./fake-outbox-store.js";
import { createFakeProvider, delivery, type FakeProvider } from "./fixtures.js";
import {
  held,
  lockedOut,
  log,
  minute,
  permanent,
  provider,
  senderRefused,
  start,
  store,
  temporary,
  time,
  unavailable,
  unknown,
  useOutbox,
} from "./outbox-harness.js";

useOutbox();

let first: FakeProvider;
let second: FakeProvider;
let third: FakeProvider;

beforeEach(() => {
  [first, second, third] = [createFakeProvider("first"), createFakeProvider("second"), createFakeProvider("third")];
});

const taken = (...providers: readonly FakeProvider[]) => providers.map((each) => each.taken.length);

/** Another process claims what is due, tries it, and puts it off for its next try. */
async function triedElsewhere(next: { readonly carrier: number; readonly unknowns?: number }): Promise<void> {
  const now = time.clock();
  const claimed = await store.outbox.claim({ now, leaseMs: minute, limit: 1 });
  const put = { retryAt: now, unknowns: 0, ended: null, ...next };
  await store.outbox.settle(claimed.map(({ outboxId, tries }) => ({ outboxId, tries, ...put })));
}

const statuses = () => store.ended().map(({ ended, status }) => `${ended.provider || "-"} ${ended.result} ${status}`);

describe("carriers in order of preference", () => {
  test("the message of a test identifier goes to none of them and to no inbox, and ends as a test", async () => {
    const inbox = createFakeProvider("inbox");
    const ends: CountedEnd[] = [];
    store.put(delivery({ isTest: true, contact: { kind: "phone", value: "+14155550132" }, channel: "sms" }));
    await start({ carriers: [first, second], taps: [inbox], onEnd: (end) => ends.push(end) });
    await time.advance(minute);
    expect(taken(first, second, inbox)).toEqual([0, 0, 0]);
    expect(store.ended()).toMatchObject([{ status: "test", ended: { provider: "", result: "permanent" } }]);
    expect(ends).toEqual([{ channel: "sms", status: "test", provider: null, country: "US" }]);
    expect(log.lines).toMatchObject([{ level: "info", fields: { test: true } }]);
  });

  test("the end of a message is counted with its carrier and country, also of one that waited for a carrier", async () => {
    const ends: CountedEnd[] = [];
    const phone = { contact: { kind: "phone", value: "+14155550132" }, channel: "sms" } as const;
    first.answers.push({ kind: "permanent", detail: "no such number" }, ...Array(50).fill(lockedOut));
    second.answers.push({ kind: "permanent", detail: "no such number" }, ...Array(50).fill(lockedOut));
    store.put(delivery(phone));
    await start({ carriers: [first, second], onEnd: (end) => ends.push(end) });
    await time.advance(minute);
    store.put(delivery({ challengeId: "challenge-2", expiresAt: time.clock() + 2 * minute }));
    await time.advance(5 * minute);
    expect(ends).toEqual([
      { channel: "sms", status: "failed", provider: "second", country: "US" },
      { channel: "email", status: "expired", provider: expect.stringMatching(/^(first|second)$/), country: null },
    ]);
  });

  test("only the first one gets a message that it takes", async () => {
    store.put(delivery());
    await start({ carriers: [first, second, third] });
    await time.advance(minute);
    expect(taken(first, second, third)).toEqual([1, 0, 0]);
    expect(statuses()).toEqual(["first sent sent"]);
  });

  test.each([temporary, unavailable, permanent])(
    "after $kind, the next one gets the message at once, one a claim",
    async (result) => {
      first.answers.push(result);
      second.answers.push(result);
      store.put(delivery());
      await start({ carriers: [first, second, third] });
      await time.advance(500);
      expect(taken(first, second, third)).toEqual([1, 1, 1]);
      expect(statuses()).toEqual([`first ${result.kind} queued`, `second ${result.kind} queued`, "third sent sent"]);
      expect(store.settlements.flat().map(({ tries, carrier }) => [tries, carrier])).toEqual([
        [1, 1],
        [2, 2],
        [3, 2],
      ]);
    },
  );

  test("when none of a round took the message, it waits, and the next round begins with the first one", async () => {
    first.answers.push(temporary);
    second.answers.push(unavailable);
    store.put(delivery());
    await start({ carriers: [first, second] });
    await time.advance(900);
    expect(taken(first, second)).toEqual([1, 1]);
    await time.advance(300);
    expect(taken(first, second)).toEqual([2, 1]);
    expect(store.open()).toEqual([]);
  });

  test("waits double with each round, not with each carrier", async () => {
    for (const each of [first, second]) each.answers.push(temporary, temporary, temporary);
    const at: number[] = [];
    store.put(delivery());
    await start({ carriers: [first, second], onTry: ({ provider: name }) => name === "first" && at.push(time.clock()) });
    await time.advance(20_000);
    expect(at.slice(1).map((tried, index) => Math.round((tried - at[index]!) / 1000))).toEqual([1, 2, 4]);
  });

  test("a carrier that refused a message is not asked for it again, and it fails when all have refused", async () => {
    first.answers.push(permanent);
    second.answers.push(temporary, temporary, permanent);
    store.put(delivery());
    await start({ carriers: [first, second] });
    await time.advance(minute);
    expect(taken(first, second)).toEqual([1, 3]);
    expect(statuses()).toEqual([
      "first permanent queued",
      "second temporary queued",
      "second temporary queued",
      "second permanent failed",
    ]);
    expect(log.lines.at(-1)).toMatchObject({ level: "error", message: "code given up: refused" });
    expect(store.open()).toEqual([]);
  });

  test("a message that another process tried goes on with the carrier that the store names", async () => {
    store.put(delivery());
    await triedElsewhere({ carrier: 1 });
    await start({ carriers: [first, second, third] });
    await time.advance(500);
    expect(taken(first, second, third)).toEqual([0, 1, 0]);
  });

  test("the round begins anew if fewer carriers are configured than the store names", async () => {
    store.put(delivery());
    await triedElsewhere({ carrier: 2 });
    await start({ carriers: [first, second] });
    await time.advance(500);
    expect(taken(first, second)).toEqual([1, 0]);
  });
});

describe("a provider that never gives a result", () => {
  test("counts as unknown after 35 s, within the lease, and the next one gets the message", async () => {
    first.answers.push(held().answer);
    store.put(delivery());
    await start({ carriers: [first, second] });
    await time.advance(34_000);
    expect(taken(first, second)).toEqual([1, 0]);
    await time.advance(2_000);
    expect(taken(first, second)).toEqual([1, 1]);
    expect(statuses()).toEqual(["first unknown queued", "second sent sent"]);
    expect(store.open()).toEqual([]);
  });

  test("changes nothing by a result that comes later", async () => {
    const { answer, give } = held();
    first.answers.push(answer);
    store.put(delivery());
    await start({ carriers: [first, second] });
    await time.advance(36_000);
    give({ kind: "sent", detail: "late" });
    await time.advance(minute);
    expect(statuses()).toEqual(["first unknown queued", "second sent sent"]);
  });

  test("leaves places to the messages of other carriers", async () => {
    const [mail, hung] = [createFakeProvider("mail", ["email"]), createFakeProvider("hung", ["sms"])];
    hung.answers.push(...Array.from({ length: 100 }, () => held().answer));
    for (let index = 0; index < 30; index += 1) {
      store.put(delivery({ channel: "sms", contact: { kind: "phone", value: "+14155550132" } }));
    }
    await start({ carriers: [mail, hung], inFlightMax: 8 });
    await time.advance(40_000);
    store.put(delivery());
    await time.advance(2_000);
    expect(taken(mail)).toEqual([1]);
  });
});

describe("a gateway of an app", () => {
  const phone = { kind: "phone", value: "+14155550132" } as const;

  test("that hangs leaves places to the messages of other carriers at all times, also if it answers every other one", async () => {
    const [mail, hanging] = [createFakeProvider("mail", ["email"]), createFakeProvider("shop/sms", ["sms"])];
    hanging.answers.push(
      ...Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? held().answer : { kind: "sent" as const, detail: "ok" })),
    );
    for (let index = 0; index < 60; index += 1) store.put(delivery({ channel: "sms", contact: phone }));
    const { wake } = await start({ carriers: [mail, hanging], inFlightMax: 12 });
    for (let round = 1; round <= 10; round += 1) {
      await time.advance(6_000);
      store.put(delivery());
      wake();
      await time.advance(1_000);
      expect(mail.taken).toHaveLength(round);
    }
  });

  test("that is slow gets a burst of 100 messages within 20 s, eight at a time", async () => {
    let running = 0;
    let most = 0;
    const slow: FakeProvider = {
      ...createFakeProvider("shop/sms", ["sms"]),
      async send(message) {
        slow.taken.push(message);
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => time.timers.after(300, resolve));
        running -= 1;
        return { kind: "sent", detail: "ok" };
      },
    };
    for (let index = 0; index < 100; index += 1) store.put(delivery({ channel: "sms", contact: phone }));
    let turn = 0;
    const random = () => {
      turn += 0.618_034;
      return turn % 1;
    };
    await start({ carriers: [slow], random });
    await time.advance(20_000);
    expect([slow.taken.length, store.open().length, most]).toEqual([100, 0, 8]);
  });
});

describe("a carrier that says how long to wait", () => {
  test("gets no try of the message before", async () => {
    const at: number[] = [];
    provider.answers.push({ kind: "temporary", detail: "busy", retryAfterMs: 7_000 });
    store.put(delivery());
    await start({ onTry: () => at.push(time.clock()) });
    await time.advance(minute);
    expect(at).toHaveLength(2);
    expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(7_000);
    expect(at[1]! - at[0]!).toBeLessThan(7_200);
  });

  test("holds up neither another carrier nor, if it speaks of one message, another message", async () => {
    first.answers.push({ kind: "temporary", detail: "busy", retryAfterMs: 30_000 });
    second.answers.push(temporary);
    store.put(delivery());
    const { wake } = await start({ carriers: [first, second] });
    await time.advance(3_000);
    expect(taken(first, second)).toEqual([1, 2]);
    store.put(delivery());
    wake();
    await time.advance(100);
    expect(taken(first, second)).toEqual([2, 2]);
  });

  test("gets no other message either if it is unavailable", async () => {
    first.answers.push({ kind: "unavailable", detail: "too many requests", retryAfterMs: 30_000 });
    store.put(delivery());
    store.put(delivery());
    const { wake } = await start({ carriers: [first] });
    await time.advance(100);
    store.put(delivery());
    wake();
    await time.advance(20_000);
    expect(first.taken).toHaveLength(1);
    await time.advance(60_000);
    expect(store.open()).toEqual([]);
  });

  test("longer than the code is valid ends the message at once, as expired, with its cause", async () => {
    provider.answers.push({ kind: "temporary", detail: "come back tomorrow", retryAfterMs: 10 * minute });
    store.put(delivery());
    await start();
    await time.advance(100);
    expect(store.open()).toEqual([]);
    expect(store.ended()).toMatchObject([{ status: "expired", ended: { result: "temporary", detail: "come back tomorrow" } }]);
  });
});

describe("a result that is unknown (F15)", () => {
  test("allows one more try, by the next carrier, with the same code: two messages at most", async () => {
    first.answers.push(unknown);
    store.put(delivery());
    await start({ carriers: [first, second] });
    await time.advance(minute);
    expect(taken(first, second)).toEqual([1, 1]);
    expect(second.taken[0]?.code).toBe(first.taken[0]?.code);
    expect(second.taken[0]?.sendKey).toBe(first.taken[0]?.sendKey);
    expect(statuses()).toEqual(["first unknown queued", "second sent sent"]);
  });

  test("is recorded before the next try begins, also if the store is down for longer than the lease", async () => {
    const seen: number[] = [];
    const { settle, claim } = store.outbox;
    store.outbox.claim = async (change) => {
      const found = await claim(change);
      seen.push(...found.map(({ unknowns }) => unknowns));
      return found;
    };
    store.outbox.settle = () => Promise.reject(new Error("read-only"));
    first.answers.push(unknown);
    store.put(delivery({ expiresAt: time.clock() + 10 * minute }));
    const { wake } = await start({ carriers: [first, second] });
    for (let index = 0; index < 90; index += 1) {
      wake();
      await time.advance(1_000);
    }
    expect(taken(first, second)).toEqual([1, 0]);
    expect(seen).toEqual([0, 0]);
    store.outbox.settle = settle;
    await time.advance(minute);
    expect(taken(first, second)).toEqual([1, 1]);
    expect(seen).toEqual([0, 0, 1]);
  });

  test("twice ends the message as failed, and its cause says that it was perhaps delivered", async () => {
    first.answers.push(unknown);
    second.answers.push(unknown);
    store.put(delivery());
    await start({ carriers: [first, second, third] });
    await time.advance(5 * minute);
    expect(taken(first, second, third)).toEqual([1, 1, 0]);
    expect(store.open()).toEqual([]);
    expect(store.ended()[1]).toMatchObject({
      status: "failed",
      ended: { result: "unknown", detail: "perhaps delivered: no answer in time" },
    });
    expect(log.lines.at(-1)).toMatchObject({ level: "error", message: "code given up: it was perhaps delivered" });
  });

  test("twice ends the message also if another process had the first one", async () => {
    first.answers.push(unknown);
    store.put(delivery());
    await triedElsewhere({ carrier: 0, unknowns: 1 });
    await start({ carriers: [first, second] });
    await time.advance(minute);
    expect(store.open()).toEqual([]);
    expect(statuses()).toEqual(["first unknown failed"]);
    expect(second.taken).toEqual([]);
  });

  test("leaves tries that certainly sent nothing as they are", async () => {
    provider.answers.push(unknown, temporary, unavailable);
    store.put(delivery());
    await start();
    await time.advance(minute);
    expect(statuses().map((line) => line.slice(5))).toEqual([
      "unknown queued",
      "temporary queued",
      "unavailable queued",
      "sent sent",
    ]);
  });

  test("is what a provider that throws is taken for", async () => {
    provider.answers.push(new Error("a bug"), new Error("a bug"));
    store.put(delivery());
    await start();
    await time.advance(minute);
    expect(provider.taken).toHaveLength(2);
    expect(statuses()).toEqual(["fake unknown queued", "fake unknown failed"]);
  });

  test("ends a message that expires before its other try as expired, and its cause says that it was perhaps delivered", async () => {
    provider.answers.push(unknown);
    store.put(delivery({ expiresAt: time.clock() + 500 }));
    await start();
    await time.advance(minute);
    expect(statuses()).toEqual(["fake unknown expired"]);
    expect(store.ended()[0]?.ended.detail).toBe("perhaps delivered: no answer in time");
  });

  test("ends a message that is claimed after its expiry the same way", async () => {
    store.put(delivery({ expiresAt: time.clock() + 500 }));
    await triedElsewhere({ carrier: 0, unknowns: 1 });
    time.jump(600);
    await start();
    await time.advance(100);
    expect(statuses()).toEqual(["- temporary expired"]);
    expect(store.ended()[0]?.ended.detail).toBe("perhaps delivered: its challenge expired before it could be sent");
    expect(provider.taken).toEqual([]);
  });
});

describe("what is recorded of a try", () => {
  test("has everything that the message's row needs, and no whole destination", async () => {
    const price = { amount: "0.0075", currency: "USD" };
    provider.answers.push({ kind: "sent", detail: "queued", providerMessageId: "SM1", segments: 1, price });
    const contact = { kind: "phone", value: "+14155550132" } as const;
    store.put(delivery({ channel: "sms", contact, userId: null, poolId: "shop" }));
    await start();
    const sentAt = time.clock();
    await time.advance(100);
    expect(store.ended()).toEqual([
      {
        messageId: 1,
        reference: provider.taken[0]?.sendKey,
        message: {
          appId: "default",
          userId: null,
          challengeId: "challenge-1",
          purpose: "login",
          channel: "sms",
          maskedDestination: "*******0132",
          country: "US",
          queuedAt,
        },
        contactKey: Buffer.from("key of shop phone +14155550132"),
        ended: { provider: "fake", result: "sent", detail: "queued", endedAt: sentAt },
        status: "sent",
        providerMessageId: "SM1",
        segments: 1,
        price,
      },
    ]);
  });

  test("is no longer than 200 characters of cause", async () => {
    provider.answers.push({ kind: "permanent", detail: "x".repeat(500) });
    store.put(delivery());
    await start();
    await time.advance(100);
    expect(store.ended()[0]?.ended.detail).toHaveLength(200);
  });

  test("is recorded once if the message is claimed again while that is written, and ends under the new lease", async () => {
    const { settle, claim } = store.outbox;
    let write: () => void = () => {};
    const claimedAgain = new Promise<void>((resolve) => {
      write = resolve;
    });
    store.outbox.settle = async (settlements) => {
      await claimedAgain;
      await settle(settlements);
    };
    const { answer, give } = held();
    provider.answers.push(answer);
    store.put(delivery({ expiresAt: time.clock() + 10 * minute }));
    await start();
    store.outbox.claim = async (change) => {
      const found = await claim(change);
      setImmediate(write);
      return found;
    };
    time.jump(2 * minute); // the machine slept
    give({ kind: "sent", detail: "ok" });
    await time.advance(3_000);
    expect(store.settlements.flat().map(({ tries, ended }) => [tries, ended?.status])).toEqual([
      [1, "sent"],
      [2, undefined],
    ]);
    expect([provider.taken.length, store.open().length]).toEqual([1, 0]);
  });

  test("a message without a carrier fails with a clear cause, one of which the code can't be opened as well", async () => {
    store.put(delivery({ channel: "voice", contact: { kind: "phone", value: "+14155550132" } }));
    store.put(delivery());
    await start({ openCode: ({ channel }) => (channel === "voice" ? "048213" : null) });
    await time.advance(100);
    expect([...store.ended(1), ...store.ended(2)].map(({ status, ended }) => [status, ended.provider, ended.detail])).toEqual([
      ["failed", "", "no provider carries voice"],
      ["failed", "", "its sealed copy can't be opened"],
    ]);
  });

  test("is nothing for a decoy, and nothing for a message that is left to another process", async () => {
    store.put(null);
    store.put(delivery());
    await start({ isForeign: async () => true });
    await time.advance(10_000);
    expect(store.ended()).toEqual([]);
  });
});

describe("never after its expiry, and never outside a lease", () => {
  test("a message whose code expires while the store is asked about it is not sent, and is expired", async () => {
    let answer: (isForeign: boolean) => void = () => {};
    store.put(delivery());
    await start({ isForeign: () => new Promise((resolve) => (answer = resolve)) });
    time.jump(6 * minute);
    answer(false);
    await time.advance(2_000);
    expect(provider.taken).toHaveLength(0);
    expect(statuses()).toEqual(["- temporary expired"]);
  });

  test("a message whose lease is nearly over before its send begins is claimed again first", async () => {
    const answers: ((isForeign: boolean) => void)[] = [];
    store.put(delivery());
    await start({ isForeign: () => new Promise((resolve) => answers.push(resolve)) });
    time.jump(31_000);
    answers[0]?.(false);
    await time.settle();
    expect(provider.taken).toHaveLength(0);
    await time.advance(1_000);
    answers[1]?.(false);
    await time.advance(100);
    expect(provider.taken).toHaveLength(1);
    expect(store.open()).toEqual([]);
  });
});

describe("carriers that can't be looked up now", () => {
  test("put the message off, untried, until they can", async () => {
    let down = true;
    store.put(delivery());
    await start({
      carriersOf: async () => {
        if (down) throw new Error("the database is down");
        return [provider];
      },
    });
    await time.advance(3_000);
    expect([store.open().length, store.ended().length]).toEqual([1, 0]);
    down = false;
    await time.advance(3_000);
    expect([provider.taken.length, store.open().length]).toEqual([1, 0]);
  });
});

describe("a carrier that refuses its credentials", () => {
  test("is marked down, which the log says once; the next one gets the messages", async () => {
    first.answers.push(...Array.from({ length: 20 }, () => lockedOut));
    for (let index = 0; index < 10; index += 1) store.put(delivery());
    const { wake } = await start({ carriers: [first, second] });
    await time.advance(1_000);
    expect(second.taken).toHaveLength(10);
    for (let index = 0; index < 10; index += 1) store.put(delivery());
    wake();
    await time.advance(1_000);
    expect(taken(first, second)).toEqual([1, 20]);
    expect(log.lines.filter(({ message }) => message.startsWith("carrier marked down"))).toHaveLength(1);
  });

  test("lets messages wait if there is no other, is tried at growing intervals, by one message at a time, and is up when it takes one", async () => {
    first.answers.push(...Array.from({ length: 4 }, () => lockedOut));
    const at: number[] = [];
    const begun = time.clock();
    store.put(delivery());
    const { wake } = await start({ carriers: [first], onTry: () => at.push(Math.round((time.clock() - begun) / 1000)) });
    await time.advance(100);
    for (let index = 0; index < 20; index += 1) store.put(delivery());
    wake();
    await time.advance(4 * minute);
    expect(at.slice(0, 5)).toEqual([0, expect.any(Number), expect.any(Number), expect.any(Number), expect.any(Number)]);
    const waits = at.slice(1, 5).map((tried, index) => tried - at[index]!);
    for (const [index, least] of [5, 10, 20, 40].entries()) expect(waits[index]).toBeGreaterThanOrEqual(least);
    expect(first.taken).toHaveLength(4 + 21);
    expect(store.open()).toEqual([]);
    expect(log.lines.filter(({ message }) => message === "carrier can be used again")).toHaveLength(1);
  });

  test("ends a message that expires meanwhile with the carrier's error as its cause", async () => {
    first.answers.push(lockedOut);
    store.put(delivery());
    const { wake } = await start({ carriers: [first] });
    await time.advance(100);
    const late = store.put(delivery({ expiresAt: time.clock() + 2_000 }));
    wake();
    await time.advance(100);
    expect(store.ended(late)).toMatchObject([
      {
        status: "expired",
        ended: { provider: "", detail: "its challenge expires before a carrier can be used: first: login refused" },
      },
    ]);
    expect(first.taken).toHaveLength(1);
  });
});

describe("a carrier that refuses the sender in some countries", () => {
  const sms = (value: string) => delivery({ channel: "sms", contact: { kind: "phone", value } });
  /** Takes messages to Sweden alone. */
  const picky = (): FakeProvider => ({
    ...first,
    send: async (message) => (message.to.value.startsWith("+46") ? await first.send(message) : senderRefused),
  });

  test("delays no message to another country, however many numbers of one it refuses", async () => {
    for (let number = 10; number < 50; number += 1) store.put(sms(`+49151123456${number}`));
    const { wake } = await start({ carriers: [picky()] });
    await time.advance(100);
    for (let minutes = 1; minutes <= 4; minutes += 1) {
      store.put(sms("+46701234567"));
      wake();
      await time.advance(100);
      expect(first.taken).toHaveLength(minutes);
      await time.advance(minute - 100);
    }
    expect(log.lines.filter(({ message }) => message.startsWith("carrier marked down"))).toEqual([]);
  });

  test("leaves the refused message to the next one", async () => {
    store.put(sms("+4915112345678"));
    await start({ carriers: [picky(), second] });
    await time.advance(500);
    expect(statuses()).toEqual(["first unavailable queued", "second sent sent"]);
  });

  test("is marked down by three of them, and a message to another country goes out at once and brings it up", async () => {
    for (const number of ["+4915112345678", "+33612345678", "+34612345678"]) store.put(sms(number));
    const { wake } = await start({ carriers: [picky()] });
    await time.advance(100);
    expect(log.lines.filter(({ message }) => message.startsWith("carrier marked down"))).toHaveLength(1);
    store.put(sms("+46701234567"));
    wake();
    await time.advance(100);
    expect(first.taken).toHaveLength(1);
    expect(log.lines.filter(({ message }) => message === "carrier can be used again")).toHaveLength(1);
  });
});

describe("development's console and inbox", () => {
  test("are shown each message once, beside the carriers, and are no tries", async () => {
    const [inbox, screen] = [createFakeProvider("inbox"), createFakeProvider("console")];
    const tries: string[] = [];
    first.answers.push(temporary, temporary);
    store.put(delivery());
    await start({ taps: [inbox, screen], carriers: [first], onTry: ({ provider: name }) => tries.push(name) });
    await time.advance(minute);
    expect(taken(inbox, screen, first)).toEqual([1, 1, 3]);
    expect(tries).toEqual(["first", "first", "first"]);
    expect(statuses().at(-1)).toBe("first sent sent");
  });

  test("send the message themselves if no carrier has its channel", async () => {
    const inbox = createFakeProvider("inbox");
    store.put(delivery());
    await start({ taps: [inbox], carriers: [] });
    await time.advance(100);
    expect(store.ended()).toMatchObject([{ status: "sent", ended: { provider: "inbox", detail: "development shows it" } }]);
    expect([inbox.taken.length, store.open().length]).toEqual([1, 0]);
  });
});

test("a message that its app doesn't send to, such as to a country, goes to no carrier and fails with the cause", async () => {
  store.put(delivery());
  await start({ carriers: [first], refusalOf: (appId, { kind }) => `${appId} sends nothing to this ${kind}` });
  await time.advance(minute);
  expect(taken(first)).toEqual([0]);
  expect(statuses()).toEqual(["- permanent failed"]);
  expect(store.ended()[0]?.ended.detail).toBe("default sends nothing to this email");
  expect(store.open()).toEqual([]);
});

test("a message that a budget of its number refused goes to no carrier and fails with the cause", async () => {
  store.put(delivery(), 0, true);
  await start({ carriers: [first] });
  await time.advance(minute);
  expect(taken(first)).toEqual([0]);
  expect(statuses()).toEqual(["- permanent failed"]);
  expect(store.ended()[0]?.ended.detail).toBe("the prefix or the country of the number has used up its budget of messages");
  expect(store.open()).toEqual([]);
});
