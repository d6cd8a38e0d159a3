import type { Database, Statement } from "better-sqlite3";
import type { ColdDatabase, Query, Steps, Value } from "../shared/cold-database.js";
import type { Writer } from "./writer.js";

/** Runs cold operations as steps of the writer. Each statement is prepared on first use. */
export function createColdDatabase(db: Database, writer: Writer): ColdDatabase {
  const statements = new Map<string, Statement>();

  function statementOf(text: string): Statement {
    const statement = statements.get(text) ?? db.prepare(text);
    statements.set(text, statement);
    return statement;
  }

  function rowsOf({ text, values }: Query): unknown[] {
    const statement = statementOf(text);
    // SQLite reads `$1` as a parameter named 1.
    const named = Object.fromEntries(values.map((value, index) => [index + 1, toBound(value)]));
    if (statement.reader) return statement.all(named);
    statement.run(named);
    return [];
  }

  function run<T>(steps: Steps<T>): T {
    let step = steps.next();
    while (step.done !== true) step = steps.next(rowsOf(step.value));
    return step.value;
  }

  return {
    read: <Row>(text: string, values: readonly Value[] = []) => writer.read(() => rowsOf({ text, values }) as Row[]),
    write: (operation) => writer.write(() => run(operation())),
  };
}

/** Binds integers as integers. The driver binds every number as a float, and SQLite divides floats differently. */
function toBound(value: Value): string | number | bigint | Uint8Array | null {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (Number.isSafeInteger(value)) return BigInt(value as number);
  // PostgreSQL can't store U+0000. Throw here too, so that a missing `escapeNul` shows on both engines.
  if (typeof value === "string" && value.includes("\0"))
    throw new Error("a text contains U+0000: apply escapeNul before storing it");
  return value;
}
