import pg from "pg";
import { expect, it } from "vitest";
import type { Database } from "../../../src/store/postgres/database.js";
import { createDiskSpace } from "../../../src/store/postgres/disk-space.js";

const errorOf = (code: string) => Object.assign(new pg.DatabaseError("told by the server", 1, "error"), { code });

/** A database whose statements end so. */
function ending(error: Error | null): Database {
  const changes = () => (error === null ? Promise.resolve(0) : Promise.reject(error));
  return { changes, rows: async () => [], transaction: (work) => work(async () => []), close: async () => {} };
}

it("disk space counts as run out from the first full disk until a check finds some", async () => {
  const diskSpace = createDiskSpace();
  diskSpace.noteFailure(errorOf("25006"));
  expect(diskSpace.ranOut()).toBe(false);
  diskSpace.noteFailure(errorOf("53100"));
  await expect(diskSpace.check(ending(errorOf("53100")))).rejects.toMatchObject({ code: "53100" });
  expect(diskSpace.ranOut()).toBe(true);
  await diskSpace.check(ending(null));
  expect(diskSpace.ranOut()).toBe(false);
});

it("a user who may not make temporary tables is not kept from being ready for ever", async () => {
  const diskSpace = createDiskSpace();
  diskSpace.noteFailure(errorOf("53100"));
  await diskSpace.check(ending(errorOf("42501")));
  expect(diskSpace.ranOut()).toBe(false);
});
