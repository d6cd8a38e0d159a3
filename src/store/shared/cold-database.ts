/**
 * Cold aggregates: tables that few calls read or write, such as keys. Their operations stand once in this folder, for both engines.
 *
 * To add an operation:
 * 1. Declare it in its interface in `port/`, with what it guarantees under concurrent calls.
 * 2. Write it in the aggregate's file here, as `keys.ts` does: one statement that reads is a `read`, anything else a `write`.
 *    Each engine hands the aggregate its `ColdDatabase` (`sqlite/sqlite.ts`, `postgres/postgres.ts`). No other file changes.
 * 3. Write its contract test in `test/store/contract/`. It runs on both engines, races included.
 * A new table also needs a migration in each engine, and its line in `move/tables.ts`.
 *
 * What both engines take:
 * - Texts of statements are constants, because each is prepared once and kept. Parameters are `$1`, `$2` …; a value may be named twice.
 * - `RETURNING` tells which rows a statement changed; there is no other count. `INSERT … SELECT` needs a `WHERE` before `ON CONFLICT`.
 * - `CAST($1 AS TEXT)` where nothing else gives a parameter its type. No `::`, no `now()`, no functions of one engine.
 *   `sum` is `CAST(sum(n) AS BIGINT)`, because PostgreSQL gives sums as texts.
 * - Integers are `BIGINT` and `INTEGER`; they come as numbers, exact up to 2^53. Bytes are `BYTEA` and `BLOB`; they come as Buffers.
 *   Booleans are `BOOLEAN` and `INTEGER`; SQLite gives 0 and 1, so read them with `Boolean()`.
 * - A text that is compared or sorted has `COLLATE "C"` in PostgreSQL; both engines then order by bytes. Page by a key
 *   (`WHERE id > $1 ORDER BY id LIMIT $2`), never by `OFFSET`.
 * - A text that a caller chose may hold U+0000, which PostgreSQL refuses: store what `escapeNul` gives, in both engines.
 *
 * What races a hot path (challenges, sessions, budgets, the outbox, users and their contacts) does not belong here: it is written for
 * each engine, with its order of locks.
 */
export interface ColdDatabase {
  /** Runs one statement that only reads. */
  read<Row>(text: string, values?: readonly Value[]): Promise<Row[]>;
  /**
   * Runs an operation as one transaction, flushed to the disk when the promise resolves. Of racers each sees either all of another or
   * nothing, as if one ran after the other. The operation touches nothing but the database, because it may run more than once.
   * What it throws undoes all of it. Throws `StoreBusyError` when racers were in the way for too long.
   */
  write<T>(operation: () => Steps<T>): Promise<T>;
}

export type Value = string | number | boolean | Uint8Array | null;

export interface Query {
  readonly text: string;
  readonly values: readonly Value[];
}

/** An operation: it yields statements, receives the rows of each, and returns its outcome. */
export type Steps<T> = Generator<Query, T, readonly unknown[]>;

/** One statement within an operation: `const rows = yield* sql<Row>("SELECT …", [value])`. */
export function* sql<Row>(text: string, values: readonly Value[] = []): Steps<readonly Row[]> {
  return (yield { text, values }) as readonly Row[];
}
