import pg from "pg";
import type { Database, Statement } from "./database.js";
import { isDiskFull } from "./errors.js";

/** Remembers that a disk was full at the last write, and checks whether there is space again. */
export interface DiskSpace {
  noteFailure(error: unknown): void;
  ranOut(): boolean;
  /** Rejects if there is no space for a new table of a megabyte. */
  check(db: Database): Promise<void>;
}

/** A new table never fits into space reserved earlier. A temporary one reaches no log and no standby. */
const probe: Statement = {
  name: "disk_space",
  text: "CREATE TEMPORARY TABLE latchkey_space ON COMMIT DROP AS SELECT repeat('x', 1000) AS filling FROM generate_series(1, 1000)",
};

/** When no page can be added, updates still succeed in existing pages. Their success does not show that there is space. */
export function createDiskSpace(): DiskSpace {
  let missing = false;
  return {
    noteFailure(error) {
      if (isDiskFull(error)) missing = true;
    },
    ranOut: () => missing,
    async check(db) {
      await db.changes(probe).catch((error: unknown) => {
        // A login without the right to create temporary tables can't check this. Assume that there is space.
        if (!(error instanceof pg.DatabaseError && error.code === insufficientPrivilege)) throw error;
      });
      missing = false;
    },
  };
}

const insufficientPrivilege = "42501";
