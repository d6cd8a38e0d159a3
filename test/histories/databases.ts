import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
    case "sqlite": {
      const folder = mkdtempSync(join(tmpdir(), "latchkey-histories-db-"));
      return {
        url: `sqlite:${join(folder, "latchkey.db")}`,
        drop: async () => rmSync(folder, { recursive: true, force: true }),
      };
    }
    case "postgres":
      // To be made on an embedded server, or on the one that LATCHKEY_TEST_POSTGRES_URL names.
      throw new Error("histories on PostgreSQL need the PostgreSQL engine, which this version of Latchkey does not have");
  }
}
