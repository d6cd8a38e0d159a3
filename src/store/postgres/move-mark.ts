import type pg from "pg";
import { StoreUnavailableError } from "../port/errors.js";
import type { Rows, Statement } from "./database.js";

/** Records in the database that another database's data is being moved into it, or was. */
export interface FillMark {
  readonly moveId: string;
  readonly state: "filling" | "complete";
}

interface MarkRow {
  move_id: string;
  state: FillMark["state"];
}

const select: Statement = { name: "move_mark", text: "SELECT m.move_id, m.state FROM move m WHERE m.only_row = 1" };

export async function readFillMark(client: pg.Client): Promise<FillMark | null> {
  const { rows } = await client.query(select.text);
  const [row] = rows as MarkRow[];
  return row === undefined ? null : { moveId: row.move_id, state: row.state };
}

/** Throws `StoreUnavailableError` if the database holds only a part of another one, so that no process serves it. */
export async function refuseFilling(db: { readonly rows: Rows }): Promise<void> {
  const [row] = await db.rows<MarkRow>(select);
  if (row?.state !== "filling") return;
  throw new StoreUnavailableError(
    "this PostgreSQL database holds a part of a SQLite database that is being moved into it: finish the move with " +
      "`latchkey migrate --to`, or name an empty database",
  );
}
