import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { describe, expect, it, vi } from "vitest";
import { findDefect } from "../../../src/store/sqlite/copies.js";
import { openDatabase, openSqlite } from "../../../src/store/sqlite/sqlite.js";
import { issue, times, unique } from "../contract/fixtures.js";
import { tempDir } from "../temp-dir.js";

const directory = tempDir();
const newPath = (): string => join(directory, `${unique("checkpoints")}.db`);

/** Each page in the log has a header of 24 bytes. */
const frameBytes = 4_096 + 24;
const checkpointPages = 500;
/** More than the pages that a commit of 20 challenges writes. */
const batchPages = 400;
const logMax = (checkpointPages + batchPages) * frameBytes;

const load = fileURLToPath(new URL("../../support/killed-load.ts", import.meta.url));

/** Reads the state of now until it is closed. */
function openReader(path: string): Database.Database {
  const reader = openDatabase(path);
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM challenges").get();
  return reader;
}

describe("checkpoints of a SQLite database", () => {
  it("keep the log at the size of one checkpoint and one commit under load, so none blocks the event loop for longer", async () => {
    const path = newPath();
    const store = openSqlite({ path, inFlight: () => 20 });
    const sizes: number[] = [];
    for (const _ of times(150, Number)) {
      await Promise.all(times(20, () => issue(store)));
      sizes.push(statSync(`${path}-wal`).size);
    }
    const longest = Math.max(...sizes);
    expect(longest, "long enough for a checkpoint").toBeGreaterThanOrEqual(checkpointPages * frameBytes);
    expect(longest).toBeLessThan(logMax);
    await store.close();
  });

  it("wait for no reader of another process, such as a backup, and empty the log once it has ended", async () => {
    const path = newPath();
    const waits: unknown[] = [];
    const { prepare } = Database.prototype;
    const spy = vi.spyOn(Database.prototype, "prepare").mockImplementation(function (this: Database.Database, sql) {
      const statement = prepare.call(this, sql) as unknown as { get(): unknown };
      const { get } = statement;
      if (sql.startsWith("PRAGMA wal_checkpoint")) {
        statement.get = () => {
          waits.push(prepare.call(this, "PRAGMA busy_timeout").pluck().get());
          return get.call(statement);
        };
      }
      return statement as never;
    });
    const store = openSqlite({ path, inFlight: () => 0 });
    spy.mockRestore();
    await issue(store);
    const reader = openReader(path);
    await issue(store);
    expect(await store.upkeep.scrub()).toBe(false);
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    await issue(store);
    reader.close();
    expect(await store.upkeep.scrub()).toBe(true);
    expect(statSync(`${path}-wal`).size).toBe(0);
    expect(waits).toEqual([0, 0]);
    await store.close();
  });

  it("lose nothing acknowledged, whenever the process is killed", async () => {
    for (const round of times(5, Number)) {
      const path = newPath();
      const child = spawn(process.execPath, ["--import", "tsx", load, path], { stdio: ["ignore", "pipe", "inherit"] });
      let printed = "";
      child.stdout.on("data", (text) => {
        printed += String(text);
        // At 2,000 lines of some 20 bytes the log has been checkpointed several times.
        if (printed.length > 40_000 + round * 7_321) child.kill("SIGKILL");
      });
      await once(child, "close");
      const acknowledged = printed.split("\n").slice(0, -1);
      const store = openSqlite({ path, inFlight: () => 0 });
      const found = await Promise.all(acknowledged.map((id) => store.challenges.find(id)));
      expect(found.filter((one) => one === null)).toEqual([]);
      await store.close();
      expect(findDefect(path)).toBe(null);
    }
  });
});
