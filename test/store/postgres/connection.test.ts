import { expect, it } from "vitest";
import { operationOptions, withClient } from "../../../src/store/postgres/connection.js";
import { createOpener } from "../../../src/store/postgres/opener.js";
import { query, testDatabases } from "../../support/postgres.js";

const databases = testDatabases();

it.each([
  ["off", "on"],
  ["local", "on"],
  ["remote_write", "on"],
  ["on", "on"],
  ["remote_apply", "remote_apply"],
])("where the database's default for synchronous_commit is %s, every connection has %s", async (given, expected) => {
  const location = await databases.createEmpty();
  await query(location, `ALTER DATABASE ${location.database} SET synchronous_commit = ${given}`);
  const setting = "SHOW synchronous_commit";
  expect(await query(location, setting)).toEqual([{ synchronous_commit: given }]);
  expect((await withClient(location, (client) => client.query(setting))).rows).toEqual([{ synchronous_commit: expected }]);
  const client = await createOpener(location).open(operationOptions);
  const { rows } = await client.query("SELECT current_setting('synchronous_commit') AS sync, current_setting('jit') AS jit");
  await client.end();
  expect(rows).toEqual([{ sync: expected, jit: "off" }]);
});
