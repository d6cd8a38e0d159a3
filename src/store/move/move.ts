import { randomUUID } from "node:crypto";
import type { Database } from "better-sqlite3";
import { codeOf } from "../../lib/error-code.js";
import { nameOf } from "../open.js";
import type { PostgresLocation } from "../postgres/location.js";
import { MoveLockedError, type MoveTarget, withMoveTarget } from "../postgres/move-in.js";
import { clearMoving, hasMoveMark, type MoveMark, markMoved, markMoving, readMoveMark } from "../sqlite/move-mark.js";
import { batchesOf, countRows, lastNumber, openMoveSource } from "../sqlite/move-out.js";
import { openDatabase } from "../sqlite/sqlite.js";
import {
  givenUpError,
  MoveRefusedError,
  refuseFilled,
  refuseOtherMove,
  refuseOtherTarget,
  refuseUnequal,
  refuseUnfit,
  strangerError,
} from "./refusals.js";
import { type MovedTable, movedTables, type TableCount, toTargetRow } from "./tables.js";

/** The progress of a move. Each reported step is durable: an interruption after it loses none of it. */
export type MoveStep =
  | { readonly kind: "source marked"; readonly resumed: boolean }
  | { readonly kind: "target marked" }
  /** One more batch of a table was copied. `rows` counts the rows copied by this call. */
  | { readonly kind: "copied"; readonly table: string; readonly rows: number; readonly last: boolean }
  | { readonly kind: "source moved" };

/** Called at every step. The move waits for it. */
export type Reached = (step: MoveStep) => Promise<void> | void;

export interface Moved {
  /** Rows of each table in both databases. Null if the move was already complete and nothing was done. */
  readonly counts: readonly TableCount[] | null;
  readonly begunAt: number;
}

/** Rows in one batch. Each batch is one transaction of the target. */
const batchRows = 2_000;

/**
 * Moves all data of a SQLite database into an empty PostgreSQL database, or resumes an interrupted move.
 *
 * First the source is marked *moving*. From then on it takes no writes, so all batches come from one state. The target is
 * marked *filling* before its first row, and no process serves it in that state. At the end the source is marked *moved* for
 * good, and then the target *complete*. So the two never accept writes at the same time. After a crash between the two marks
 * the same command finishes the move.
 */
export async function moveStore(source: { readonly path: string }, target: PostgresLocation, reached: Reached): Promise<Moved> {
  const db = openMoveSource(source.path);
  try {
    refuseOtherTarget(readMoveMark(db), target);
    await refuseUnfit(target);
    return await withMoveTarget(target, (into) => moveInto(into, db, { target, reached }));
  } catch (error) {
    if (error instanceof MoveLockedError)
      throw new MoveRefusedError(
        `another \`latchkey migrate --to\` is already running on ${nameOf(target)}: wait for it, or stop it`,
      );
    if (isDuplicate(error)) throw strangerError(target);
    throw error;
  } finally {
    db.close();
  }
}

/** Clears *moving*. Returns the name of the move's target, or null if the database is not marked. */
export function abortMove(source: { readonly path: string }): string | null {
  const db = openDatabase(source.path);
  try {
    const mark = hasMoveMark(db) ? readMoveMark(db) : null;
    if (mark === null) return null;
    if (!clearMoving(db)) {
      throw new MoveRefusedError(`the move to ${mark.target} is complete and can't be cancelled: serve that database`);
    }
    return mark.target;
  } finally {
    db.close();
  }
}

interface Given {
  readonly target: PostgresLocation;
  readonly reached: Reached;
}

async function moveInto(into: MoveTarget, db: Database, { target, reached }: Given): Promise<Moved> {
  const known = readMoveMark(db);
  const there = await into.mark();
  refuseOtherMove(there, known, target);
  if (there === null) await refuseFilled(into, target);
  const mark = known ?? markMoving(db, { moveId: randomUUID(), target: nameOf(target), markedAt: Date.now() });
  // Another process may have marked it in the meantime.
  refuseOtherTarget(mark, target);
  await reached({ kind: "source marked", resumed: known !== null });
  if (there?.state === "complete") {
    if (!markMoved(db, mark.moveId)) throw givenUpError(target);
    return { counts: null, begunAt: mark.markedAt };
  }
  if (there === null) await beginFilling(into, mark, target);
  await reached({ kind: "target marked" });
  for (const table of movedTables) await copyTable(into, db, { table, reached });
  let counts: TableCount[] = [];
  const lastNumberOf = (table: string) => lastNumber(db, table);
  await into.complete(mark.moveId, movedTables, lastNumberOf, async (arrived) => {
    counts = movedTables.map(({ name }) => ({ table: name, source: countRows(db, name), target: arrived.get(name)! }));
    refuseUnequal(counts, target);
    if (!markMoved(db, mark.moveId)) throw givenUpError(target);
    await reached({ kind: "source moved" });
  });
  return { counts, begunAt: mark.markedAt };
}

async function beginFilling(into: MoveTarget, { moveId }: MoveMark, target: PostgresLocation): Promise<void> {
  if (await into.begin({ moveId, now: Date.now() }, movedTables)) return;
  await refuseFilled(into, target);
  throw new MoveRefusedError(`another move has marked ${nameOf(target)} in the meantime: name an empty database`);
}

async function copyTable(
  into: MoveTarget,
  db: Database,
  { table, reached }: { readonly table: MovedTable; readonly reached: Reached },
): Promise<void> {
  const rowsAfter = batchesOf(db, table, batchRows);
  let after = await into.lastKey(table);
  for (let rows = 0, last = false; !last; ) {
    const batch = rowsAfter(after);
    const converted = batch.map((row) => toTargetRow(table, row));
    if (batch.length > 0) await into.insert(table, converted);
    rows += batch.length;
    last = batch.length < batchRows;
    after = table.key.map((column) => batch.at(-1)?.[column]);
    await reached({ kind: "copied", table: table.name, rows, last });
  }
}

function isDuplicate(error: unknown): boolean {
  return codeOf(error) === "23505";
}
