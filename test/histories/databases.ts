import { join } from "node:path";
import { newFolder } from "./folders.js";

export const engines = ["sqlite", "postgres"] as const;
export type Engine = (typeof engines)[number];

/** A new database that the servers of a run share. */
export interface TestDatabase {
  /** For `LATCHKEY_DATABASE_URL`. */
  readonly url: string;
  drop(): Promise<void>;
}

export async function createDatabase(engine: Engine): Promise<TestDatabase> {
  switch (engine) {
    case "sqlite":
      return { url: `sqlite:${join(newFolder(), "latchkey.db")}`, drop: async () => {} };
    case "postgres":
      // To be made on an embedded server, or on the one that LATCHKEY_TEST_POSTGRES_URL names.
      throw new Error("histories on PostgreSQL need the PostgreSQL engine, which this version of Latchkey does not have");
  }
}
