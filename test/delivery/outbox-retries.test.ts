import { describe, expect, test } from "vitest";
import { code, createFakeProvider, delivery } from "./fixtures.js";
import { log, minute, permanent, provider, reset, start, store, temporary, time, useOutbox } from "./outbox-harness.js";

useOutbox();

describe("retries", () => {
  test("wait 1 s, 2, 4 … 60 s, each a quarter more or less", async () => {
    for (const [random, factor] of [
      [0, 0.75],
      [0.5, 1],
      [0.999_999, 1.25],
    ] as const) {
      reset();
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
      message: "code given up: it expires before the next try",
    });
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  test("a message whose challenge ends between two tries is settled as lapsed, without a send", async () => {
    provider.answers.push(temporary);
    store.put(delivery());
    await start();
    await time.advance(500);
    const claim = store.outbox.claim;
    store.outbox.claim = async (change) => (await claim(change)).map((message) => ({ ...message, delivery: null }));
    await time.advance(10_000);
    expect(provider.taken).toHaveLength(1);
    expect(store.open()).toEqual([]);
    const [tried, ended] = store.settlements.flat();
    expect(tried!.lapsed).toBeUndefined();
    const { lapsed, ...rest } = ended!;
    expect(rest).toMatchObject({ retryAt: null, ended: null });
    expect(lapsed).toMatchObject({ provider: "", result: "temporary", detail: "its challenge ended before the next try" });
    expect(time.clock() - lapsed!.endedAt).toBeLessThanOrEqual(10_000);
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
    await start({ carriers: [createFakeProvider("mail", ["email"])] });
    await time.advance(100);
    expect(store.open()).toEqual([]);
    expect(log.lines).toMatchObject([
      { level: "error", message: "code given up: no provider carries sms", fields: { to: "*******0132" } },
    ]);
  });
});
