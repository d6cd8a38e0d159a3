import pg from "pg";
import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../src/store/port/errors.js";
import { isConflict, translated } from "../../../src/store/postgres/errors.js";

describe("errors of PostgreSQL", () => {
  const errorOf = (code: string) => Object.assign(new pg.DatabaseError("told by the server", 1, "error"), { code });

  it.each([
    ["08006", "a broken connection"],
    ["25006", "a read-only server"],
    ["28P01", "a changed password"],
    ["3D000", "a database that is gone"],
    ["40001", "racers in the way"],
    ["40P01", "a deadlock"],
    ["53100", "a full disk"],
    ["53300", "too many connections"],
    ["55P03", "a lock not had in time"],
    ["57014", "a statement that took too long"],
    ["57P01", "a server that is being stopped"],
    ["57P03", "a server that is starting"],
    ["58030", "a failing disk"],
  ])("%s, %s, is the store being unavailable", (code) => {
    expect(translated(errorOf(code))).toBeInstanceOf(StoreUnavailableError);
  });

  it.each(["22021", "22003", "23505", "42601", "42P01", "XX000"])("%s is a fault of ours and stays what it is", (code) => {
    const error = errorOf(code);
    expect(translated(error)).toBe(error);
    expect(isConflict(error)).toBe(false);
  });
});
