import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Readiness, watchReadiness } from "../../src/server/readiness.js";
import { openStore } from "../../src/store/open.js";
import { issue, minute } from "../store/contract/fixtures.js";
import { eventually, type KeptLog, keptLog, startTestApp } from "../support/app.js";
import { query, testDatabases, urlOf } from "../support/postgres.js";

describe("readiness", () => {
  let up: boolean;
  let pings: number;
  let changes: boolean[];
  let log: KeptLog;
  let readiness: Readiness;

  beforeEach(async ({ task }) => {
    vi.useFakeTimers();
    [up, pings, changes, log] = [true, 0, [], keptLog()];
    const ping = async (): Promise<void> => {
      pings += 1;
      if (!up) throw new Error("gone");
    };
    readiness = watchReadiness({ check: ping, everyMs: 10_000, log, changed: (ready) => changes.push(ready) });
    if (task.name.startsWith("begins")) return;
    await readiness.check();
    [pings, changes] = [0, []];
  });
  afterEach(() => {
    readiness.stop();
    vi.useRealTimers();
  });

  it.each([true, false])("begins when the database was asked, and says what that found: %s", async (found) => {
    up = found;
    expect(changes).toEqual([]);
    await readiness.check();
    expect([pings, changes]).toEqual([1, [found]]);
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual(found ? [] : [["error", "not ready: gone"]]);
  });

  it("changes when a check fails, and back by itself within 250 ms of the recovery, each told once", async () => {
    up = false;
    void readiness.check();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(changes).toEqual([false]);
    up = true;
    await vi.advanceTimersByTimeAsync(250);
    expect(changes).toEqual([false, true]);
    expect(log.lines.map(({ level }) => level)).toEqual(["error", "info"]);
  });

  it("a check that succeeds changes nothing and asks no further", async () => {
    void readiness.check();
    await vi.advanceTimersByTimeAsync(5_000);
    expect([changes, pings]).toEqual([[], 1]);
  });

  it("any number of checks at once ask once", async () => {
    for (let n = 0; n < 100; n += 1) void readiness.check();
    await vi.advanceTimersByTimeAsync(0);
    expect(pings).toBe(1);
  });

  it("finds an outage that nobody meets within 10 s", async () => {
    up = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(changes).toEqual([false]);
  });

  it("is silent once it is stopped", async () => {
    readiness.stop();
    up = false;
    void readiness.check();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([changes, pings]).toEqual([[], 0]);
  });
});

describe("a server whose clock is not its database's", () => {
  const databases = testDatabases();
  afterEach(() => vi.restoreAllMocks());

  it("has said that it is not ready when it has started, and why; it is when the clock is right", async () => {
    const env = { LATCHKEY_DATABASE_URL: urlOf(await databases.create()) };
    const real = Date.now;
    const wrong = () => vi.spyOn(Date, "now").mockImplementation(() => real() + 5_000);
    wrong();
    // The first start makes keys, and none by such a clock.
    await expect(startTestApp(env)).rejects.toThrow("the clock of this machine is more than 1 s from the database server's");
    vi.restoreAllMocks();
    await (await startTestApp(env)).stop();
    wrong();
    const on = await startTestApp(env);
    const said = on.log.lines.filter(({ message }) => message.includes("ready")).map(({ message }) => message);
    expect(said).toEqual([
      "not ready: the clock of this machine is more than 1 s from the database server's: synchronize both with NTP",
    ]);
    expect((await fetch(`http://127.0.0.1:${on.app.httpPort}/readyz`)).status).toBe(503);
    vi.restoreAllMocks();
    const status = async () => (await fetch(`http://127.0.0.1:${on.app.httpPort}/readyz`)).status;
    await eventually("readiness", async () => ((await status()) === 200 ? true : undefined));
    await on.stop();
  });

  it("takes no message that is due, from its start on", async () => {
    const location = await databases.create();
    const env = { LATCHKEY_DATABASE_URL: urlOf(location) };
    await (await startTestApp(env)).stop();
    const store = await openStore(location, { inFlight: () => 0 });
    await issue(store);
    await store.close();
    const outbox = () => query(location, "SELECT due_at, tries FROM outbox");
    const before = await outbox();
    expect(before).toHaveLength(1);
    const real = Date.now;
    vi.spyOn(Date, "now").mockImplementation(() => real() + 24 * 60 * minute);
    await (await startTestApp(env)).stop();
    expect(await outbox()).toEqual(before);
  });
});
