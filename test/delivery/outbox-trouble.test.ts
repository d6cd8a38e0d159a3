import { describe, expect, test } from "vitest";
import { noJobs } from "../../src/delivery/jobs.js";
import { StoreBusyError, StoreUnavailableError } from "../../src/store/port/errors.js";
import { createFakeProvider, delivery } from "./fixtures.js";
import { held, log, minute, permanent, provider, start, store, temporary, time, useOutbox } from "./outbox-harness.js";

useOutbox();

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
    expect(store.settlements.flat()).toMatchObject([{ outboxId: 1, tries: 2, retryAt: null, ended: { status: "sent" } }]);
    expect(store.open()).toEqual([]);
  });

  test("a result that comes after another process took the message over changes nothing for that process", async () => {
    const { answer, give } = held();
    provider.answers.push(answer);
    store.put(delivery());
    await start();
    await store.outbox.claim({ now: time.clock() + minute, leaseMs: minute, limit: 1 });
    give(temporary);
    await time.advance(100);
    expect(store.dueAt(1)).toBe(time.clock() - 100 + 2 * minute);
  });

  test("a message of a process that died is sent when its lease ends", async () => {
    store.put(delivery());
    await store.outbox.claim({ now: time.clock(), leaseMs: minute, limit: 1 });
    await start();
    await time.advance(59_000);
    expect(provider.taken).toHaveLength(0);
    await time.advance(2000);
    expect(provider.taken).toHaveLength(1);
  });
});

describe("a message that another process took over", () => {
  test.each([
    ["no message comes", 0, 0],
    ["messages keep coming", 200, 0],
    ["messages keep coming and the clock was set back", 200, -60 * minute],
  ])("is forgotten within a second after its expiry while %s", async (_, everyMs, jumpMs) => {
    const jobs = noJobs();
    const carriers = [createFakeProvider("first"), provider];
    carriers[0]!.answers.push(permanent);
    provider.answers.push(temporary);
    const { wake } = await start({ jobs, carriers });
    time.jump(jumpMs);
    store.put(delivery({ expiresAt: time.clock() + minute }));
    wake();
    await time.advance(100);
    const [claimed] = await store.outbox.claim({ now: time.clock() + minute, leaseMs: minute, limit: 1 });
    const { outboxId, tries } = claimed!;
    const ended = { retryAt: null, carrier: 0, unknowns: 0, ended: null };
    await store.outbox.settle([{ outboxId, tries, ...ended }], new Set());
    async function pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += everyMs || ms) {
        if (everyMs > 0) store.put(delivery({ expiresAt: time.clock() + 60 * minute }));
        if (everyMs > 0) wake();
        await time.advance(everyMs || ms);
      }
    }
    await pass(minute - 200);
    expect(jobs.byId.has(outboxId)).toBe(true);
    await pass(1_200);
    expect(jobs.byId.has(outboxId)).toBe(false);
  });
});

