import { nameOf } from "../open.js";
import { inspect } from "../postgres/inspect.js";
import type { PostgresLocation } from "../postgres/location.js";
import { findStrangeTable, type MoveTarget } from "../postgres/move-in.js";
import type { FillMark } from "../postgres/move-mark.js";
import type { MoveMark } from "../sqlite/move-mark.js";
import { movedTables, type TableCount } from "./tables.js";

/** Thrown when a move can't be started, resumed or cancelled. The message says what to do. */
export class MoveRefusedError extends Error {
  override readonly name = "MoveRefusedError";
}

export function refuseOtherTarget(mark: MoveMark | null, target: PostgresLocation): void {
  if (mark === null || mark.target === nameOf(target)) return;
  throw new MoveRefusedError(
    mark.state === "moved"
      ? `the database was already moved to ${mark.target}: serve that database`
      : `the database is being moved to ${mark.target}: resume that move, or cancel it first with \`latchkey migrate --abort\``,
  );
}

/** Called before anything is created in the target. */
export async function refuseUnfit(target: PostgresLocation): Promise<void> {
  const { readOnly, encoding } = await inspect(target);
  if (readOnly) throw new MoveRefusedError(`${nameOf(target)} is read-only: turn its default_transaction_read_only off`);
  if (encoding !== "UTF8") {
    throw new MoveRefusedError(`the encoding of ${nameOf(target)} is ${encoding}: make a database with ENCODING 'UTF8'`);
  }
  const stranger = await findStrangeTable(target);
  if (stranger === null) return;
  throw new MoveRefusedError(`${nameOf(target)} has a table ${stranger} that is not Latchkey's: name an empty database`);
}

export function refuseOtherMove(there: FillMark | null, known: MoveMark | null, target: PostgresLocation): void {
  if (there === null) {
    if (known?.state !== "moved") return;
    throw new MoveRefusedError(`${nameOf(target)} no longer holds the moved data: restore its backup`);
  }
  if (there.moveId === known?.moveId) return;
  throw new MoveRefusedError(
    there.state === "filling"
      ? `${nameOf(target)} holds a part of another or a cancelled move: name an empty database`
      : `${nameOf(target)} was filled by another move: name an empty database`,
  );
}

export async function refuseFilled(into: MoveTarget, target: PostgresLocation): Promise<void> {
  const filled = await into.findFilled(movedTables);
  if (filled === null) return;
  throw new MoveRefusedError(`${nameOf(target)} is not empty (its table ${filled} has rows): name an empty database`);
}

export function refuseUnequal(counts: readonly TableCount[], where: PostgresLocation): void {
  for (const { table, source, target } of counts) {
    if (target !== source) throw strangerError(where, `${target} rows of ${table} arrived instead of ${source}`);
  }
}

export function givenUpError(target: PostgresLocation): MoveRefusedError {
  return new MoveRefusedError(
    `the move was cancelled meanwhile by \`latchkey migrate --abort\`: ${nameOf(target)} holds a part of the data, so drop that database`,
  );
}

export function strangerError(target: PostgresLocation, detail = "it has rows that were not moved"): MoveRefusedError {
  return new MoveRefusedError(
    `another program writes to ${nameOf(target)} (${detail}): cancel the move with \`latchkey migrate --abort\`, and name an empty ` +
      "database that no process serves",
  );
}
