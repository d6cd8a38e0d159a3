import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../../src/store/open.js";
import { migrate, schemaOf, schemaVersion } from "../../../src/store/sqlite/migrate.js";
import { migrations } from "../../../src/store/sqlite/schema.js";
import { openDatabase, openSqlite } from "../../../src/store/sqlite/sqlite.js";
import { type StoreProcesses, startStoreProcesses } from "../../support/store-processes.js";
import { issue, signIn, times, unique } from "../contract/fixtures.js";
import { earlierPeople, earlierRows, expectEarlierPeople, expectEarlierRows } from "../earlier-rows.js";
import { tempDir } from "../temp-dir.js";

const directory = tempDir();
const newPath = (): string => join(directory, `${unique("migrate")}.db`);

function tablesOf(path: string): string[] {
  const db = openDatabase(path);
  const tables = db.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  db.close();
  return tables.map(({ name }) => name);
}

/** Makes a database of an earlier version with these rows. */
function makeEarlier(path: string, latest: number, rows: readonly string[]): void {
  const db = openDatabase(path);
  db.exec("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT");
  for (const { version, sql } of migrations.slice(0, latest)) {
    db.exec(sql);
    db.prepare("INSERT INTO schema_migrations (version, applied_at) VALUES (?, 0)").run(version);
  }
  for (const sql of rows) db.exec(sql);
  db.close();
}

describe("migrations", () => {
  it("have versions that count up from 1 without gaps", () => {
    expect(migrations.map(({ version }) => version)).toEqual(times(migrations.length, (index) => index + 1));
  });

  it("are applied to an empty database once, and not again", () => {
    const db = openDatabase(newPath());
    expect(schemaOf(db).version).toBe(0);
    expect(migrate(db)).toEqual(migrations.map(({ version }) => version));
    expect(schemaOf(db).version).toBe(schemaVersion);
    expect(migrate(db)).toEqual([]);
    db.close();
  });

  it("keep the data of a database that is opened again", async () => {
    const location = { kind: "sqlite", path: newPath() } as const;
    const first = await openStore(location, { inFlight: () => 0 });
    const { session, user } = await signIn(first);
    const challenge = await issue(first);
    await first.close();
    const again = await openStore(location, { inFlight: () => 0 });
    expect(await again.sessions.findLive({ sessionId: session.sessionId, now: session.createdAt })).toEqual({ session, user });
    expect(await again.challenges.find(challenge.challengeId)).toMatchObject(challenge);
    await again.close();
  });

  it.each([2, 4])(
    "bring a database of version %i to this version: its users, sessions and live challenges are those of one pool and app",
    async (version) => {
      const location = { kind: "sqlite", path: newPath() } as const;
      makeEarlier(location.path, version, earlierRows("sqlite"));
      const upgraded = await openStore(location, { inFlight: () => 0 });
      await expectEarlierRows(upgraded);
      await upgraded.close();
      const checked = openDatabase(location.path);
      expect(checked.pragma("integrity_check", { simple: true })).toBe("ok");
      checked.close();
    },
  );

  it("make users members of `default` if they are of its pool, of the apps of their sessions, otherwise of all apps of their pool", async () => {
    const location = { kind: "sqlite", path: newPath() } as const;
    makeEarlier(location.path, 5, earlierPeople("sqlite"));
    const upgraded = await openStore(location, { inFlight: () => 0 });
    await expectEarlierPeople(upgraded);
    await upgraded.close();
  });

  it("of a process killed half-way leave nothing, and the next start does them whole", () => {
    const path = newPath();
    const script = fileURLToPath(new URL("../../support/killed-migration.ts", import.meta.url));
    const killed = spawnSync(process.execPath, ["--import", "tsx", script, path]);
    expect(killed.signal).toBe("SIGKILL");
    expect(tablesOf(path)).toEqual(["schema_migrations"]);
    const db = openDatabase(path);
    expect(schemaOf(db).version).toBe(0);
    expect(migrate(db)).toEqual(migrations.map(({ version }) => version));
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
    db.close();
  });

  it("refuse a schema that is newer than the program, with a sentence that says what to do, and change nothing", () => {
    const path = newPath();
    openSqlite({ path, inFlight: () => 0 });
    const db = openDatabase(path);
    db.prepare("INSERT INTO schema_migrations (version, applied_at) VALUES (?, 0)").run(schemaVersion + 1);
    const before = tablesOf(path);
    expect(() => openSqlite({ path, inFlight: () => 0 })).toThrow(
      `the database has schema version ${schemaVersion + 1}, and this program knows versions up to ${schemaVersion}: ` +
        "run the newer program that wrote it",
    );
    expect(tablesOf(path)).toEqual(before);
    db.close();
  });

  describe("of processes that start at once", () => {
    let processes: StoreProcesses;
    beforeAll(async () => {
      processes = await startStoreProcesses(4);
    });
    afterAll(() => processes.stop());

    it("are done by one while the others wait for it and then work", async () => {
      for (const _ of times(10, Number)) {
        const path = newPath();
        await processes.race(
          { kind: "sqlite", path },
          "upkeep.ping",
          times(8, () => undefined),
        );
        const db = openDatabase(path);
        expect(schemaOf(db).version).toBe(schemaVersion);
        expect(db.prepare("SELECT count(*) FROM schema_migrations").pluck().get()).toBe(migrations.length);
        db.close();
      }
    });

    it("wait for a process that is writing for longer than callers would", async () => {
      const path = newPath();
      const db = openDatabase(path);
      db.exec("BEGIN IMMEDIATE");
      const opened = processes.race(
        { kind: "sqlite", path },
        "upkeep.ping",
        times(4, () => undefined),
      );
      await new Promise((resolve) => setTimeout(resolve, 800));
      db.exec("COMMIT");
      db.close();
      await opened;
    });
  });
});
