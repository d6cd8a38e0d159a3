import { describe, expect, test } from "vitest";
import { code, delivery } from "./fixtures.js";
import { held, log, minute, provider, start, store, temporary, time, useOutbox } from "./outbox-harness.js";

useOutbox();

describe("sending", () => {
  test("a wake sends what was committed, at once, and settles it", async () => {
    const { wake } = await start();
    await time.advance(10);
    store.put(delivery());
    wake();
    await time.settle();
    expect(provider.taken.map(({ to, text }) => [to.value, text.slice(0, 6)])).toEqual([["ada@example.com", code]]);
    await time.advance(100);
    expect(store.open()).toEqual([]);
    expect(log.lines).toEqual([
      {
        level: "info",
        message: "code sent",
        fields: {
          challengeId: "challenge-1",
          channel: "email",
          to: "a***@example.com",
          try: 1,
          provider: "fake",
          detail: "ok",
        },
      },
    ]);
  });

  test("what was in the outbox at the start is sent without a wake", async () => {
    store.put(delivery());
    await start();
    expect(provider.taken).toHaveLength(1);
  });

  test("what another process put there is sent within a second", async () => {
    await start();
    store.put(delivery());
    await time.advance(1000);
    expect(provider.taken).toHaveLength(1);
  });

  test("a decoy, or a message whose challenge is gone, is settled without a send, a log line or an opened code", async () => {
    store.put(null);
    await start({ openCode: () => expect.fail("opened") });
    await time.advance(100);
    expect([provider.taken.length, store.open().length, log.lines.length]).toEqual([0, 0, 0]);
    expect(store.settlements.flat()).toEqual([{ outboxId: 1, tries: 1, retryAt: null, carrier: 0, unknowns: 0, ended: null }]);
  });

  test("a message whose code expired before it was claimed is not opened or sent, and its end is recorded and logged", async () => {
    store.put(delivery({ expiresAt: time.clock() - 1 }));
    await start({ isForeign: () => expect.fail("asked"), openCode: () => expect.fail("opened") });
    await time.advance(100);
    expect([provider.taken.length, store.open().length]).toEqual([0, 0]);
    const detail = "its challenge expired before it could be sent";
    expect(store.ended()).toMatchObject([{ messageId: 1, status: "expired", ended: { provider: "", detail } }]);
    expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([`error code given up: ${detail}`]);
  });

  test("sends of one moment are begun together, and settled in one operation", async () => {
    for (let index = 0; index < 40; index += 1) store.put(index % 2 === 0 ? delivery() : null);
    await start();
    await time.advance(100);
    expect(provider.taken).toHaveLength(20);
    expect(store.claims.map(({ found }) => found).filter((found) => found > 0)).toEqual([40]);
    expect(store.settlements.map(({ length }) => length)).toEqual([40]);
  });

  test("no more messages are in flight than allowed, and the others follow as room is made", async () => {
    const holds = Array.from({ length: 10 }, held);
    provider.answers.push(...holds.map(({ answer }) => answer));
    for (let index = 0; index < 10; index += 1) store.put(delivery());
    await start({ inFlightMax: 4 });
    await time.advance(500);
    expect(provider.taken).toHaveLength(4);
    holds[2]?.give({ kind: "sent", detail: "" });
    await time.advance(10);
    expect(provider.taken).toHaveLength(5);
    for (const { give } of holds) give({ kind: "sent", detail: "" });
    await time.advance(200);
    expect([provider.taken.length, store.open().length]).toEqual([10, 0]);
  });

  test("every try of one send has the same key, another send of the challenge another one", async () => {
    provider.answers.push(temporary);
    store.put(delivery());
    await start();
    store.put(delivery(), time.clock() + 30_000);
    await time.advance(40_000);
    const keys = provider.taken.map(({ sendKey }) => sendKey);
    expect(keys).toHaveLength(3);
    expect([keys[0] === keys[1], keys[0] === keys[2]]).toEqual([true, false]);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  test("the message says how long the code is still valid when it is sent", async () => {
    store.put(delivery(), time.clock() + 3 * minute);
    await start();
    await time.advance(3 * minute + 1000);
    expect(provider.taken[0]?.text).toContain("valid for 2 minutes");
  });

  test("tries are told to the hook for metrics", async () => {
    const tries: unknown[] = [];
    provider.answers.push(temporary);
    store.put(delivery());
    await start({ onTry: (attempt) => tries.push(attempt) });
    await time.advance(2000);
    expect(tries).toEqual([
      { channel: "email", provider: "fake", kind: "temporary" },
      { channel: "email", provider: "fake", kind: "sent" },
    ]);
  });
});

describe("cost", () => {
  test("an idle process looks once a second, by a read, and claims nothing", async () => {
    await start();
    const { length } = store.claims;
    const looks = store.looks();
    await time.advance(60_000);
    expect([store.claims.length - length, store.looks() - looks, store.settlements.length]).toEqual([0, 60, 0]);
    expect(time.pending()).toBe(1);
  });

  test("a thousand wakes of a moment are one claim", async () => {
    const { wake } = await start();
    await time.advance(10);
    const { length } = store.claims;
    store.put(delivery());
    for (let index = 0; index < 1000; index += 1) wake();
    await time.advance(100);
    expect(store.claims.slice(length)).toEqual([{ limit: 64, found: 1 }]);
  });

  test("a wake during a claim is not lost", async () => {
    const { wake } = await start();
    await time.advance(10);
    const claim = store.outbox.claim;
    store.outbox.claim = async (change) => {
      const found = await claim(change);
      // Committed too late for this claim.
      if (found.length > 0 && provider.taken.length === 0) {
        store.put(delivery());
        wake();
      }
      return found;
    };
    store.put(delivery());
    wake();
    await time.advance(10);
    expect(provider.taken).toHaveLength(2);
  });

  test("wakes every millisecond are claims every five", async () => {
    const { wake } = await start();
    await time.advance(10);
    const { length } = store.claims;
    for (let index = 0; index < 500; index += 1) {
      store.put(delivery());
      wake();
      await time.advance(1);
    }
    await time.advance(100);
    expect(provider.taken).toHaveLength(500);
    expect(store.claims.length - length).toBeLessThanOrEqual(101);
    expect(store.settlements.length).toBeLessThanOrEqual(101);
    expect(store.open()).toEqual([]);
  });
});

describe("stop", () => {
  test("resolves at once when there is nothing to do, twice as well, and leaves no timer", async () => {
    const { stop, wake } = await start();
    await Promise.all([stop(), stop()]);
    wake();
    store.put(delivery());
    await time.advance(minute);
    expect([time.pending(), provider.taken.length]).toEqual([0, 0]);
  });

  test("waits for what is in flight, settles it and claims nothing more", async () => {
    const { answer, give } = held();
    provider.answers.push(answer);
    store.put(delivery());
    const { stop, wake } = await start();
    let over = false;
    const stopped = stop().then(() => {
      over = true;
    });
    store.put(delivery());
    wake();
    await time.advance(5000);
    expect(over).toBe(false);
    give({ kind: "sent", detail: "" });
    await time.settle();
    await stopped;
    expect([provider.taken.length, store.open()]).toEqual([1, [2]]);
    expect(time.pending()).toBe(0);
  });

  test("waits for no provider longer than 10 s, and settles what else was sent", async () => {
    provider.answers.push(held().answer);
    store.put(delivery());
    store.put(delivery());
    const { stop } = await start();
    const stopped = stop();
    await time.advance(10_000);
    await stopped;
    expect(store.open()).toEqual([1]);
    expect(log.lines.at(-1)).toMatchObject({ level: "warn", fields: { sending: 1 } });
  });

  test("does not wait for a database that is down", async () => {
    store.put(delivery());
    const { stop } = await start();
    store.down = true;
    const stopped = stop();
    await time.settle();
    await stopped;
    expect(time.pending()).toBe(0);
  });
});
