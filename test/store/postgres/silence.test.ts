import pg from "pg";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StoreUnavailableError } from "../../../src/store/port/errors.js";
import type { Database } from "../../../src/store/postgres/database.js";
import { unavailableError } from "../../../src/store/postgres/errors.js";
import { createPool } from "../../../src/store/postgres/pool.js";
import { createSilenceGuard, type SilenceGuard } from "../../../src/store/postgres/silence.js";

const answer = { name: "answer", text: "SELECT 1" };
const silence = "PostgreSQL: the server has not answered a heartbeat for 3 s";

function databaseError(code: string): StoreUnavailableError {
  const error = new pg.DatabaseError("refused", 0, "error");
  error.code = code;
  return unavailableError(error);
}

describe("a server that answers no heartbeat", () => {
  let left: number;
  let guard: SilenceGuard;
  let db: Database;
  beforeEach(() => {
    vi.useFakeTimers();
    left = 0;
    guard = createSilenceGuard(
      () => {
        left += 1;
      },
      () => Date.now(),
    );
    const rows = async () => [];
    db = guard.guarded({ rows, changes: async () => 0, transaction: async (work) => await work(rows), close: async () => {} });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const never = () => new Promise<never>(() => {});
  const fails = (error: unknown) => () => guard.watched(() => Promise.reject(error)).catch(() => {});
  async function fallSilent(): Promise<void> {
    const beat = guard.watched(never).catch((error: Error) => error.message);
    await vi.advanceTimersByTimeAsync(2_999);
    expect(await db.rows(answer)).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await beat).toBe(silence);
  }
  const isRefused = async () => {
    for (const operation of [() => db.rows(answer), () => db.changes(answer), () => db.transaction(async () => 0, "crowd")]) {
      await expect(operation()).rejects.toThrow(new StoreUnavailableError(silence));
    }
  };

  it("for 3 s is left, and every operation is refused until a heartbeat is answered", async () => {
    await fallSilent();
    expect(left).toBe(1);
    await isRefused();
    await guard.watched(async () => {});
    expect(await db.rows(answer)).toEqual([]);
  });

  it("is silent since the first heartbeat without an answer, however soon the later ones fail", async () => {
    for (let n = 0; n < 3; n += 1) {
      await fails(unavailableError(new Error("Connection terminated")))();
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await isRefused();
  });

  it.each([
    ["that it is read-only", databaseError("25006")],
    ["that its disk is full", databaseError("53100")],
    ["of a database that is being filled", new StoreUnavailableError("this database holds a part of another one")],
  ])("ends its silence by an answer: %s", async (_, error) => {
    await fallSilent();
    await fails(error)();
    expect(await db.rows(answer)).toEqual([]);
  });

  it.each([
    ["a lock that an earlier heartbeat may hold", databaseError("55P03")],
    ["a connection that can't be opened", unavailableError(new Error("timeout expired"))],
  ])("stays silent with %s", async (_, error) => {
    await fallSilent();
    await fails(error)();
    await isRefused();
  });
});

describe("a reset of the pool", () => {
  it("ends the connections in use, and one that was being opened is not kept", async () => {
    const ended: number[] = [];
    let opened = 0;
    let proceed = () => {};
    const pool = createPool(async () => {
      opened += 1;
      const number = opened;
      if (number === 2) {
        await new Promise<void>((resolve) => {
          proceed = resolve;
        });
      }
      const client = { number, on: () => client, end: async () => void ended.push(number) };
      return client as unknown as pg.Client;
    });
    await pool.take();
    const taken = pool.take();
    pool.reset();
    expect(ended).toEqual([1]);
    proceed();
    expect(await taken).toMatchObject({ number: 3 });
    expect(ended).toEqual([1, 2]);
    pool.close();
  });
});
