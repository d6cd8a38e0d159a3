import { testDatabases, urlOf } from "./postgres.js";

/** An engine that a suite runs on, for `describe.each`. */
export interface TestEngine {
  readonly engine: "SQLite" | "PostgreSQL";
  /** Settings that name an empty database of the engine; servers with the same ones and one folder share it. */
  database(): Promise<Readonly<Record<string, string>>>;
}

export function testEngines(): readonly TestEngine[] {
  const databases = testDatabases();
  return [
    { engine: "SQLite", database: async () => ({}) },
    { engine: "PostgreSQL", database: async () => ({ LATCHKEY_DATABASE_URL: urlOf(await databases.create()) }) },
  ];
}
