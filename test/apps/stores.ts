import { join } from "node:path";
import { openStore } from "../../src/store/open.js";
import type { Store } from "../../src/store/port/store.js";
import { unique } from "../store/contract/fixtures.js";
import { tempDir } from "../store/temp-dir.js";
import { isAsked } from "../support/engines.js";
import { testDatabases } from "../support/postgres.js";
import { newSqliteFile } from "../support/sqlite-template.js";

/** An engine on which a suite opens stores of new databases. */
export interface StoreEngine {
  readonly engine: "SQLite" | "PostgreSQL";
  /** Opens one new database `count` times, as `count` processes would. The stores close after the test file. */
  open(count: number): Promise<readonly Store[]>;
}

export function storeEngines(): readonly StoreEngine[] {
  const directory = tempDir();
  const databases = testDatabases();
  const inFlight = () => 0;
  const engines: readonly StoreEngine[] = [
    {
      engine: "SQLite",
      async open(count) {
        const path = join(directory, `${unique("directory")}.db`);
        await newSqliteFile(path);
        return await opened(count, () => openStore({ kind: "sqlite", path }, { inFlight }));
      },
    },
    {
      engine: "PostgreSQL",
      async open(count) {
        const location = await databases.create();
        return await opened(count, () => openStore(location, { inFlight }));
      },
    },
  ];
  return engines.filter(isAsked);
}

async function opened(count: number, open: () => Promise<Store>): Promise<readonly Store[]> {
  const stores: Store[] = [];
  for (let n = 0; n < count; n += 1) stores.push(await open());
  return stores;
}
