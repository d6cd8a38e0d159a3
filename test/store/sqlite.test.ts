import { join } from "node:path";
import { openStore } from "../../src/store/open.js";
import { newSqliteFile } from "../support/sqlite-template.js";
import { unique } from "./contract/fixtures.js";
import { describeStore } from "./contract/store.js";
import { tempDir } from "./temp-dir.js";

const directory = tempDir();

describeStore("a SQLite file", async () => {
  const location = { kind: "sqlite", path: join(directory, `${unique("test")}.db`) } as const;
  await newSqliteFile(location.path);
  return { location, store: await openStore(location, { inFlight: () => 0 }) };
});
