import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StoreUnavailableError } from "../../../src/store/port/errors.js";
import { openDatabase } from "../../../src/store/sqlite/sqlite.js";
import { createWriter, type Writer } from "../../../src/store/sqlite/writer.js";
import { times, unique } from "../contract/fixtures.js";
import { tempDir } from "../temp-dir.js";

const directory = tempDir();

describe("group commit", () => {
  let path: string;
  let db: Database;
  let writer: Writer;
  let inFlight: number;
  let commits: number;
  let onRollback: () => void;
  let failCommit: boolean;

  beforeEach(() => {
    path = join(directory, `${unique("writer")}.db`);
    db = openDatabase(path);
    db.exec("CREATE TABLE rows (name TEXT PRIMARY KEY)");
    [inFlight, commits, failCommit] = [0, 0, false];
    onRollback = () => {};
    writer = createWriter(watched(), () => inFlight);
  });

  afterEach(() => {
    vi.useRealTimers();
    db.close();
  });

  /** The database with its transaction statements watched. */
  function watched(): Database {
    const prepare = db.prepare.bind(db);
    vi.spyOn(db, "prepare").mockImplementation((sql: string) => {
      const statement = prepare(sql);
      const run = statement.run.bind(statement);
      if (sql === "COMMIT") {
        statement.run = () => {
          if (failCommit) throw new Error("the commit failed");
          commits += 1;
          return run();
        };
      }
      if (sql === "ROLLBACK") {
        statement.run = () => {
          const result = run();
          onRollback();
          return result;
        };
      }
      return statement as never;
    });
    const result = db;
    return result;
  }

  function insert(name: string): () => string {
    return () => {
      db.exec(`INSERT INTO rows VALUES ('${name}')`);
      return name;
    };
  }

  function names(): unknown[] {
    return db.prepare("SELECT name FROM rows ORDER BY name").pluck().all();
  }

  it("writes of one moment share one commit, and each gets its own result", async () => {
    const results = await Promise.all(times(50, (index) => writer.write(insert(String(index)))));
    expect(results).toEqual(times(50, String));
    expect(commits).toBe(1);
    expect(names()).toHaveLength(50);
  });

  it("a lone call does not wait for company", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "setImmediate"] });
    inFlight = 1;
    const written = writer.write(insert("alone"));
    vi.advanceTimersByTime(0);
    await written;
    expect(commits).toBe(1);
  });

  it("while other calls are under way a write waits up to 2 ms for them", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate"] });
    inFlight = 8;
    const first = writer.write(insert("first"));
    vi.advanceTimersByTime(1);
    const second = writer.write(insert("second"));
    expect(commits).toBe(0);
    vi.advanceTimersByTime(1);
    await Promise.all([first, second]);
    expect(commits).toBe(1);
  });

  it("once all calls under way wait for the commit, nobody waits longer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate"] });
    inFlight = 2;
    const first = writer.write(insert("first"));
    vi.advanceTimersByTime(0);
    expect(commits).toBe(0);
    const second = writer.write(insert("second"));
    vi.advanceTimersByTime(0);
    await Promise.all([first, second]);
    expect(commits).toBe(1);
  });

  it("no commit is larger than 256 steps", async () => {
    await Promise.all(times(600, (index) => writer.write(insert(String(index)))));
    expect(commits).toBe(3);
    expect(names()).toHaveLength(600);
  });

  it("one failing step does not cost the others, and leaves nothing of itself", async () => {
    const outcomes = await Promise.allSettled([
      writer.write(insert("before")),
      writer.write(() => {
        insert("half")();
        throw new Error("a fault");
      }),
      writer.write(insert("after")),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((outcomes[1] as PromiseRejectedResult).reason).toEqual(new Error("a fault"));
    expect(names()).toEqual(["after", "before"]);
  });

  it("a step that breaks a constraint is a fault of ours, not an outage", async () => {
    await writer.write(insert("twice"));
    const failure = await writer.write(insert("twice")).catch((error: unknown) => error);
    expect(failure).not.toBeInstanceOf(StoreUnavailableError);
    expect(failure).toMatchObject({ code: "SQLITE_CONSTRAINT_PRIMARYKEY" });
  });

  it("nobody gets a result of a commit that failed, and nothing of it is there", async () => {
    failCommit = true;
    const outcomes = await Promise.allSettled(times(5, (index) => writer.write(insert(String(index)))));
    expect(outcomes.map(({ status }) => status)).toEqual(times(5, () => "rejected"));
    expect(names()).toEqual([]);
    failCommit = false;
    await writer.write(insert("later"));
    expect(names()).toEqual(["later"]);
  });

  it("when another process comes in between a failed batch and its repetition, the steps wait for it", async () => {
    const other = openDatabase(path);
    onRollback = () => {
      if (other.inTransaction) return;
      other.exec("BEGIN IMMEDIATE");
      setTimeout(() => other.exec("COMMIT"), 150);
      onRollback = () => {};
    };
    const outcomes = await Promise.allSettled([
      writer.write(insert("before")),
      writer.write(() => {
        throw new Error("a fault");
      }),
      writer.write(insert("after")),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(names()).toEqual(["after", "before"]);
    other.close();
  });

  it("reads that are made together see one state, and one of them that fails leaves the writer usable", async () => {
    await writer.write(insert("a"));
    const other = openDatabase(path);
    const seen = await writer.readTogether(() => {
      const before = names();
      other.exec("INSERT INTO rows VALUES ('b')");
      return [before, names()];
    });
    other.close();
    expect(seen).toEqual([["a"], ["a"]]);
    expect(await writer.read(names)).toEqual(["a", "b"]);
    const failing = writer.readTogether(() => {
      throw new Error("a fault");
    });
    await expect(failing).rejects.toThrow("a fault");
    expect(await writer.write(insert("c"))).toBe("c");
  });

  it("idle resolves when everything begun is committed", async () => {
    inFlight = 100;
    const written = times(10, (index) => writer.write(insert(String(index))));
    await writer.idle();
    expect(names()).toHaveLength(10);
    await Promise.all(written);
    await writer.idle();
  });

  describe("while another process holds the database", () => {
    let other: Database;
    beforeEach(() => {
      other = openDatabase(path);
      other.exec("BEGIN IMMEDIATE");
    });
    afterEach(() => other.close());

    it("a write waits for it without holding up the event loop for long, reads go on, and then it is done", async () => {
      const written = writer.write(insert("waited"));
      let longestMs = 0;
      let last = performance.now();
      const ticks = setInterval(() => {
        longestMs = Math.max(longestMs, performance.now() - last);
        last = performance.now();
      }, 1);
      for (const _ of times(10, Number)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(await writer.read(names)).toEqual([]);
      }
      clearInterval(ticks);
      expect(longestMs).toBeLessThan(250);
      other.exec("COMMIT");
      expect(await written).toBe("waited");
      expect(names()).toEqual(["waited"]);
    });

    it("a write gives up with StoreUnavailableError after 3 s, has written nothing, and the next one is tried again", async () => {
      const beganAt = performance.now();
      const outcomes = await Promise.allSettled(times(5, (index) => writer.write(insert(String(index)))));
      const waitedMs = performance.now() - beganAt;
      expect(waitedMs).toBeGreaterThan(2_900);
      expect(waitedMs).toBeLessThan(6_000);
      for (const outcome of outcomes) {
        expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(StoreUnavailableError);
      }
      const later = writer.write(insert("later"));
      setTimeout(() => other.exec("COMMIT"), 100);
      await later;
      expect(names()).toEqual(["later"]);
    });
  });

  it("a database that can't be written to is unavailable, and works again when it can", async () => {
    db.pragma("query_only = ON");
    await expect(writer.write(insert("refused"))).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(Promise.all(times(5, () => writer.write(insert("refused"))))).rejects.toBeInstanceOf(StoreUnavailableError);
    db.pragma("query_only = OFF");
    await writer.write(insert("later"));
    expect(names()).toEqual(["later"]);
  });

  it("a full disk is an outage, and what was half-written of a commit is gone", async () => {
    const pages = Number(db.pragma("page_count", { simple: true }));
    db.pragma(`max_page_count = ${pages + 1}`);
    const large = () => {
      insert("small")();
      db.exec("CREATE TABLE large AS SELECT randomblob(40000) AS filler");
    };
    await expect(writer.write(large)).rejects.toThrow("database or disk is full (SQLITE_FULL)");
    expect(names()).toEqual([]);
    db.pragma("max_page_count = 100000");
    await writer.write(insert("later"));
    expect(names()).toEqual(["later"]);
  });
});