describe("when the database is down", () => {
  test("it is tried ever more rarely, told once, and told again when it is over", async () => {
    const { wake } = await start();
    store.down = true;
    let uses = 0;
    const look = store.outbox.nextDueAt;
    store.outbox.nextDueAt = async () => {
      uses += 1;
      return await look();
    };
    const claim = store.outbox.claim;
    store.outbox.claim = async (change) => {
      uses += 1;
      return await claim(change);
    };
    for (let index = 0; index < 300; index += 1) {
      wake();
      await time.advance(200);
    }
    expect(uses).toBeLessThan(12);
    expect(log.lines.map(({ level }) => level)).toEqual(["error"]);
    // By the name under which the log prints errors without their stack.
    expect(log.lines[0]!.fields).toEqual({ error: expect.any(Error) });
    store.down = false;
    store.put(delivery());
    await time.advance(10_000);
    expect(provider.taken).toHaveLength(1);
    expect(log.lines.map(({ level, message }) => `${level}: ${message}`).sort()).toEqual([
      "error: outbox: the database can't be used; codes wait until it can",
      "info: code sent",
      "info: outbox: the database can be used again",
    ]);
  });

  test("what was sent before is settled when it is over, with the lease it was sent under", async () => {
    store.put(delivery());
    await start();
    store.down = true;
    await time.advance(20_000);
    store.down = false;
    await time.advance(10_000);
    expect(store.settlements.flat()).toMatchObject([{ outboxId: 1, tries: 1, retryAt: null, ended: { status: "sent" } }]);
    expect([provider.taken.length, store.open().length]).toEqual([1, 0]);
  });

  test("what was sent and could not be settled before its lease ran out is settled under the next one, not sent again", async () => {
    const settle = store.outbox.settle;
    store.outbox.settle = () => Promise.reject(new StoreUnavailableError("read-only"));
    store.put(delivery());
    const { wake } = await start();
    for (let index = 0; index < 90; index += 1) {
      wake();
      await time.advance(1000);
    }
    store.outbox.settle = settle;
    await time.advance(20_000);
    expect(store.settlements.flat()).toMatchObject([{ outboxId: 1, tries: 2, retryAt: null, ended: { status: "sent" } }]);
    expect([provider.taken.length, store.open().length]).toEqual([1, 0]);
  });

  test("an error that the port does not know stops it no more than an outage", async () => {
    const { wake } = await start();
    store.outbox.claim = () => Promise.reject(new TypeError("a bug"));
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

describe("when the database is busy", () => {
  const busy = () => Promise.reject(new StoreBusyError("too many calls"));

  test.each(["claim", "settle"] as const)(
    "for %s, it is asked again within 250 ms, and the log has no line of it",
    async (operation) => {
      const good = store.outbox[operation];
      const asked: number[] = [];
      store.outbox[operation] = () => {
        asked.push(time.clock());
        return busy();
      };
      store.put(delivery());
      await start({ random: () => 0.999 });
      await time.advance(5_000);
      const waits = asked.slice(1).map((at, index) => at - asked[index]!);
      expect(waits.length).toBeGreaterThan(15);
      for (const waited of waits) expect([waited >= 50, waited <= 250]).toEqual([true, true]);
      Object.assign(store.outbox, { [operation]: good });
      await time.advance(600);
      expect([provider.taken.length, store.open().length]).toEqual([1, 0]);
      expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual(["info code sent"]);
    },
  );

  test("while it stops, what was sent is settled all the same", async () => {
    const { settle } = store.outbox;
    store.outbox.settle = busy;
    store.put(delivery());
    const { stop } = await start();
    const stopped = stop();
    await time.advance(1_000);
    store.outbox.settle = settle;
    await time.advance(300);
    await stopped;
    expect([provider.taken.length, store.open().length]).toEqual([1, 0]);
  });
});

describe("a message whose key only another process has", () => {
  test("is put off until that process takes it, and given up by none before its challenge expires", async () => {
    store.put(delivery());
    await start({ isForeign: async () => true });
    await time.advance(2 * minute);
    expect(store.open()).toEqual([1]);
    expect(provider.taken).toHaveLength(0);
    const tries = store.claims.filter(({ found }) => found > 0).length;
    expect(tries).toBeGreaterThan(100);
    expect(tries).toBeLessThan(130);
    expect(log.lines).toEqual([]);
    await start();
    await time.advance(3_000);
    expect(provider.taken).toHaveLength(1);
    expect(store.open()).toEqual([]);
  });

  test("ends with its challenge, which the log tells", async () => {
    store.put(delivery({ expiresAt: time.clock() + 10_000 }));
    await start({ isForeign: async () => true });
    await time.advance(11_000);
    expect(store.open()).toEqual([]);
    expect(provider.taken).toHaveLength(0);
    expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "error code given up: its challenge expires before a process with its key can take it",
    ]);
  });

  test("is put off as well while the database can't say whose the key is", async () => {
    store.put(delivery());
    let down = true;
    await start({
      isForeign: async () => {
        if (down) throw new StoreUnavailableError("the database is down");
        return false;
      },
    });
    await time.advance(3_000);
    expect(store.open()).toEqual([1]);
    down = false;
    await time.advance(3_000);
    expect(provider.taken).toHaveLength(1);
  });
});
