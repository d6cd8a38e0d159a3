import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../../src/store/open.js";
import { inspect } from "../../../src/store/postgres/inspect.js";
import type { PostgresLocation } from "../../../src/store/postgres/location.js";
import { migrate, schemaVersion } from "../../../src/store/postgres/migrate.js";
import { migrations } from "../../../src/store/postgres/schema.js";
import { query, testDatabases } from "../../support/postgres.js";
import { type StoreProcesses, startStoreProcesses } from "../../support/store-processes.js";
import { issue, signIn, times } from "../contract/fixtures.js";
import { earlierPeople, earlierRows, expectEarlierPeople, expectEarlierRows } from "../earlier-rows.js";

const databases = testDatabases();
const allVersions = migrations.map(({ version }) => version);

async function tablesOf(location: PostgresLocation): Promise<string[]> {
  const sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
  return (await query<{ tablename: string }>(location, sql)).map(({ tablename }) => tablename);
}

/** Makes an empty database of an earlier version. */
async function applyEarlier(location: PostgresLocation, latest: number): Promise<void> {
  await query(location, "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)");
  for (const { version, sql } of migrations.slice(0, latest)) {
    await query(location, sql);
    await query(location, "INSERT INTO schema_migrations (version, applied_at) VALUES ($1, 0)", [version]);
  }
}

describe("migrations of PostgreSQL", () => {
  it("have versions that count up from 1 without gaps", () => {
    expect(allVersions).toEqual(times(migrations.length, (index) => index + 1));
  });

  it("are applied to an empty database once, and not again", async () => {
    const location = await databases.createEmpty();
    expect(await inspect(location)).toMatchObject({ schema: { version: 0 } });
    expect(await tablesOf(location)).toEqual([]);
    expect(await migrate(location)).toEqual(allVersions);
    expect(await inspect(location)).toMatchObject({ schema: { version: schemaVersion } });
    expect(await migrate(location)).toEqual([]);
  });

  it("drop the functions of earlier versions, whose names had no hash", async () => {
    const fresh = await databases.create();
    const location = await databases.createEmpty();
    await applyEarlier(location, 2);
    await query(location, "CREATE FUNCTION sweep(p_now INTEGER) RETURNS INTEGER LANGUAGE sql AS 'SELECT 1'");
    expect(await migrate(location)).toEqual(allVersions.slice(2));
    const definitions = "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1";
    expect(await query(location, definitions)).toEqual(await query(fresh, definitions));
  });

  it("keep the data of a database that is opened again", async () => {
    const location = await databases.createEmpty();
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
      const location = await databases.createEmpty();
      await applyEarlier(location, version);
      for (const sql of earlierRows("postgres")) await query(location, sql);
      const upgraded = await openStore(location, { inFlight: () => 0 });
      await expectEarlierRows(upgraded);
      await upgraded.close();
    },
  );

  it("make users members of `default` if they are of its pool, of the apps of their sessions, otherwise of all apps of their pool", async () => {
    const location = await databases.createEmpty();
    await applyEarlier(location, 5);
    for (const sql of earlierPeople("postgres")) await query(location, sql);
    const upgraded = await openStore(location, { inFlight: () => 0 });
    await expectEarlierPeople(upgraded);
    await upgraded.close();
  });

  it("of a process killed half-way leave nothing, and the next start does them whole", async () => {
    const location = await databases.createEmpty();
    const script = fileURLToPath(new URL("../../support/killed-postgres-migration.ts", import.meta.url));
    const killed = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(location)], { stdio: "inherit" });
    expect(await once(killed, "exit")).toEqual([null, "SIGKILL"]);
    expect(await tablesOf(location)).toEqual(["schema_migrations"]);
    expect(await inspect(location)).toMatchObject({ schema: { version: 0 } });
    expect(await migrate(location)).toEqual(allVersions);
    await (await openStore(location, { inFlight: () => 0 })).close();
  });

  it("refuse a schema that is newer than the program, with a sentence that says what to do, and change nothing", async () => {
    const location = await databases.createEmpty();
    await migrate(location);
    await query(location, "INSERT INTO schema_migrations VALUES ($1, 0)", [schemaVersion + 1]);
    const before = await tablesOf(location);
    await expect(openStore(location, { inFlight: () => 0 })).rejects.toThrow(
      `the database has schema version ${schemaVersion + 1}, and this program knows versions up to ${schemaVersion}: ` +
        "run the newer program that wrote it",
    );
    expect(await tablesOf(location)).toEqual(before);
  });

  it.each(["LATIN1", "SQL_ASCII"])(
    "refuse a database in %s, with a sentence that says what to do, and make nothing in it",
    async (encoding) => {
      const location = await databases.createEmpty(encoding);
      await expect(openStore(location, { inFlight: () => 0 })).rejects.toThrow(
        `the database's encoding is ${encoding}, but Latchkey needs UTF8: create a database with ` +
          "`createdb --encoding=UTF8 --template=template0` and name it in LATCHKEY_DATABASE_URL",
      );
      expect(await tablesOf(location)).toEqual([]);
    },
  );

  describe("of processes that start at once", () => {
    let processes: StoreProcesses;
    beforeAll(async () => {
      processes = await startStoreProcesses(4);
    });
    afterAll(() => processes.stop());

    it("are done by one while the others wait for it and then work", async () => {
      for (const _ of times(4, Number)) {
        const location = await databases.createEmpty();
        await processes.race(
          location,
          "upkeep.ping",
          times(8, () => undefined),
        );
        expect(await query(location, "SELECT version FROM schema_migrations ORDER BY 1")).toEqual(
          allVersions.map((version) => ({ version })),
        );
      }
    });
  });
});
