import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type DatabaseLocation, openStore } from "../../src/store/open.js";
import { NewerSchemaError } from "../../src/store/rules/schema-version.js";
import { openDatabase } from "../../src/store/sqlite/sqlite.js";
import { addColumns, nextVersion, otherProgram } from "../support/other-program.js";
import { query, testDatabases } from "../support/postgres.js";
import { signIn, t0, unique } from "./contract/fixtures.js";
import { startLives } from "./lives.js";
import { tempDir } from "./temp-dir.js";

const databases = testDatabases();
const folder = tempDir();
const options = { inFlight: () => 0 };
const newer = otherProgram({ functions: true, migration: { additive: true, sql: addColumns } });
const incompatible = otherProgram({ migration: { additive: false, sql: "ALTER TABLE users ADD COLUMN added TEXT" } });

const engines = {
  PostgreSQL: async (): Promise<DatabaseLocation> => await databases.create(),
  SQLite: async (): Promise<DatabaseLocation> => ({ kind: "sqlite", path: join(folder, `${unique("database")}.db`) }),
};

/** Of a location as a test reads it, past the port. */
async function read(location: DatabaseLocation, sql: string): Promise<unknown[]> {
  if (location.kind === "postgres") return await query(location, sql);
  const db = openDatabase(location.path);
  const rows = db.prepare(sql).all();
  db.close();
  return rows;
}

it("two programs with different texts of one function do all that users do on one database at once", async () => {
  const location = await databases.create();
  const other = await otherProgram({ functions: true });
  const stores = [await openStore(location, options), await other.openStore(location, options)];
  const lives = startLives(stores, 4);
  await lives.more(20);
  expect(await lives.stop()).toEqual([]);
  expect(lives.lived).toBeGreaterThanOrEqual(20);
  const takers = "SELECT pronargs FROM pg_proc WHERE proname LIKE 'take\\_attempt\\_%' ORDER BY pronargs";
  expect(await query(location, takers)).toEqual([{ pronargs: 7 }, { pronargs: 8 }]);
  await Promise.all(stores.map((store) => store.close()));
});

describe.each(Object.entries(engines))("on %s", (_, create) => {
  it("an additive migration runs while an older program serves: no call fails, before, during or after", async () => {
    const location = await create();
    const older = await openStore(location, options);
    const lives = startLives([older], 4);
    await lives.more(8);
    const added = await (await newer).openStore(location, options);
    lives.stores.push(added);
    await lives.more(16);
    expect(await lives.stop()).toEqual([]);
    // The older program's rows have the default.
    const { user } = await signIn(older);
    expect(await read(location, `SELECT added FROM users WHERE user_id = '${user.userId}'`)).toEqual([{ added: "default" }]);
    await Promise.all([older.close(), added.close()]);
  });

  it("the program before an additive migration still starts, serves, and changes nothing of the schema", async () => {
    const location = await create();
    await (await (await newer).openStore(location, options)).close();
    const versions = "SELECT version, oldest_program FROM schema_migrations WHERE version >= 3 ORDER BY version";
    const rows = await read(location, versions);
    expect(rows).toEqual([
      { version: 3, oldest_program: 3 },
      { version: 4, oldest_program: 3 },
      { version: 5, oldest_program: 5 },
      { version: 6, oldest_program: 6 },
      { version: 7, oldest_program: 7 },
      { version: 8, oldest_program: 8 },
      { version: 9, oldest_program: 8 },
      { version: 10, oldest_program: 8 },
      { version: nextVersion, oldest_program: 8 },
    ]);
    const older = await openStore(location, options);
    const { session, user } = await signIn(older);
    expect(await older.sessions.findLive({ sessionId: session.sessionId, now: t0 })).toEqual({ session, user });
    expect(await read(location, versions)).toEqual(rows);
    await older.close();
  });

  it("the program before a migration that is not additive refuses to start, and leaves everything as it is", async () => {
    const location = await create();
    await (await (await incompatible).openStore(location, options)).close();
    const tables = ["schema_migrations", ...(location.kind === "postgres" ? ["function_sets"] : [])];
    const look = () => Promise.all(tables.map((table) => read(location, `SELECT * FROM ${table} ORDER BY 1`)));
    const before = await look();
    await expect(openStore(location, options)).rejects.toThrow(NewerSchemaError);
    expect(await look()).toEqual(before);
  });
});
