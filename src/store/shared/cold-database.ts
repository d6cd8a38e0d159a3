/**
 * Cold aggregates: tables that few calls read or write, such as keys. Their operations are written once, in this folder, for
 * both engines.
 *
 * To add an operation:
 * 1. Declare it in its interface in `port/`, with its guarantees under concurrent calls.
 * 2. Write it in the aggregate's file here, as `keys.ts` does. Use `read` for a single reading statement and `write` for
 *    anything else. Each engine passes its `ColdDatabase` to the aggregate (`sqlite/sqlite.ts`, `postgres/postgres.ts`). No
 *    other file changes.
 * 3. Write its contract test in `test/store/contract/`. It runs on both engines, including concurrent calls.
 *
 * A new table also needs a migration in each engine, and a line in `move/tables.ts`.
 *
 * Rules for SQL that both engines accept:
 * - Statement texts are constants, because each is prepared once and kept. Parameters are `$1`, `$2` …; one may occur twice.
 * - Use `RETURNING` to see which rows a statement changed; there is no row count. `INSERT … SELECT` needs a `WHERE` before `ON
 *   CONFLICT`.
 * - Write `CAST($1 AS TEXT)` where the context gives a parameter no type. Avoid `::`, `now()` and functions of one engine.
 *   `sum` is `CAST(sum(n) AS BIGINT)`, because PostgreSQL returns sums as texts.
 * - Integers are `BIGINT` and `INTEGER`; they are read as numbers, exact up to 2^53. Bytes are `BYTEA` and `BLOB`; they are
 *   read as Buffers. Booleans are `BOOLEAN` and `INTEGER`; SQLite returns 0 and 1, so read them with `Boolean()`.
 * - A text that is compared or sorted has `COLLATE "C"` in PostgreSQL; both engines then order by bytes. Page by a key (`WHERE
 *   id > $1 ORDER BY id LIMIT $2`), never by `OFFSET`.
 * - A text chosen by a caller may contain U+0000, which PostgreSQL rejects. Store the result of `escapeNul` in both engines.
 *
 * Operations that compete with a hot path (challenges, sessions, budgets, the outbox, users and their contacts) do not belong
 * here. They are written for each engine, with its lock order.
 */
export interface ColdDatabase {
  /** Runs one statement that only reads. */
  read<Row>(text: string, values?: readonly Value[]): Promise<Row[]>;
  /**
   * Runs an operation as one transaction. It is flushed to the disk when the promise resolves. Concurrent operations behave as
   * if one ran after the other. The operation touches only the database, because it may run more than once. An error that it
   * throws undoes all of it. Throws `StoreBusyError` if concurrent operations blocked it for too long. Operations that all
   * change one row name its table as `inTurn`: they then wait for one another instead of being tried again.
   */
  write<T>(operation: () => Steps<T>, options?: { readonly inTurn?: string }): Promise<T>;
}

export type Value = string | number | boolean | Uint8Array | null;

export interface Query {
  readonly text: string;
  readonly values: readonly Value[];
}

/** An operation. It yields statements, receives the rows of each, and returns its outcome. */
export type Steps<T> = Generator<Query, T, readonly unknown[]>;

/** Runs one statement within an operation: `const rows = yield* sql<Row>("SELECT …", [value])`. */
export function* sql<Row>(text: string, values: readonly Value[] = []): Steps<readonly Row[]> {
  return (yield { text, values }) as readonly Row[];
}
