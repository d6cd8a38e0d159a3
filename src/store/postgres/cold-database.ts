import { createHash } from "node:crypto";
import type { ColdDatabase, Query, Steps, Value } from "../shared/cold-database.js";
import type { Database, Rows, Statement } from "./database.js";
import { refuseFilling } from "./move-mark.js";

/**
 * Cold writes of this process run two at a time, so that they use few of the connections that sign-ins need, and few of them
 * conflict. Writes that take turns at a table form a crowd of their own.
 */
const crowd = "cold writes";

/**
 * Runs each cold write in a transaction of its own, which reads the mark of a move. A database that is being filled takes no
 * writes. A move that begins at the same time ends the transaction, because both are SERIALIZABLE.
 */
export function createColdDatabase(db: Database): ColdDatabase {
  const statements = new Map<string, Statement>();

  function statementOf(text: string): Statement {
    const known = statements.get(text);
    if (known !== undefined) return known;
    // Behind a pooler two programs may share a connection, so each name must stand for one text.
    const statement = { name: `cold_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`, text };
    statements.set(text, statement);
    return statement;
  }

  async function run<T>(steps: Steps<T>, rows: Rows): Promise<T> {
    let step = steps.next();
    while (step.done !== true) step = steps.next(await rowsOf(step.value, rows));
    return step.value;
  }

  function rowsOf({ text, values }: Query, rows: Rows): Promise<unknown[]> {
    return rows(statementOf(text), values);
  }

  return {
    read: <Row>(text: string, values: readonly Value[] = []) => db.rows<Row>(statementOf(text), values),
    write: (operation, { inTurn } = {}) =>
      db.transaction(async (rows) => {
        // Before any statement that reads: the transaction then sees what the one before it committed. Reads are not blocked.
        if (inTurn !== undefined) await rows(statementOf(`LOCK TABLE ${inTurn} IN EXCLUSIVE MODE`));
        await refuseFilling({ rows });
        return await run(operation(), rows);
      }, inTurn ?? crowd),
  };
}
