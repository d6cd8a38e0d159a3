import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import type { Store } from "../../src/store/port/store.js";
import { findDefect } from "../../src/store/sqlite/copies.js";
import { openSqlite } from "../../src/store/sqlite/sqlite.js";
import { times, unique } from "../store/contract/fixtures.js";
import { company, flushedActs, named, unflushedActs } from "../store/power/acts.js";
import { describeLossOfPower } from "../store/power/loss-of-power.js";
import { type Disk, watchDisk } from "../store/power/sqlite-disk.js";
import { tempDir } from "../store/temp-dir.js";
import { createRandom } from "./random.js";

const folder = tempDir();
const power = watchDisk(folder);
afterAll(power.end);

interface Opened {
  readonly store: Store;
  readonly disk: Disk;
}

function open(path: string): Opened {
  const store = openSqlite({ path, inFlight: () => 0 });
  return { store, disk: power.disk(path) };
}

const newPath = () => join(folder, `${unique("power")}.db`);

describeLossOfPower("SQLite", async () => {
  const opened = [open(newPath())];
  return {
    store: opened[0]!.store,
    async cut() {
      const copy = opened.at(-1)!.disk.cut();
      expect(findDefect(copy)).toBe(null);
      opened.push(open(copy));
      return opened.at(-1)!.store;
    },
    close: async () => void (await Promise.all(opened.map(({ store }) => store.close()))),
  };
});

describe("loss of power on SQLite", () => {
  afterEach(() => vi.useRealTimers());

  it.each(named(unflushedActs))(
    "a second later no longer forgets %s, though nothing else was written",
    async (_, { prepare }) => {
      const { store, disk } = open(newPath());
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const { act, promise } = await prepare(store);
      await vi.advanceTimersByTimeAsync(1_000);
      await act();
      await vi.advanceTimersByTimeAsync(1_000);
      const after = open(disk.cut()).store;
      await promise(after);
      await Promise.all([store.close(), after.close()]);
    },
  );

  it("flushes nothing while nothing is written: an idle server leaves the disk alone", async () => {
    const { store, disk } = open(newPath());
    // The first write marks the time, as every ten seconds would.
    await store.upkeep.ping();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const before = disk.flushes();
    for (const _ of times(10, Number)) {
      await store.upkeep.sweep({ now: 0, limit: 100 });
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(disk.flushes()).toBe(before);
    await store.close();
  });

  it("at any moment of a load leaves a sound database that keeps every promise, whatever of the rest reached the disk", async () => {
    const random = createRandom(Number(process.env.LATCHKEY_POWER_SEED ?? 1));
    let { store, disk } = open(newPath());
    const promises: ((store: Store) => Promise<void>)[] = [];
    for (const round of times(25, Number)) {
      const chosen = times(random.between(1, 6), () => random.pick(flushedActs)!);
      const prepared = await Promise.all(chosen.map((one) => one.prepare(store)));
      const answered: (typeof promises)[number][] = [];
      const acts = prepared.map(({ act, promise }) => act().then(() => answered.push(promise)));
      const all = [...acts, ...times(6, () => company(store))];
      // The power goes with the first of them, with all, or on the way.
      await (random.chance(0.3) ? Promise.race(all) : Promise.all(all));
      promises.push(...answered);
      const copy = disk.cut(random.chance(0.3) ? undefined : random);
      await Promise.all(all);
      if (round % 5 === 0) await store.upkeep.scrub();
      await store.close();
      expect(findDefect(copy), `round ${round}`).toBe(null);
      ({ store, disk } = open(copy));
      for (const promise of promises) await promise(store);
    }
    expect(promises.length).toBeGreaterThan(50);
    await store.close();
  });
});
