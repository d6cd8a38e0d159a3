import { randomUUID } from "node:crypto";
import type { Database } from "better-sqlite3";
import { codeOf } from "../../lib/error-code.js";
import { nameOf } from "../open.js";
import type { PostgresLocation } from "../postgres/location.js";
import { MoveLockedError, type MoveTarget, withMoveTarget } from "../postgres/move-in.js";
import { clearMoving, hasMoveMark, type MoveMark, markMoved, markMoving, readMoveMark } from "../sqlite/move-mark.js";
import { batchesOf, countRows, openMoveSource } from "../sqlite/move-out.js";
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

/** How far a move is. Whatever is reached is durable; an interruption after it loses nothing of it. */
export type MoveStep =
  | { readonly kind: "source marked"; readonly resumed: boolean }
  | { readonly kind: "target marked" }
  /** One batch more of a table; `rows` are those of this call. */
  | { readonly kind: "copied"; readonly table: string; readonly rows: number; readonly last: boolean }
  | { readonly kind: "source moved" };

/** Told of every step, and waited for. */
export type Reached = (step: MoveStep) => Promise<void> | void;

export interface Moved {
  /** Rows of each table in both databases; null: it was complete before, and nothing was done. */
  readonly counts: readonly TableCount[] | null;
  readonly begunAt: number;
}

/** Rows of one batch, which is one transaction of the target. */
const batchRows = 2_000;

/**
 * Moves all data of a SQLite database into an empty PostgreSQL database, or goes on with that where it was interrupted.
 *
 * The source is marked *moving* first, from when on nobody writes to it, so that every batch is of one state. The target is marked
 * *filling* before the first row, and nobody serves it. At its end the source becomes *moved*, for ever, before the target becomes
 * *complete*: at no moment can both be written to, and a crash between the two is gone on from by the same command.
 */
export async function moveStore(source: { readonly path: string }, target: PostgresLocation, reached: Reached): Promise<Moved> {
  const db = openMoveSource(source.path);
  try {
    refuseOtherTarget(readMoveMark(db), target);
    await refuseUnfit(target);
    return await withMoveTarget(target, (into) => moveInto(into, db, { target, reached }));
  } catch (error) {
    if (error instanceof MoveLockedError)
      throw new MoveRefusedError(`another \`latchkey migrate --to\` is at work on ${nameOf(target)}: wait for it, or stop it`);
    if (isDuplicate(error)) throw strangerError(target);
    throw error;
  } finally {
    db.close();
  }
}

/** Clears *moving*. Gives where the database was to be moved to; null: it is not marked. */
export function abortMove(source: { readonly path: string }): string | null {
  const db = openDatabase(source.path);
  try {
    const mark = hasMoveMark(db) ? readMoveMark(db) : null;
    if (mark === null) return null;
    if (!clearMoving(db)) {
      throw new MoveRefusedError(`the move to ${mark.target} is complete and can't be given up: serve that database`);
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
  // Another command may have been faster.
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
  await into.complete(mark.moveId, movedTables, async (arrived) => {
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
  throw new MoveRefusedError(`${nameOf(target)} was marked by another move meanwhile: name an empty database`);
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

/** unique_violation */
function isDuplicate(error: unknown): boolean {
  return codeOf(error) === "23505";
}
