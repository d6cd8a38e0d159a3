import { join } from "node:path";
import { openStore } from "../../src/store/open.js";
import { testDatabases } from "../support/postgres.js";
import { newSqliteFile } from "../support/sqlite-template.js";
import { unique } from "./contract/fixtures.js";
import { describeStore } from "./contract/store.js";
import { tempDir } from "./temp-dir.js";

const directory = tempDir();
const databases = testDatabases();
const options = { inFlight: () => 0 };
const concerns = ["processes"];

async function openFile() {
  const location = { kind: "sqlite", path: join(directory, `${unique("processes")}.db`) } as const;
  await newSqliteFile(location.path);
  return { location, store: await openStore(location, options) };
}

async function openDatabase() {
  const location = await databases.create();
  return { location, store: await openStore(location, options) };
}

describeStore("a SQLite file", openFile, concerns);
describeStore("PostgreSQL", openDatabase, concerns);
