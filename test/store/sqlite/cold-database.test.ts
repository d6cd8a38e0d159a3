import { join } from "node:path";
import { createColdDatabase } from "../../../src/store/sqlite/cold-database.js";
import { openDatabase } from "../../../src/store/sqlite/sqlite.js";
import { createWriter } from "../../../src/store/sqlite/writer.js";
import { describeColdDatabase } from "../contract/cold-database.js";
import { times, unique } from "../contract/fixtures.js";
import { tempDir } from "../temp-dir.js";

const directory = tempDir();

const makeThings =
  "CREATE TABLE things (id TEXT PRIMARY KEY NOT NULL, count INTEGER NOT NULL, flag INTEGER NOT NULL, secret BLOB) STRICT";

describeColdDatabase("SQLite", async () => {
  const path = join(directory, `${unique("cold")}.db`);
  const opened = times(3, () => {
    const db = openDatabase(path);
    return { db, writer: createWriter(db, () => 0) };
  });
  opened[0]!.db.exec(makeThings);
  return {
    colds: opened.map(({ db, writer }) => createColdDatabase(db, writer)),
    async close() {
      for (const { db, writer } of opened) {
        await writer.idle();
        db.close();
      }
    },
  };
});
