import { afterEach, expect, it, vi } from "vitest";
import { StoreUnavailableError } from "../../../src/store/port/errors.js";
import { createClockGuard } from "../../../src/store/postgres/clocks.js";
import type { Database } from "../../../src/store/postgres/database.js";

const read = { name: "read_clock", text: "" };

afterEach(() => vi.useRealTimers());

/** A server whose answer is under way for a while, and which is some time behind this machine's clock in its middle. */
function serverThat(how: { behindMs: number; tookMs: number }): Database {
  return {
    async rows<Row>() {
      vi.advanceTimersByTime(how.tookMs / 2);
      const clock = Date.now() - how.behindMs;
      vi.advanceTimersByTime(how.tookMs / 2);
      return [{ clock }] as Row[];
    },
    changes: async () => 1,
    transaction: (work) => work(async () => []),
    close: async () => {},
  };
}

it("an answer that was long on its way does not tell that a clock which was off is right again, a quick one does", async () => {
  vi.useFakeTimers();
  const how = { behindMs: 3_000, tookMs: 20 };
  const server = serverThat(how);
  const guard = createClockGuard(server);
  const db = guard.guarded(server);
  expect(await db.changes(read)).toBe(1);
  await expect(guard.check(read)).rejects.toBeInstanceOf(StoreUnavailableError);
  how.tookMs = 6_000;
  await expect(guard.check(read)).rejects.toBeInstanceOf(StoreUnavailableError);
  await expect(db.changes(read)).rejects.toBeInstanceOf(StoreUnavailableError);
  Object.assign(how, { behindMs: 0, tookMs: 20 });
  await guard.check(read);
  expect(await db.changes(read)).toBe(1);
});

it("an answer that was long on its way finds a difference that is longer still", async () => {
  vi.useFakeTimers();
  const guard = createClockGuard(serverThat({ behindMs: 60_000, tookMs: 6_000 }));
  await expect(guard.check(read)).rejects.toBeInstanceOf(StoreUnavailableError);
});
