import { setMaxListeners } from "node:events";
import { beforeEach, describe, expect, it } from "vitest";
import { createHashQueue, type HashQueue, HashQueueFullError, type MayLeave } from "../../src/crypto/hash-queue.js";

const never = new AbortController();
setMaxListeners(0, never.signal);

describe("the hash queue", () => {
  let queue: HashQueue;
  let started: string[];
  let finish: Map<string, () => void>;

  beforeEach(() => {
    queue = createHashQueue(2);
    started = [];
    finish = new Map();
  });

  /** Work that notes its start and lasts until it is finished by name. */
  function begin(name: string, kind: "verify" | "send" = "verify", caller: MayLeave = never): Promise<string> {
    const hash = (): Promise<string> => {
      started.push(name);
      return new Promise((resolve) => finish.set(name, () => resolve(name)));
    };
    return kind === "send" ? queue.send(caller, hash) : queue.verify(caller, (place) => place.run(hash));
  }

  async function settled(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  async function end(name: string): Promise<void> {
    finish.get(name)!();
    await settled();
  }

  it("runs as many at once as it is told to, and the next when one is done", async () => {
    for (const name of ["a", "b", "c", "d"]) void begin(name);
    await settled();
    expect(started).toEqual(["a", "b"]);
    expect(queue.waiting()).toBe(2);
    await end("b");
    expect(started).toEqual(["a", "b", "c"]);
    expect(queue.waiting()).toBe(1);
  });

  it("lets verifies go before sends, and each kind in its order", async () => {
    for (const name of ["a", "b"]) void begin(name);
    for (const name of ["s1", "s2"]) void begin(name, "send");
    for (const name of ["v1", "v2"]) void begin(name, "verify");
    await settled();
    for (const name of ["a", "b", "v1", "v2"]) await end(name);
    expect(started).toEqual(["a", "b", "v1", "v2", "s1", "s2"]);
  });

  it("takes at most 64 waiting, 32 of them sends; one more is refused at once and never runs", async () => {
    for (const name of ["a", "b"]) void begin(name);
    for (let index = 0; index < 32; index += 1) void begin(`s${index}`, "send");
    await expect(begin("one send too many", "send")).rejects.toBeInstanceOf(HashQueueFullError);
    for (let index = 0; index < 32; index += 1) void begin(`v${index}`);
    await expect(begin("one too many")).rejects.toBeInstanceOf(HashQueueFullError);
    await expect(begin("one send too many", "send")).rejects.toBeInstanceOf(HashQueueFullError);
    expect(queue.waiting()).toBe(64);
    await settled();
    for (let index = 0; index < 70; index += 1) for (const name of [...finish.keys()]) await end(name);
    expect(started).toHaveLength(66);
    expect(started.some((name) => name.includes("too many"))).toBe(false);
    await settled();
    expect(queue.waiting()).toBe(0);
  });

  it("refuses nobody while there are slots, however many", async () => {
    queue = createHashQueue(40);
    for (let index = 0; index < 40; index += 1) void begin(`s${index}`, "send");
    await settled();
    expect(started).toHaveLength(40);
  });

  it("keeps a verify's place before its hash, which takes no slot", async () => {
    let spent = (): void => {};
    const reserved = queue.verify(never, async (place) => {
      await new Promise<void>((resolve) => {
        spent = resolve;
      });
      return await place.run(async () => "hashed");
    });
    for (const name of ["a", "b"]) void begin(name);
    for (let index = 0; index < 63; index += 1) void begin(`v${index}`);
    await settled();
    expect([started, queue.waiting()]).toEqual([["a", "b"], 63]);
    await expect(begin("one too many")).rejects.toBeInstanceOf(HashQueueFullError);
    await expect(begin("one send too many", "send")).rejects.toBeInstanceOf(HashQueueFullError);
    spent();
    await settled();
    expect(queue.waiting()).toBe(64);
    for (let index = 0; index < 66; index += 1) for (const name of [...finish.keys()]) await end(name);
    expect(await reserved).toBe("hashed");
  });

  it("gives back the place of a verify that ends without a hash, whether or not it failed", async () => {
    for (let index = 0; index < 100; index += 1) {
      await queue.verify(never, async () => "refused");
      await expect(queue.verify(never, () => Promise.reject(new Error("a fault")))).rejects.toThrow("a fault");
    }
    for (let index = 0; index < 66; index += 1) void begin(String(index));
    await expect(begin("one too many")).rejects.toBeInstanceOf(HashQueueFullError);
  });

  it("does not ask a caller for its signal unless it has to wait", async () => {
    const asked: string[] = [];
    const caller = (name: string): MayLeave => ({
      get signal() {
        asked.push(name);
        return never.signal;
      },
    });
    for (const name of ["a", "b", "c"]) void begin(name, "verify", caller(name));
    await settled();
    expect(asked).toEqual(["c"]);
  });

  it("tells a refused caller how long to wait: at least 100 ms, more the longer the queue and the hashes are", async () => {
    for (let index = 0; index < 66; index += 1) void begin(String(index));
    const refused = (await begin("refused").catch((error: unknown) => error)) as HashQueueFullError;
    expect(refused.retryAfterMs).toBeGreaterThanOrEqual(100);
    expect(refused.retryAfterMs).toBeLessThan(60_000);
    expect(Number.isInteger(refused.retryAfterMs)).toBe(true);
  });

  it("frees the place of a caller who goes away while waiting, with that caller's reason, and never runs the work", async () => {
    for (const name of ["a", "b"]) void begin(name);
    const gone = new AbortController();
    const waiting = begin("gone", "verify", gone);
    void begin("next");
    gone.abort(new Error("went away"));
    await expect(waiting).rejects.toThrow("went away");
    expect(queue.waiting()).toBe(1);
    await end("a");
    expect(started).toEqual(["a", "b", "next"]);
  });

  it("frees 64 places at once when all who wait go away", async () => {
    for (const name of ["a", "b"]) void begin(name);
    const gone = new AbortController();
    setMaxListeners(0, gone.signal);
    const waiting = Array.from({ length: 64 }, (_, index) => begin(`g${index}`, "verify", gone));
    const outcomes = Promise.allSettled(waiting);
    gone.abort(new Error("went away"));
    expect((await outcomes).every(({ status }) => status === "rejected")).toBe(true);
    expect(queue.waiting()).toBe(0);
    void begin("next");
    await end("b");
    expect(started).toEqual(["a", "b", "next"]);
  });

  it("does not queue a caller who is gone already", async () => {
    for (const name of ["a", "b"]) void begin(name);
    await expect(begin("gone", "verify", { signal: AbortSignal.abort(new Error("gone before")) })).rejects.toThrow(
      "gone before",
    );
    expect(queue.waiting()).toBe(0);
  });

  it("an abort after the start leaves the slot taken until the work is done", async () => {
    const late = new AbortController();
    const running = begin("a", "verify", late);
    void begin("b");
    void begin("c");
    await settled();
    late.abort();
    await settled();
    expect(started).toEqual(["a", "b"]);
    await end("a");
    expect(await running).toBe("a");
    expect(started).toEqual(["a", "b", "c"]);
  });

  it("hands the slot on when work fails, and keeps count over 1000 mixed calls", async () => {
    let running = 0;
    let most = 0;
    const work = async (index: number): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await settled();
      running -= 1;
      if (index % 3 === 0) throw new Error("a fault");
    };
    for (let round = 0; round < 20; round += 1) {
      const calls = Array.from({ length: 50 }, (_, index) => queue.verify(never, (place) => place.run(() => work(index))));
      await Promise.allSettled(calls);
    }
    expect(most).toBe(2);
    expect([running, queue.waiting()]).toEqual([0, 0]);
    for (const name of ["a", "b", "c"]) void begin(name);
    await settled();
    expect(started).toEqual(["a", "b"]);
  });
});
