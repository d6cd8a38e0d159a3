import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Readiness, watchReadiness } from "../src/readiness.js";
import { type KeptLog, keptLog } from "./support/app.js";

describe("readiness", () => {
  let up: boolean;
  let pings: number;
  let changes: boolean[];
  let log: KeptLog;
  let readiness: Readiness;

  beforeEach(() => {
    vi.useFakeTimers();
    [up, pings, changes, log] = [true, 0, [], keptLog()];
    const ping = async (): Promise<void> => {
      pings += 1;
      if (!up) throw new Error("gone");
    };
    readiness = watchReadiness({ ping, log, changed: (ready) => changes.push(ready) });
  });
  afterEach(() => {
    readiness.stop();
    vi.useRealTimers();
  });

  it("changes when a check fails, and back by itself within 250 ms of the recovery, each told once", async () => {
    up = false;
    readiness.check();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(changes).toEqual([false]);
    up = true;
    await vi.advanceTimersByTimeAsync(250);
    expect(changes).toEqual([false, true]);
    expect(log.lines.map(({ level }) => level)).toEqual(["error", "info"]);
  });

  it("a check that succeeds changes nothing and asks no further", async () => {
    readiness.check();
    await vi.advanceTimersByTimeAsync(5_000);
    expect([changes, pings]).toEqual([[], 1]);
  });

  it("any number of checks at once ask once", async () => {
    for (let n = 0; n < 100; n += 1) readiness.check();
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
    readiness.check();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([changes, pings]).toEqual([[], 0]);
  });
});
