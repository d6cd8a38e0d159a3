import pg from "pg";
import type { Database, Statement } from "./database.js";
import { isDiskFull } from "./errors.js";

/** Knows that a disk was full when something was last written, and finds out when it no longer is. */
export interface DiskSpace {
  noteFailure(error: unknown): void;
  ranOut(): boolean;
  /** Rejects when there is no space for a new table of a megabyte. */
  check(db: Database): Promise<void>;
}

/** A new table never finds room in what was reserved before; what it holds goes to no log and to no standby. */
const probe: Statement = {
  name: "disk_space",
  text: "CREATE TEMPORARY TABLE latchkey_space ON COMMIT DROP AS SELECT repeat('x', 1000) AS filling FROM generate_series(1, 1000)",
};

/** Updates go on in the pages that are there when no page can be added any more: they don't tell that a disk is full. */
export function createDiskSpace(): DiskSpace {
  let missing = false;
  return {
    noteFailure(error) {
      if (isDiskFull(error)) missing = true;
    },
    ranOut: () => missing,
    async check(db) {
      await db.changes(probe).catch((error: unknown) => {
        // Who may not make such tables can't find out.
        if (!(error instanceof pg.DatabaseError && error.code === insufficientPrivilege)) throw error;
      });
      missing = false;
    },
  };
}

const insufficientPrivilege = "42501";
