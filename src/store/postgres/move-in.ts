import type pg from "pg";
import { codeOf } from "../../lib/error-code.js";
import type { EpochMs } from "../../model/time.js";
import { withClient } from "./connection.js";
import type { PostgresLocation } from "./location.js";
import { migrate, schemaOf } from "./migrate.js";
import { type FillMark, readFillMark } from "./move-mark.js";

/** A row as JSON that `json_populate_recordset` reads. */
export type TargetRow = Readonly<Record<string, unknown>>;

export interface TargetTable {
  readonly name: string;
  /** Columns of the primary key: rows come in its order, which is that of their bytes in both engines. */
  readonly key: readonly string[];
}

/** A PostgreSQL database that another one's data is moved into. All of it is done on one connection. */
export interface MoveTarget {
  mark(): Promise<FillMark | null>;
  /** The first of the tables that holds something; null: all are empty. */
  findFilled(tables: readonly TargetTable[]): Promise<string | null>;
  /** Marks an empty database as *filling*, so that nobody serves it. False: it is not empty, or marked already. */
  begin(move: { readonly moveId: string; readonly now: EpochMs }, tables: readonly TargetTable[]): Promise<boolean>;
  /** The key of the last row that arrived; null: none has. Bytes come as Buffers. */
  lastKey(table: TargetTable): Promise<readonly unknown[] | null>;
  insert(table: TargetTable, rows: readonly TargetRow[]): Promise<void>;
  /**
   * Turns *filling* into *complete* in one transaction that nobody else can write in. `settle` looks at the counts before and does
   * what has to be durable before the commit; when it throws nothing changes.
   */
  complete(
    moveId: string,
    tables: readonly TargetTable[],
    settle: (counts: ReadonlyMap<string, number>) => Promise<void> | void,
  ): Promise<void>;
}

/** Somebody else is at work on a move into the same database. */
export class MoveLockedError extends Error {
  override readonly name = "MoveLockedError";
}

/** Any number that nobody else takes for a lock of this database. */
const lockId = 0x6c61_7463;
/** A process that was killed gives its lock up when the server has noticed. */
const lockWaitMs = 10_000;

/** A table in a database that Latchkey has made none in; null: there is none. */
export function findStrangeTable(location: PostgresLocation): Promise<string | null> {
  return withClient(location, async (client) => {
    if ((await schemaOf(client)).version > 0) return null;
    const { rows } = await client.query(
      "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1 LIMIT 1",
    );
    return (rows as { tablename: string }[])[0]?.tablename ?? null;
  });
}

/** Brings the schema of a database up to date and works on it while nobody else moves anything into it. */
export async function withMoveTarget<T>(location: PostgresLocation, work: (target: MoveTarget) => Promise<T>): Promise<T> {
  await migrate(location);
  return await withClient(location, async (client) => {
    await client.query(`SET lock_timeout = ${lockWaitMs}`);
    await client.query("SELECT pg_advisory_lock($1)", [lockId]).catch((error: unknown) => {
      throw codeOf(error) === "55P03" ? new MoveLockedError("another move into this database is at work") : error;
    });
    return await work(targetOn(client));
  });
}

function targetOn(client: pg.Client): MoveTarget {
  const lockAll = (tables: readonly TargetTable[]) =>
    client.query(`LOCK TABLE ${["move", ...tables.map(({ name }) => name)].join(", ")} IN EXCLUSIVE MODE`);

  async function findFilled(tables: readonly TargetTable[]): Promise<string | null> {
    for (const { name } of tables) {
      const { rows } = await client.query(`SELECT EXISTS (SELECT 1 FROM ${name}) AS filled`);
      if ((rows as [{ filled: boolean }])[0].filled) return name;
    }
    return null;
  }

  async function inTransaction<T>(work: () => Promise<T>, isolation = "READ COMMITTED"): Promise<T> {
    await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
    try {
      const result = await work();
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => {});
      throw error;
    }
  }

  return {
    mark: () => readFillMark(client),
    findFilled,

    // SERIALIZABLE, as cold writes are: one that looked for a mark before this and writes after it is in conflict, and looks again.
    begin: ({ moveId, now }, tables) =>
      inTransaction(async () => {
        // Before anything else, so that what is read after it is read as it is once no one writes.
        await lockAll(tables);
        if ((await readFillMark(client)) !== null || (await findFilled(tables)) !== null) return false;
        await client.query("INSERT INTO move (only_row, move_id, state, marked_at) VALUES (1, $1, 'filling', $2)", [
          moveId,
          now,
        ]);
        return true;
      }, "SERIALIZABLE"),

    async lastKey({ name, key }) {
      const columns = key.join(", ");
      const order = key.map((column) => `${column} DESC`).join(", ");
      const { rows } = await client.query(`SELECT ${columns} FROM ${name} ORDER BY ${order} LIMIT 1`);
      const [row] = rows as Record<string, unknown>[];
      return row === undefined ? null : key.map((column) => row[column]);
    },

    async insert({ name }, rows) {
      // The columns that rows have: any other one of the table takes its default.
      const columns = Object.entries(rows[0]!).flatMap(([column, value]) => (value === undefined ? [] : [`"${column}"`]));
      await client.query(
        `INSERT INTO ${name} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM json_populate_recordset(NULL::${name}, $1)`,
        [JSON.stringify(rows)],
      );
    },

    async complete(moveId, tables, settle) {
      // Tables that were empty just now are planned for as such.
      for (const { name } of tables) await client.query(`ANALYZE ${name}`);
      await inTransaction(async () => {
        await lockAll(tables);
        const counts = new Map<string, number>();
        for (const { name } of tables) {
          const { rows } = await client.query(`SELECT count(*) AS count FROM ${name}`);
          counts.set(name, (rows as [{ count: number }])[0].count);
        }
        await client.query(
          "SELECT setval(pg_get_serial_sequence('outbox', 'outbox_id'), greatest(max(outbox_id), 1)) FROM outbox",
        );
        await client.query("UPDATE move SET state = 'complete' WHERE move_id = $1", [moveId]);
        await settle(counts);
      });
    },
  };
}
