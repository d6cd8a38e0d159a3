import { storeLocation } from "../../src/server/core.js";
import { connect } from "../../src/store/sqlite/connect.js";
import type { TestApp } from "./app.js";
import { query } from "./postgres.js";

/**
 * Runs a statement on the database of a test's server, as an attacker with access to it could. `?` stand for the values, in order.
 * Returns the rows.
 */
export async function queryRaw<Row extends object>(
  { settings }: TestApp,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const location = storeLocation(settings);
  if (location.kind === "postgres") {
    let position = 0;
    const numbered = sql.replaceAll("?", () => {
      position += 1;
      return `$${position}`;
    });
    return await query<Row>(location, numbered, values);
  }
  const db = connect(location.path, { timeout: 2000 });
  try {
    const statement = db.prepare<unknown[], Row>(sql);
    if (statement.reader) return statement.all(...values);
    statement.run(...values);
    return [];
  } finally {
    db.close();
  }
}
