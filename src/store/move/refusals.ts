import { nameOf } from "../open.js";
import { inspect } from "../postgres/inspect.js";
import type { PostgresLocation } from "../postgres/location.js";
import { findStrangeTable, type MoveTarget } from "../postgres/move-in.js";
import type { FillMark } from "../postgres/move-mark.js";
import type { MoveMark } from "../sqlite/move-mark.js";
import { movedTables, type TableCount } from "./tables.js";

/** What keeps a move from being begun, gone on with or given up: a sentence that says what to do. */
export class MoveRefusedError extends Error {
  override readonly name = "MoveRefusedError";
}

export function refuseOtherTarget(mark: MoveMark | null, target: PostgresLocation): void {
  if (mark === null || mark.target === nameOf(target)) return;
  throw new MoveRefusedError(
    mark.state === "moved"
      ? `the database was moved to ${mark.target} already: serve that one`
      : `the database is being moved to ${mark.target}: go on with that, or give it up with \`latchkey migrate --abort\` first`,
  );
}

/** Before anything is made in the target. */
export async function refuseUnfit(target: PostgresLocation): Promise<void> {
  const { readOnly, encoding } = await inspect(target);
  if (readOnly) throw new MoveRefusedError(`${nameOf(target)} is read-only: turn its default_transaction_read_only off`);
  if (encoding !== "UTF8") {
    throw new MoveRefusedError(`the encoding of ${nameOf(target)} is ${encoding}: make a database with ENCODING 'UTF8'`);
  }
  const stranger = await findStrangeTable(target);
  if (stranger === null) return;
  throw new MoveRefusedError(`${nameOf(target)} has a table ${stranger} of something else: name an empty database`);
}

export function refuseOtherMove(there: FillMark | null, known: MoveMark | null, target: PostgresLocation): void {
  if (there === null) {
    if (known?.state !== "moved") return;
    throw new MoveRefusedError(`${nameOf(target)} does not hold what was moved there any more: restore its backup`);
  }
  if (there.moveId === known?.moveId) return;
  throw new MoveRefusedError(
    there.state === "filling"
      ? `${nameOf(target)} holds a part of another move, or of one that was given up: name an empty database`
      : `${nameOf(target)} was filled by another move: name an empty database`,
  );
}

export async function refuseFilled(into: MoveTarget, target: PostgresLocation): Promise<void> {
  const filled = await into.findFilled(movedTables);
  if (filled === null) return;
  throw new MoveRefusedError(`${nameOf(target)} is not empty, its table ${filled} has rows: name an empty database`);
}

export function refuseUnequal(counts: readonly TableCount[], where: PostgresLocation): void {
  for (const { table, source, target } of counts) {
    if (target !== source) throw strangerError(where, `${target} rows of ${table} arrived instead of ${source}`);
  }
}

export function givenUpError(target: PostgresLocation): MoveRefusedError {
  return new MoveRefusedError(
    `the move was given up meanwhile by \`latchkey migrate --abort\`: ${nameOf(target)} holds what arrived of it, so drop that database`,
  );
}

export function strangerError(target: PostgresLocation, detail = "rows are there that were not moved"): MoveRefusedError {
  return new MoveRefusedError(
    `something else writes to ${nameOf(target)} (${detail}): give the move up with \`latchkey migrate --abort\`, and name an empty ` +
      "database that nobody serves",
  );
}
