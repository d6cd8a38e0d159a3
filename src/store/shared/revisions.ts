import type { EpochMs } from "../../model/time.js";
import { type ColdDatabase, type Steps, sql } from "./cold-database.js";
import { escapeNul } from "./texts.js";

/** Runs a change of the directory. All of them change the one row with the revision. */
export function changeDirectory<T>(db: ColdDatabase, operation: () => Steps<T>): Promise<T> {
  return db.write(operation, { inTurn: "directory" });
}

/**
 * Gives a change of the directory its revision. All changes update this one row, so they commit in the order of their
 * revisions: a process that sees a revision sees all lower ones.
 */
export function* nextRevision(): Steps<number> {
  const [row] = yield* sql<{ revision: number }>("UPDATE directory SET revision = revision + 1 RETURNING revision");
  return row!.revision;
}

/** Leaves a mark of a deleted row, so that processes learn of it. */
export function* noteDeletion(
  kind: "app" | "client",
  id: string,
  { revision, now }: { readonly revision: number; readonly now: EpochMs },
): Steps<void> {
  const text = `INSERT INTO directory_deletions (kind, id, revision, deleted_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, deleted_at = excluded.deleted_at`;
  yield* sql(text, [kind, escapeNul(id), revision, now]);
}

/** Removes the mark of a row with this id that was deleted before. */
export function* forgetDeletion(kind: "app" | "client", id: string): Steps<void> {
  yield* sql("DELETE FROM directory_deletions WHERE kind = $1 AND id = $2", [kind, escapeNul(id)]);
}
