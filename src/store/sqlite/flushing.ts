import type { Database } from "better-sqlite3";

/** Decides which commits of a connection wait for the disk, and sees to it that the others get there soon. */
export interface Flushing {
  /** Call before a transaction begins: whether its commit flushes it, and with it every earlier commit, to the disk. */
  set(flushes: boolean): void;
  /** Call after each commit. */
  noteCommit(): void;
  /** Whether a commit may not be on the disk yet. */
  isPending(): boolean;
  /** A step that always writes a page, so that the commit that flushes it has something to flush. */
  readonly writePage: () => void;
}

/** Some commits do not wait for the disk: they are flushed this much later, well within the second that the port promises. */
const flushAfterMs = 500;

/**
 * In WAL mode, `synchronous=FULL` flushes the log at every commit that writes, and NORMAL at none.
 * @param flush Called some time after a commit that did not flush. It has to commit `writePage` and flush.
 */
export function createFlushing(db: Database, flush: () => void): Flushing {
  // This writes the first page always, while an UPDATE that changes nothing writes no page. Every database has the 0.
  const writeFirstPage = db.prepare("PRAGMA user_version = 0");
  const countChanges = db.prepare<[], number>("SELECT total_changes()").pluck();
  let flushes = true;
  let changes = countChanges.get()!;
  let timer: NodeJS.Timeout | undefined;

  return {
    set(wanted) {
      if (wanted === flushes) return;
      // Compiling this pragma is what sets it, so a prepared statement would do nothing.
      db.exec(`PRAGMA synchronous = ${wanted ? "FULL" : "NORMAL"}`);
      flushes = wanted;
    },
    noteCommit() {
      const before = changes;
      changes = countChanges.get()!;
      if (flushes || changes === before || timer !== undefined) return;
      // A commit that flushes does not stop the timer: it may have written no page, and then it flushed nothing.
      timer = setTimeout(() => {
        timer = undefined;
        flush();
      }, flushAfterMs).unref();
    },
    isPending: () => timer !== undefined,
    writePage: () => void writeFirstPage.run(),
  };
}
