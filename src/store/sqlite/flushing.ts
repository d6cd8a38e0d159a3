import type { Database } from "better-sqlite3";

/** Decides which commits of a connection wait for the disk, and has the others flushed soon after. */
export interface Flushing {
  /** Call before a transaction begins. With true, its commit is flushed to the disk together with every earlier commit. */
  set(flushes: boolean): void;
  /** Call after each commit. */
  noteCommit(): void;
  /** Returns true if a commit may not be on the disk yet. */
  isPending(): boolean;
  /** A step that always writes a page, so that the flushing commit has something to flush. */
  readonly writePage: () => void;
}

/** How long after an unflushed commit the flush follows: well within the second that the port promises. */
const flushAfterMs = 500;

/**
 * In WAL mode `synchronous=FULL` flushes the log at every commit that writes, and `NORMAL` flushes at none.
 * @param flush Called some time after an unflushed commit. It must commit `writePage` with a flush.
 */
export function createFlushing(db: Database, flush: () => void): Flushing {
  // This always writes the first page; an UPDATE that changes nothing writes no page. Every Latchkey database has user_version 0.
  const writeFirstPage = db.prepare("PRAGMA user_version = 0");
  const countChanges = db.prepare<[], number>("SELECT total_changes()").pluck();
  let flushes = true;
  let changes = countChanges.get()!;
  let timer: NodeJS.Timeout | undefined;

  return {
    set(wanted) {
      if (wanted === flushes) return;
      // Compiling this pragma sets it. A prepared statement would do nothing when run again.
      db.exec(`PRAGMA synchronous = ${wanted ? "FULL" : "NORMAL"}`);
      flushes = wanted;
    },
    noteCommit() {
      const before = changes;
      changes = countChanges.get()!;
      if (flushes || changes === before || timer !== undefined) return;
      // A flushing commit does not stop the timer: it may have written no page and so flushed nothing.
      timer = setTimeout(() => {
        timer = undefined;
        flush();
      }, flushAfterMs).unref();
    },
    isPending: () => timer !== undefined,
    writePage: () => void writeFirstPage.run(),
  };
}
