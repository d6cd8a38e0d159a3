import { beforeEach, describe, expect, it, vi } from "vitest";
import { loadCurrentKeys } from "../../src/crypto/current-keys.js";
import { checkKeys, type Keyrings, WrongKeyError } from "../../src/crypto/key-checks.js";
import { createHeartbeat } from "../../src/server/heartbeat.js";
import type { Store } from "../../src/store/port/store.js";
import { openMemory, ringOf, t0 } from "../crypto/fixtures.js";
import { eventually, startTestApp } from "../support/app.js";
import { query, testDatabases, urlOf } from "../support/postgres.js";

const databases = testDatabases();

describe("a heartbeat", () => {
  let store: Store;
  beforeEach(async () => {
    store = await openMemory();
    await checkKeys(store, ringsOf(["m1", "m2"], ["p1"]));
  });

  const ringsOf = (master: string[], pepper: string[]): Keyrings => ({ master: ringOf(...master), pepper: ringOf(...pepper) });

  async function beating(rings: Keyrings) {
    await loadCurrentKeys(store, rings);
    return createHeartbeat({ store, rings, version: "1.2.3", addresses: ["127.0.0.1:1"], clock: () => t0 });
  }

  async function promote(keyId: string): Promise<void> {
    const check = ringOf(keyId).checkValue(keyId);
    expect(await store.keys.promote({ use: "master", keyId, check, seenAfter: t0 })).toEqual({ kind: "promoted" });
  }

  it("takes over a promoted key, and the next one says so", async () => {
    const rings = ringsOf(["m1", "m2"], ["p1"]);
    const heartbeat = await beating(rings);
    await heartbeat.beat();
    await promote("m2");
    await heartbeat.beat();
    expect(rings.master.currentId).toBe("m2");
    expect((await store.processes.list())[0]?.writesWith).toEqual({ master: "m1", pepper: "p1" });
    await heartbeat.beat();
    expect((await store.processes.list())[0]?.writesWith).toEqual({ master: "m2", pepper: "p1" });
  });

  it("fails, and changes no key, while a current key is not configured", async () => {
    const rings = ringsOf(["m1"], ["p1"]);
    const heartbeat = await beating(rings);
    await heartbeat.beat();
    await promote("m2");
    await expect(heartbeat.beat()).rejects.toThrow(
      new WrongKeyError(
        "LATCHKEY_MASTER_KEY id m2 is the current key and is not configured here: add it as m2:<base64> and restart",
      ),
    );
    expect(rings.master.currentId).toBe("m1");
  });

  it("is written no more after a stop, which does not wait long for a database that is gone", async () => {
    const heartbeat = await beating(ringsOf(["m1"], ["p1"]));
    const last = heartbeat.beat();
    await heartbeat.stop();
    await last;
    expect(await store.processes.list()).toEqual([]);

    const hangs = () => new Promise<never>(() => {});
    const gone = { ...store, processes: { ...store.processes, beat: hangs, leave: hangs } };
    const { beat, stop } = createHeartbeat({
      store: gone,
      rings: ringsOf(["m1"], ["p1"]),
      version: "",
      addresses: [],
      clock: () => t0,
    });
    vi.useFakeTimers();
    void beat();
    let stopped = false;
    void stop().then(() => {
      stopped = true;
    });
    await vi.advanceTimersByTimeAsync(1_000);
    vi.useRealTimers();
    expect(stopped).toBe(true);
  });
});

it("a process that was withdrawn writes heartbeats until it has stopped", async () => {
  const location = await databases.create();
  const on = await startTestApp({ LATCHKEY_DATABASE_URL: urlOf(location) }, { clock: Date.now });
  const seenAt = async () =>
    (await query<{ seen_at: string }>(location, "SELECT seen_at FROM processes")).map((row) => Number(row.seen_at))[0];
  on.app.withdraw();
  const before = (await seenAt())!;
  await eventually("a later heartbeat", async () => (await seenAt())! > before || undefined);
  await on.stop();
  expect(await seenAt()).toBeUndefined();
});
