import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeliveryResult } from "../../src/delivery/channel.js";
import { type Outbox, type OutboxDeps, startOutbox } from "../../src/delivery/outbox.js";
import { createFakeOutboxStore, type FakeOutboxStore } from "./fake-outbox-store.js";
import { createFakeTime, type FakeTime } from "./fake-time.js";
import { code, createFakeLog, createFakeProvider, delivery, type FakeProvider } from "./fixtures.js";

const temporary: DeliveryResult = { kind: "temporary", detail: "busy" };
const permanent: DeliveryResult = { kind: "permanent", detail: "recipient refused" };
const minute = 60_000;

let time: FakeTime;
let store: FakeOutboxStore;
let log: ReturnType<typeof createFakeLog>;
let provider: FakeProvider;
let outbox: Outbox | undefined;

beforeEach(() => {
  time = createFakeTime();
  store = createFakeOutboxStore();
  log = createFakeLog();
  provider = createFakeProvider();
  outbox = undefined;
});

afterEach(() => {
  // Whatever happened, no line tells a code or a whole destination.
  expect(JSON.stringify(log.lines)).not.toMatch(new RegExp(`${code}|ada@|4155550132`));
});

/** Starts an outbox and lets its first look at the store be over. */
async function start(change: Partial<OutboxDeps> = {}): Promise<Outbox> {
  outbox = startOutbox({
    store,
    clock: time.clock,
    timers: time.timers,
    log,
    openCode: ({ sealedCode }) => Buffer.from(sealedCode).toString(),
    providers: [provider],
    appName: "Latchkey",
    random: () => 0.5,
    ...change,
  });
  await time.settle();
  return outbox;
}

