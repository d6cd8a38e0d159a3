import { onTestFinished } from "vitest";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { query, type TestDatabases, testDatabases, urlOf } from "./postgres.js";

/** An engine that a suite runs on, for `describe.each`. */
export interface TestEngine {
  readonly engine: "SQLite" | "PostgreSQL";
  /** Settings that name an empty database of the engine; servers with the same ones and one folder share it. */
  database(): Promise<Readonly<Record<string, string>>>;
}

/** The engine that this run is about: SQLite, unless `LATCHKEY_TEST_ENGINES` is `postgres` or `both`. */
export function testEngines(): readonly TestEngine[] {
  return bothEngines().filter(isAsked);
}

export function isAsked({ engine }: Pick<TestEngine, "engine">): boolean {
  const asked = process.env.LATCHKEY_TEST_ENGINES ?? "sqlite";
  if (!["sqlite", "postgres", "both"].includes(asked)) {
    throw new Error(`LATCHKEY_TEST_ENGINES is ${asked}: write sqlite, postgres or both`);
  }
  return asked === "both" || asked === (engine === "SQLite" ? "sqlite" : "postgres");
}

/** Both engines in every run, for what their locks and transactions decide. */
export function bothEngines(): readonly TestEngine[] {
  const databases = testDatabases();
  return [
    { engine: "SQLite", database: async () => ({}) },
    { engine: "PostgreSQL", database: async () => ({ LATCHKEY_DATABASE_URL: urlOf(await forThisTest(databases)) }) },
  ];
}

/** A database that is emptied for another test when this one and its hooks have ended, unless something is still connected to it. */
async function forThisTest(databases: TestDatabases): Promise<PostgresLocation> {
  const location = await databases.create();
  const recycle = async () => {
    const others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    if ((await query(location, others)).length === 0) await databases.recycle(location);
  };
  try {
    onTestFinished(recycle);
  } catch {
    // Outside a test: the database serves all tests of a suite.
  }
  return location;
}
