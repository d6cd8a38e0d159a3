import { beforeEach, describe, expect, it } from "vitest";
import { createForeignKeys, type ForeignKeys } from "../../src/crypto/foreign-keys.js";
import type { KeyCheck } from "../../src/store/port/keys.js";
import { ringOf } from "./fixtures.js";

const master = (keyId: string) => ({ use: "master", keyId }) as const;

describe("foreign keys", () => {
  let known: Pick<KeyCheck, "use" | "keyId">[];
  let reads: number;
  let failure: Error | null;
  let now: number;
  let told: string[];
  /** Sleepers, by when they wake. */
  let sleeping: { readonly at: number; readonly wake: () => void }[];
  let keys: ForeignKeys;

  beforeEach(() => {
    known = [master("m1"), { use: "pepper", keyId: "p1" }];
    reads = 0;
    failure = null;
    now = 1_000_000;
    told = [];
    sleeping = [];
    keys = createForeignKeys({
      store: {
        keys: {
          async listChecks() {
            reads += 1;
            if (failure !== null) throw failure;
            return known.map((key) => ({ ...key, check: Buffer.alloc(32) }));
          },
        },
      },
      rings: { master: ringOf("m1"), pepper: ringOf("p1") },
      onMissing: ({ use, keyId }, work, isNews) => told.push(`${work} ${use} ${keyId}${isNews ? "!" : ""}`),
      now: () => now,
      sleep: (ms) => new Promise((wake) => sleeping.push({ at: now + ms, wake })),
    });
  });

  async function advance(ms: number): Promise<void> {
    now += ms;
    for (const { wake } of sleeping.filter(({ at }) => at <= now)) wake();
    sleeping = sleeping.filter(({ at }) => at > now);
    await new Promise((resolve) => setImmediate(resolve));
  }

  it("a configured key is none, which costs no read", async () => {
    expect(await keys.isForeign(master("m1"), "refresh")).toBe(false);
    expect([reads, told]).toEqual([0, []]);
  });

  it("a key that was added a moment after the last read is found, not taken for garbage", async () => {
    expect(await keys.isForeign(master("m2"), "refresh")).toBe(false);
    known.push(master("m2"));
    const answer = keys.isForeign(master("m2"), "refresh");
    await advance(999);
    expect(reads).toBe(1);
    await advance(1);
    expect(await answer).toBe(true);
    expect(reads).toBe(2);
    expect(told).toEqual(["refresh master m2!"]);
  });

  it("a master key is no pepper of the same id", async () => {
    expect(await keys.isForeign({ use: "pepper", keyId: "m2" }, "verify")).toBe(false);
    known.push(master("m2"));
    const answer = keys.isForeign({ use: "pepper", keyId: "m2" }, "verify");
    await advance(1_000);
    expect(await answer).toBe(false);
  });

  it("a thousand invented ids cost one read a second, hold a hundred calls at most and are all refused, now or later", async () => {
    const answers = Array.from({ length: 1_000 }, (_, n) => keys.isForeign(master(`x${n}`), "refresh"));
    await advance(0);
    const first = await Promise.all(answers);
    expect(first.filter((answer) => !answer)).toHaveLength(100);
    expect(reads).toBe(1);
    const later = Array.from({ length: 1_000 }, (_, n) => keys.isForeign(master(`y${n}`), "refresh"));
    await advance(500);
    expect(reads).toBe(1);
    await advance(500);
    await Promise.all(later);
    expect(reads).toBe(2);
    // The ones beyond the hundred are asked to come again; nothing is told of keys that the database does not know.
    expect(told).toEqual([]);
  });

  it("a known one costs one read a second however often it is asked for, and is told once a minute", async () => {
    known.push(master("m2"));
    for (let call = 0; call < 1_000; call += 1) expect(await keys.isForeign(master("m2"), "deliver")).toBe(true);
    expect(reads).toBe(1);
    expect(told).toHaveLength(1_000);
    expect(told.filter((line) => line.endsWith("!"))).toHaveLength(1);
    await advance(60_000);
    await keys.isForeign(master("m2"), "deliver");
    expect(told.at(-1)).toBe("deliver master m2!");
  });

  it("a retired one is garbage a second later", async () => {
    known.push(master("m2"));
    expect(await keys.isForeign(master("m2"), "refresh")).toBe(true);
    known.pop();
    await advance(1_000);
    expect(await keys.isForeign(master("m2"), "refresh")).toBe(false);
  });

  it("while the database can't be read nothing is taken for garbage", async () => {
    failure = new Error("down");
    await expect(keys.isForeign(master("m2"), "refresh")).rejects.toThrow("down");
    failure = null;
    const answer = keys.isForeign(master("m2"), "refresh");
    await advance(1_000);
    expect(await answer).toBe(false);
  });
});
