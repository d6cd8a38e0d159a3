import pg from "pg";
import { expect, it } from "vitest";
import type { Database } from "../../../src/store/postgres/database.js";
import { createRoom } from "../../../src/store/postgres/disk-space.js";

const errorOf = (code: string) => Object.assign(new pg.DatabaseError("told by the server", 1, "error"), { code });

/** A database whose statements end so. */
function ending(error: Error | null): Database {
  const changes = () => (error === null ? Promise.resolve(0) : Promise.reject(error));
  return { changes, rows: async () => [], close: async () => {} };
}

it("room is missing from the first full disk until a check finds some", async () => {
  const room = createRoom();
  room.noteFailure(errorOf("25006"));
  expect(room.wasMissing()).toBe(false);
  room.noteFailure(errorOf("53100"));
  await expect(room.check(ending(errorOf("53100")))).rejects.toMatchObject({ code: "53100" });
  expect(room.wasMissing()).toBe(true);
  await room.check(ending(null));
  expect(room.wasMissing()).toBe(false);
});

it("a user who may not make temporary tables is not kept from being ready for ever", async () => {
  const room = createRoom();
  room.noteFailure(errorOf("53100"));
  await room.check(ending(errorOf("42501")));
  expect(room.wasMissing()).toBe(false);
});
