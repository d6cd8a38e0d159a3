import pg from "pg";
import { createBreaker } from "./breaker.js";
import { operationOptions, type PostgresLocation } from "./connection.js";
import { isAnswer, isConflict, translated, unavailableError } from "./errors.js";

/** A statement with a name is parsed and planned once a connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Runs statements, each a transaction of its own and a single round trip, durable when the promise resolves. */
export interface Database {
  rows<Row>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
  /** How many rows a statement changed. */
  changes(statement: Statement, values?: readonly unknown[]): Promise<number>;
  close(): Promise<void>;
}

/** How often an operation is begun when racers are in its way, before its caller is told that the store is unavailable. */
const triesMax = 8;

/** @param noteFailure Told of each operation that fails, before its caller is. */
export function openDatabase(location: PostgresLocation, noteFailure: (error: unknown) => void = () => {}): Database {
  const pool = new pg.Pool(operationOptions(location));
  const breaker = createBreaker();
  // An idle connection that ends is no news: the pool has dropped it. Without a listener it would end the process.
  pool.on("error", () => {});
  // A connection can end in the moment between an answer and its return to the pool, when neither query nor pool listens.
  pool.on("connect", (client) => client.on("error", () => {}));

  async function once(query: pg.QueryConfig): Promise<pg.QueryResult> {
    if (!breaker.admits()) throw unavailableError("the server could not be reached a moment ago");
    let client: pg.PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      breaker.failed();
      // Whatever keeps us from a connection, the database can't be reached.
      throw unavailableError(error);
    }
    try {
      const result = await client.query(query);
      client.release();
      breaker.answered();
      return result;
    } catch (error) {
      client.release(!isAnswer(error));
      if (isAnswer(error)) breaker.answered();
      else breaker.failed();
      throw error;
    }
  }

  async function run(statement: Statement, values: readonly unknown[]): Promise<pg.QueryResult> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await once({ ...statement, values: [...values] });
      } catch (error) {
        if (!isConflict(error) || tries === triesMax) {
          noteFailure(error);
          throw translated(error);
        }
        await pause(Math.random() * 5 * 2 ** tries);
      }
    }
  }

  const running = new Set<Promise<unknown>>();
  function tracked(statement: Statement, values: readonly unknown[]): Promise<pg.QueryResult> {
    const result = run(statement, values);
    running.add(result);
    const done = () => running.delete(result);
    result.then(done, done);
    return result;
  }

  return {
    rows: async <Row>(statement: Statement, values: readonly unknown[] = []) =>
      (await tracked(statement, values)).rows as Row[],
    changes: async (statement, values = []) => (await tracked(statement, values)).rowCount ?? 0,
    // The pool itself would leave those alone that still wait for a connection.
    async close() {
      await Promise.allSettled(running);
      await pool.end();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
