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
import { earlierRows, expectEarlierRows } from "../earlier-rows.js";

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

  it("make users members of `default` if they are of its pool, and of the apps of their sessions; numbers follow their age", async () => {
    const location = await databases.createEmpty();
    await applyEarlier(location, 5);
    const users = [
      ["u-3", "main", 1],
      ["u-1", "main", 2],
      ["u-2", "bank", 2],
      ["u-4", "bank", 3],
    ] as const;
    for (const [id, pool, at] of users) {
      await query(location, "INSERT INTO users VALUES ($1, NULL, '', 'en', '', $3, $2)", [id, pool, at]);
    }
    for (const [app, pool, number] of [
      ["shop", "main", 2],
      ["bank", "bank", 3],
    ]) {
      await query(location, "INSERT INTO apps VALUES ($1, $2, $3, '', '', '', '[]', '', '{}', 'active', 0, 1)", [
        app,
        pool,
        number,
      ]);
    }
    for (const [id, app] of [
      ["u-1", "default"],
      ["u-1", "shop"],
      ["u-2", "bank"],
    ]) {
      await query(
        location,
        `INSERT INTO sessions (session_id, family, key_id, user_id, client_id, generation, ip, user_agent, amr, created_at, last_used_at,
          idle_expires_at, expires_at, sweep_at, app_id) VALUES ($1, $2, 'k', $3, 'c', 0, '', '', '', 7, 7, 8, 9, 8, $4)`,
        [`${id} ${app}`, Buffer.from(`${id} ${app}`), id, app],
      );
    }
    const store = await openStore(location, { inFlight: () => 0 });
    expect(await query(location, "SELECT user_id, number FROM users ORDER BY number")).toEqual([
      { user_id: "u-3", number: "1" },
      { user_id: "u-1", number: "2" },
      { user_id: "u-2", number: "3" },
      { user_id: "u-4", number: "4" },
    ]);
    const members = await query(location, "SELECT app_id, user_id, number, state, joined_at FROM memberships ORDER BY 1, 2");
    const active = { state: "active" };
    expect(members).toEqual([
      { app_id: "bank", user_id: "u-2", number: "3", ...active, joined_at: "2" },
      { app_id: "default", user_id: "u-1", number: "2", ...active, joined_at: "2" },
      { app_id: "default", user_id: "u-3", number: "1", ...active, joined_at: "1" },
      { app_id: "shop", user_id: "u-1", number: "2", ...active, joined_at: "2" },
    ]);
    const organizations = (await store.apps.listApps({ after: "", limit: 10 })).map((app) => app.ownerOrganization);
    expect(new Set(organizations).size).toBe(3);
    for (const one of organizations)
      expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect((await signIn(store)).user.number).toBe(5);
    await store.close();
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
