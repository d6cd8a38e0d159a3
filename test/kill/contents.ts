import { connect } from "../../src/store/sqlite/connect.js";
import { clientOf, locationOf } from "../support/postgres.js";
import { until } from "../support/server.js";
import { bothOutboxes } from "./snapshot.js";

/** All tables that callers' calls write to. */
const tables = [
  "challenges",
  "registrations",
  "budgets",
  "users",
  "contacts",
  "sessions",
  "idempotency",
  "outbox",
  "outbox_later",
];

const outboxes = ["outbox", "outbox_later"];

/**
 * What these tables of a PostgreSQL database hold, as soon as its outbox is empty. `stuck`: messages may wait for ever, because a full
 * disk takes no note that they were sent; then without the outboxes.
 */
export async function postgresContents(url: string, { stuck = false } = {}): Promise<readonly unknown[]> {
  const client = await clientOf(locationOf(url));
  try {
    if (!stuck) {
      await until("an empty outbox", async () =>
        (await client.query(`SELECT 1 FROM ${bothOutboxes}`)).rowCount === 0 ? true : undefined,
      );
    }
    const contents: unknown[] = [];
    const compared = stuck ? tables.filter((table) => !outboxes.includes(table)) : tables;
    for (const table of compared) contents.push((await client.query(`SELECT t.* FROM ${table} AS t ORDER BY t::text`)).rows);
    return contents;
  } finally {
    await client.end();
  }
}

/** The same of a SQLite database, beside the server that has it open. */
export function sqliteContents(path: string): readonly unknown[] {
  const db = connect(path, { readonly: true, fileMustExist: true });
  try {
    return tables.map((table) => db.prepare(`SELECT * FROM ${table} ORDER BY 1`).all());
  } finally {
    db.close();
  }
}
