import pg from "pg";
import { expect, it } from "vitest";
import { operationOptions, withClient } from "../../../src/store/postgres/connection.js";
import { query, testDatabases } from "../../support/postgres.js";

const databases = testDatabases();

it("every connection waits for the disk when it commits, though the database's default is not to", async () => {
  const location = await databases.createEmpty();
  await query(location, `ALTER DATABASE ${location.database} SET synchronous_commit = off`);
  const setting = "SHOW synchronous_commit";
  expect(await query(location, setting)).toEqual([{ synchronous_commit: "off" }]);
  expect((await withClient(location, (client) => client.query(setting))).rows).toEqual([{ synchronous_commit: "on" }]);
  const pool = new pg.Pool(operationOptions(location));
  const { rows } = await pool.query("SELECT current_setting('synchronous_commit') AS sync, current_setting('jit') AS jit");
  await pool.end();
  expect(rows).toEqual([{ sync: "on", jit: "off" }]);
});
