import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import { StoreMovedError } from "../port/errors.js";
import type { Guard } from "./writer.js";

/** Records in the database that its data is being moved to another one, or was. */
export interface MoveMark {
  readonly moveId: string;
  readonly state: "moving" | "moved";
  /** Names the target for an operator, without secrets. */
  readonly target: string;
  readonly markedAt: EpochMs;
}

interface MarkRow {
  move_id: string;
  state: MoveMark["state"];
  target: string;
  marked_at: EpochMs;
}

const select = "SELECT move_id, state, target, marked_at FROM move WHERE only_row = 1";

/** Returns true if the database's schema has move marks. */
export function hasMoveMark(db: Database): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'move'").get() !== undefined;
}

export function readMoveMark(db: Database): MoveMark | null {
  const row = db.prepare<[], MarkRow>(select).get();
  return row === undefined ? null : toMark(row);
}

/** Marks the database as *moving* unless it is marked already. Returns the mark that it then has. */
export function markMoving(db: Database, mark: Omit<MoveMark, "state">): MoveMark {
  const insert = db.prepare<[string, string, EpochMs]>(
    "INSERT INTO move (only_row, move_id, state, target, marked_at) VALUES (1, ?, 'moving', ?, ?) ON CONFLICT DO NOTHING",
  );
  const step = db.transaction(() => {
    if (insert.run(mark.moveId, mark.target, mark.markedAt).changes > 0) closeTables(db);
    return readMoveMark(db)!;
  });
  return step.immediate();
}

/** Turns *moving* into *moved*. Returns false if the move was cancelled. */
export function markMoved(db: Database, moveId: string): boolean {
  const step = db.transaction(() => {
    db.prepare<[string]>("UPDATE move SET state = 'moved' WHERE move_id = ? AND state = 'moving'").run(moveId);
    const mark = readMoveMark(db);
    return mark?.moveId === moveId && mark.state === "moved";
  });
  return step.immediate();
}

/** Clears *moving* only. Returns false if there was nothing to clear. */
export function clearMoving(db: Database): boolean {
  const step = db.transaction(() => {
    const cleared = db.prepare("DELETE FROM move WHERE state = 'moving'").run().changes > 0;
    if (cleared) openTables(db);
    return cleared;
  });
  return step.immediate();
}

/**
 * Blocks every write by SQL triggers. This stops programs that do not know the mark, such as an earlier version that is still
 * running.
 */
function closeTables(db: Database): void {
  const tables = db
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'")
    .pluck()
    .all();
  for (const table of tables) {
    // A start reads `schema_migrations`, and `move` is the mark itself.
    if (table === "schema_migrations" || table === "move") continue;
    for (const change of ["insert", "update", "delete"]) {
      db.exec(`CREATE TRIGGER moving_${table}_${change} BEFORE ${change} ON ${table}
        BEGIN SELECT RAISE(ABORT, 'this database is being moved to PostgreSQL, or was'); END`);
    }
  }
}

function openTables(db: Database): void {
  const triggers = db
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'moving_*'")
    .pluck()
    .all();
  // Quote the names: the database may be a restored backup whose trigger names an attacker chose.
  for (const trigger of triggers) db.exec(`DROP TRIGGER "${trigger.replaceAll('"', '""')}"`);
}

/**
 * Refuses operations of a marked database. A write reads the mark in its own transaction, so nothing is written after the mark.
 * Reads stay correct while the database is moving, because nothing changes. Reads of a moved database are refused once this
 * process has seen the mark. The sweep looks for it every second.
 */
export function createMoveGuard(db: Database): Guard {
  const marked = db.prepare<[], MarkRow>(select);
  let moved: StoreMovedError | null = null;

  function look(): StoreMovedError | null {
    const row = marked.get();
    if (row === undefined) return null;
    const refusal = new StoreMovedError(row.state, row.target);
    // Final: a moved database never becomes usable again.
    if (row.state === "moved") moved = refusal;
    return refusal;
  }

  look();
  return { refusalOfWrite: look, refusalOfRead: () => moved };
}

function toMark(row: MarkRow): MoveMark {
  return { moveId: row.move_id, state: row.state, target: row.target, markedAt: row.marked_at };
}