/** A provider's answer that is given by hand. */
function held(): { readonly answer: Promise<DeliveryResult>; give(result: DeliveryResult): void } {
  let give: (result: DeliveryResult) => void = () => {};
  const answer = new Promise<DeliveryResult>((resolve) => {
    give = resolve;
  });
  return { answer, give: (result) => give(result) };
}

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
    store.put(delivery({ expiresAt: time.clock() - 1 }));
    await start({ openCode: () => expect.fail("opened") });
    await time.advance(100);
    expect([provider.taken.length, store.open().length, log.lines.length]).toEqual([0, 0, 0]);
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
    const claim = store.claimMessages;
    store.claimMessages = async (change) => {
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

describe("retries", () => {
  test("wait 1 s, 2, 4 … 60 s, each a quarter more or less", async () => {
    for (const [random, factor] of [
      [0, 0.75],
      [0.5, 1],
      [0.999_999, 1.25],
    ] as const) {
      time = createFakeTime();
      store = createFakeOutboxStore();
      provider = createFakeProvider();
      provider.answers.push(...Array.from({ length: 12 }, () => temporary));
      const at: number[] = [];
      store.put(delivery({ expiresAt: time.clock() + 10 * minute }));
      const { stop } = await start({ random: () => random, onTry: () => at.push(time.clock()) });
      await time.advance(10 * minute);
      const waits = at.slice(1).map((tried, index) => tried - at[index]!);
      for (const [index, waited] of waits.entries()) {
        const wanted = Math.min(60_000, Math.min(60_000, 1000 * 2 ** index) * factor);
        expect(waited).toBeGreaterThanOrEqual(wanted - 1);
        expect(waited).toBeLessThanOrEqual(wanted + 60);
      }
      expect(waits.length).toBeGreaterThan(8);
      await stop();
    }
  });

  test("a temporary failure is a warning with the number of the try, and the next try is sent", async () => {
    provider.answers.push(temporary, new Error(`can't send ${code} to ada@example.com`));
    store.put(delivery());
    await start();
    await time.advance(10_000);
    expect(log.lines.map(({ level, fields, message }) => [level, fields.try, fields.detail, message])).toEqual([
      ["warn", 1, "busy", "code not sent yet"],
      ["warn", 2, "the provider failed (Error)", "code not sent yet"],
      ["info", 3, "ok", "code sent"],
    ]);
    expect(store.open()).toEqual([]);
  });

  test("a permanent refusal is given up at once, as an error", async () => {
    provider.answers.push(permanent);
    store.put(delivery());
    await start();
    await time.advance(minute);
    expect([provider.taken.length, store.open().length]).toEqual([1, 0]);
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([["error", "code given up: refused"]]);
  });

  test("it is given up when the next try would come after the challenge's expiry, as an error", async () => {
    provider.answers.push(...Array.from({ length: 20 }, () => temporary));
    const expiresAt = time.clock() + 5 * minute;
    const at: number[] = [];
    store.put(delivery({ expiresAt }));
    await start({ onTry: () => at.push(time.clock()) });
    await time.advance(10 * minute);
    expect(Math.max(...at)).toBeLessThan(expiresAt);
    expect(store.open()).toEqual([]);
    expect(log.lines.at(-1)).toMatchObject({
      level: "error",
      message: "code given up: its challenge expires before the next try",
    });
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  test.each([
    ["can't be opened", () => null],
    [
      "makes the opener throw",
      () => {
        throw new Error(`bad seal around ${code}`);
      },
    ],
  ])("a sealed code that %s is given up, as an error", async (_name, openCode) => {
    store.put(delivery());
    await start({ openCode });
    await time.advance(minute);
    expect([provider.taken.length, store.open().length]).toEqual([0, 0]);
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ["error", "code given up: its sealed copy can't be opened"],
    ]);
  });

  test("a channel that no provider carries is given up, as an error", async () => {
    store.put(delivery({ channel: "sms", contact: { kind: "phone", value: "+14155550132" } }));
    await start({ providers: [createFakeProvider("mail", ["email"])] });
    await time.advance(100);
    expect(store.open()).toEqual([]);
    expect(log.lines).toMatchObject([
      { level: "error", message: "code given up: no provider carries this channel", fields: { to: "*******0132" } },
    ]);
  });
});

describe("several providers of a channel", () => {
  test("each gets the message, and only those that did not take or refuse it get it again", async () => {
    const [took, refused, late] = [createFakeProvider("took"), createFakeProvider("refused"), createFakeProvider("late")];
    const other = createFakeProvider("other", ["sms"]);
    refused.answers.push(permanent);
    late.answers.push(temporary, temporary);
    store.put(delivery());
    await start({ providers: [took, refused, late, other] });
    await time.advance(minute);
    expect([took, refused, late, other].map(({ taken }) => taken.length)).toEqual([1, 1, 3, 0]);
    expect(store.open()).toEqual([]);
  });

  test("what a provider took is forgotten when the message is settled", async () => {
    const [took, late] = [createFakeProvider("took"), createFakeProvider("late")];
    late.answers.push(temporary);
    const first = store.put(delivery());
    await start({ providers: [took, late] });
    await time.advance(5000);
    expect(store.open()).toEqual([]);
    expect(store.settlements.flat().filter(({ outboxId }) => outboxId === first)).toHaveLength(2);
  });
});

describe("leases", () => {
  test("a message whose lease ran out while it was being sent is not sent again by this process, and settled with the new lease", async () => {
    const { answer, give } = held();
    provider.answers.push(answer);
    store.put(delivery());
    await start();
    time.jump(2 * minute); // the machine slept
    await time.advance(2000);
    expect(store.claims.filter(({ found }) => found > 0)).toHaveLength(2);
    expect(provider.taken).toHaveLength(1);
    give({ kind: "sent", detail: "ok" });
    await time.advance(100);
    expect(store.settlements.flat()).toEqual([{ outboxId: 1, tries: 2, retryAt: null }]);
    expect(store.open()).toEqual([]);
  });

  test("a result that comes after another process took the message over changes nothing for that process", async () => {
    const { answer, give } = held();
    provider.answers.push(answer);
    store.put(delivery());
    await start();
    await store.claimMessages({ now: time.clock() + minute, leaseMs: minute, limit: 1 });
    give(temporary);
    await time.advance(100);
    expect(store.dueAt(1)).toBe(time.clock() - 100 + 2 * minute);
  });

  test("a message of a process that died is sent when its lease ends", async () => {
    store.put(delivery());
    await store.claimMessages({ now: time.clock(), leaseMs: minute, limit: 1 });
    await start();
    await time.advance(59_000);
    expect(provider.taken).toHaveLength(0);
    await time.advance(2000);
    expect(provider.taken).toHaveLength(1);
  });
});

describe("when the database is down", () => {
  test("it is tried ever more rarely, told once, and told again when it is over", async () => {
    const { wake } = await start();
    store.down = true;
    let uses = 0;
    const look = store.nextMessageDueAt;
    store.nextMessageDueAt = async () => {
      uses += 1;
      return await look();
    };
    const claim = store.claimMessages;
    store.claimMessages = async (change) => {
      uses += 1;
      return await claim(change);
    };
    for (let index = 0; index < 300; index += 1) {
      wake();
      await time.advance(200);
    }
    expect(uses).toBeLessThan(12);
    expect(log.lines.map(({ level }) => level)).toEqual(["error"]);
    store.down = false;
    store.put(delivery());
    await time.advance(10_000);
    expect(provider.taken).toHaveLength(1);
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ["error", "outbox: the database can't be used, codes wait until it can"],
      ["info", "outbox: the database can be used again"],
      ["info", "code sent"],
    ]);
  });

  test("what was sent meanwhile is settled later and not sent again, even if its lease ran out", async () => {
    store.put(delivery());
    await start();
    store.down = true;
    await time.advance(90_000);
    store.down = false;
    await time.advance(20_000);
    expect([provider.taken.length, store.open().length]).toEqual([1, 0]);
  });

  test("an error that the port does not know stops it no more than an outage", async () => {
    const { wake } = await start();
    store.claimMessages = () => Promise.reject(new TypeError("a bug"));
    wake();
    await time.advance(minute);
    expect(log.lines.map(({ level }) => level)).toEqual(["error"]);
    expect(time.pending()).toBe(1);
  });

  test("a clock that is set back by an hour delays no wake and no poll by more than a second", async () => {
    const { wake } = await start();
    time.jump(-60 * minute);
    store.put(delivery());
    wake();
    await time.advance(1000);
    store.put(delivery());
    await time.advance(2000);
    expect(provider.taken).toHaveLength(2);
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
