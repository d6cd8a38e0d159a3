import type { Database } from "better-sqlite3";
import type { Store } from "../port/store.js";
import { busyTimeoutMs, type Writer } from "./writer.js";

/** Old versions of pages stay in the log until it is empty. `secure_delete` overwrites erased data in the database itself. */
export function createScrub(db: Database, writer: Writer): Pick<Store["upkeep"], "scrub"> {
  const checkpoint = db.prepare<[], { busy: number }>("PRAGMA wal_checkpoint(TRUNCATE)");
  return {
    scrub: () =>
      writer.read(() => {
        // A wait for another process blocks the event loop, and a backup there reads for longer than any wait.
        db.exec("PRAGMA busy_timeout = 0");
        try {
          return checkpoint.get()!.busy === 0;
        } finally {
          db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
        }
      }),
  };
}
