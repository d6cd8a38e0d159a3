import type pg from "pg";
import { codeOf } from "../../lib/error-code.js";
import type { EpochMs } from "../../model/time.js";
import { withClient } from "./connection.js";
import type { PostgresLocation } from "./location.js";
import { migrate, schemaOf } from "./migrate.js";
import { type FillMark, readFillMark } from "./move-mark.js";
import { makePartitions } from "./partitions.js";

/** A row as JSON that `json_populate_recordset` reads. */
export type TargetRow = Readonly<Record<string, unknown>>;

export interface TargetTable {
  readonly name: string;
  /** Columns of the primary key. Rows come in its order, which is by bytes in both engines. */
  readonly key: readonly string[];
  /** SQL condition: the row is one that a new database has. The move replaces these rows. */
  readonly initial?: string;
}

/** The PostgreSQL database that receives the data of a move. All work uses one connection. */
export interface MoveTarget {
  mark(): Promise<FillMark | null>;
  /** Returns the first table that has rows besides its initial ones, or null if there is none. */
  findFilled(tables: readonly TargetTable[]): Promise<string | null>;
  /** Marks an empty database as *filling*, so that no process serves it. Returns false if it is not empty or already marked. */
  begin(move: { readonly moveId: string; readonly now: EpochMs }, tables: readonly TargetTable[]): Promise<boolean>;
  /** Returns the key of the last row that arrived, or null if none has. Bytes are Buffers. */
  lastKey(table: TargetTable): Promise<readonly unknown[] | null>;
  insert(table: TargetTable, rows: readonly TargetRow[]): Promise<void>;
  /**
   * Turns *filling* into *complete*, in one transaction that blocks all other writers. `lastNumberOf` returns the highest number
   * that the source has ever given to a row of a table; the target goes on after it, because a number of a deleted row must not be
   * given again. Before the commit, `settle` checks the row counts and makes durable what must come first. If it throws, nothing
   * changes.
   */
  complete(
    moveId: string,
    tables: readonly TargetTable[],
    lastNumberOf: (table: string) => number,
    settle: (counts: ReadonlyMap<string, number>) => Promise<void> | void,
  ): Promise<void>;
}

/** Another process is moving data into the same database. */
export class MoveLockedError extends Error {
  override readonly name = "MoveLockedError";
}

/** An arbitrary number for the advisory lock. No other program uses it in this database. */
const lockId = 0x6c61_7463;
/** The columns that the database counts up. */
const counted = [
  ["outbox", "outbox_id"],
  ["message_forwards", "forward_id"],
  ["users", "number"],
] as const;
/** The lock of a killed process is released when the server notices its end. */
const lockWaitMs = 10_000;

/** Older messages, which only a long `LATCHKEY_MESSAGE_RETENTION` keeps, come into one partition together. */
const oldestMessageMs = 31 * 24 * 60 * 60_000;

/** Returns a table in a database without Latchkey's schema, or null if there is none. */
export function findStrangeTable(location: PostgresLocation): Promise<string | null> {
  return withClient(location, async (client) => {
    if ((await schemaOf(client)).version > 0) return null;
    const { rows } = await client.query(
      "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1 LIMIT 1",
    );
    return (rows as { tablename: string }[])[0]?.tablename ?? null;
  });
}

/** Brings the schema of a database up to date, then runs `work` while no other process moves data into it. */
export async function withMoveTarget<T>(location: PostgresLocation, work: (target: MoveTarget) => Promise<T>): Promise<T> {
  await migrate(location);
  return await withClient(location, async (client) => {
    const now = Date.now();
    await makePartitions(client, { from: now - oldestMessageMs, now });
    return await locked(location, client, () => work(targetOn(client)));
  });
}

/**
 * Runs `work` while a transaction of another connection holds the lock. The lock of a session would not survive a pooler: there
 * each transaction may run on another connection to the server. If the lock is lost, the connection of `work` ends too.
 */
function locked<T>(location: PostgresLocation, worker: pg.Client, work: () => Promise<T>): Promise<T> {
  return withClient(location, async (client) => {
    client.on("end", () => void worker.end().catch(() => {}));
    await client.query("BEGIN");
    await client.query(`SET LOCAL lock_timeout = ${lockWaitMs}`);
    await client.query("SET LOCAL idle_in_transaction_session_timeout = 0");
    await client.query("SELECT pg_advisory_xact_lock($1)", [lockId]).catch((error: unknown) => {
      throw codeOf(error) === "55P03" ? new MoveLockedError("another move into this database is running") : error;
    });
    return await work();
  });
}

function targetOn(client: pg.Client): MoveTarget {
  const lockAll = (tables: readonly TargetTable[]) =>
    client.query(`LOCK TABLE ${["move", ...tables.map(({ name }) => name)].join(", ")} IN EXCLUSIVE MODE`);

  async function findFilled(tables: readonly TargetTable[]): Promise<string | null> {
    for (const { name, initial = "FALSE" } of tables) {
      const { rows } = await client.query(`SELECT EXISTS (SELECT 1 FROM ${name} WHERE NOT (${initial})) AS filled`);
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

    // SERIALIZABLE, like cold writes. A cold write that looked for a mark before this and writes after it conflicts, and looks
    // again.
    begin: ({ moveId, now }, tables) =>
      inTransaction(async () => {
        // Lock first, so that the reads below see a state without writers.
        await lockAll(tables);
        if ((await readFillMark(client)) !== null || (await findFilled(tables)) !== null) return false;
        for (const { name, initial } of tables) if (initial !== undefined) await client.query(`DELETE FROM ${name}`);
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
      // The columns that the rows have. Other columns of the table take their defaults.
      const columns = Object.entries(rows[0]!).flatMap(([column, value]) => (value === undefined ? [] : [`"${column}"`]));
      await client.query(
        `INSERT INTO ${name} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM json_populate_recordset(NULL::${name}, $1)`,
        [JSON.stringify(rows)],
      );
    },

    async complete(moveId, tables, lastNumberOf, settle) {
      // Tables that were empty a moment ago still have the statistics of empty tables.
      for (const { name } of tables) await client.query(`ANALYZE ${name}`);
      await inTransaction(async () => {
        await lockAll(tables);
        const counts = new Map<string, number>();
        for (const { name } of tables) {
          const { rows } = await client.query(`SELECT count(*) AS count FROM ${name}`);
          counts.set(name, (rows as [{ count: number }])[0].count);
        }
        for (const [table, column] of counted) {
          await client.query(
            `SELECT setval(pg_get_serial_sequence('${table}', '${column}'), greatest(max(${column}), $1, 1)) FROM ${table}`,
            [lastNumberOf(table)],
          );
        }
        await client.query("UPDATE move SET state = 'complete' WHERE move_id = $1", [moveId]);
        await settle(counts);
      });
    },
  };
}
