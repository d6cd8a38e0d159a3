import type pg from "pg";
import { StoreBusyError } from "../port/errors.js";
import type { Breaker } from "./breaker.js";
import { isAnswer, isConflict, isReadOnly, translated, unavailableError } from "./errors.js";
import type { Pool } from "./pool.js";
import { createSemaphore, createSemaphores } from "./semaphore.js";
import { serializable } from "./serializable.js";

/** A named statement is parsed and planned once a connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/**
 * Add this to the FROM of a statement that only counts or queues: its commit then does not wait for the disk. The server's WAL
 * writer flushes it within three times `wal_writer_delay`, 0.6 s by default. The commit of any other statement flushes it too.
 */
export const unflushed = "set_config('synchronous_commit', 'off', true)";

/** Runs a statement and returns its rows. */
export type Rows = <Row>(statement: Statement, values?: readonly unknown[]) => Promise<Row[]>;

/**
 * Runs statements. Each is its own transaction and one round trip. It is flushed to the disk when the promise resolves, unless
 * it is `unflushed`. `crowded` names a row that many callers lock at once. They wait for it here, two at a time, so that they
 * do not each hold a connection.
 */
export interface Database {
  rows<Row>(statement: Statement, values?: readonly unknown[], crowded?: string): Promise<Row[]>;
  /** Returns how many rows a statement changed. */
  changes(statement: Statement, values?: readonly unknown[], crowded?: string): Promise<number>;
  /**
   * Runs `work` as one SERIALIZABLE transaction, and again if it conflicts with others. An error that `work` throws undoes all
   * of it. Throws `StoreBusyError` if it conflicts too often.
   */
  transaction<T>(work: (rows: Rows) => Promise<T>, crowded: string): Promise<T>;
  /** Resolves when every operation that was started has ended, including those that wait for a connection. */
  close(): Promise<void>;
}

/** How often an operation is tried in all when it conflicts with others, before it fails with `StoreBusyError`. */
const triesMax = 8;

/** How long to wait for a connection while all are busy. Short, so that the caller has time to retry. */
const placeWaitMs = 1_500;
/** How many callers may wait for each connection. Any further caller gets `StoreBusyError` at once. */
const waitingPerConnection = 25;
/** Two, so that the next statement is already on its way while one runs. */
const crowdPlaces = 2;
/** Longer than `placeWaitMs`: these callers hold no connection while they wait, so they delay no other call. */
const crowdWaitMs = 2_500;

export interface DatabaseOptions {
  readonly pool: Pool;
  /** How many connections of the pool may be used at once. */
  readonly places: number;
  readonly breaker: Breaker;
  /** Called with the error of each operation that fails, before the operation rejects. */
  readonly noteFailure?: (error: unknown) => void;
}

export function openDatabase({ pool, places, breaker, noteFailure = () => {} }: DatabaseOptions): Database {
  const waitingMax = waitingPerConnection * places;
  const semaphore = createSemaphore({ places, waitingMax, waitMs: placeWaitMs, busy: () => busyError(places) });
  const crowds = createSemaphores({ places: crowdPlaces, waitingMax, waitMs: crowdWaitMs, busy: crowdedError });

  async function once<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    if (!breaker.admits()) throw unavailableError("the server could not be reached a moment ago");
    let client: pg.Client;
    try {
      client = await pool.take();
    } catch (error) {
      breaker.failed();
      // No connection, for whatever reason, means that the database can't be reached.
      throw unavailableError(error);
    }
    try {
      const result = await work(client);
      pool.give(client, { usable: true });
      breaker.answered();
      return result;
    } catch (error) {
      const readOnly = isReadOnly(error);
      if (readOnly) pool.renew();
      pool.give(client, { usable: readOnly || isAnswer(error) });
      if (isAnswer(error)) breaker.answered();
      // A read-only server still serves reads, which an open breaker would refuse.
      else if (!readOnly) breaker.failed();
      throw error;
    }
  }

  async function run<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await semaphore.run(() => once(work));
      } catch (error) {
        if (!isConflict(error)) {
          noteFailure(error);
          throw translated(error);
        }
        if (tries === triesMax) throw crowdedError();
        await pause(Math.random() * 5 * 2 ** tries);
      }
    }
  }

  const running = new Set<Promise<unknown>>();
  function tracked<T>(work: (client: pg.Client) => Promise<T>, crowded: string | undefined): Promise<T> {
    const result = crowded === undefined ? run(work) : crowds.run(crowded, () => run(work));
    running.add(result);
    const done = () => running.delete(result);
    result.then(done, done);
    return result;
  }

  function ask(statement: Statement, values?: readonly unknown[], crowded?: string): Promise<pg.QueryResult> {
    return tracked((client) => client.query(queryOf(statement, values)), crowded);
  }

  return {
    rows: async <Row>(...given: Parameters<typeof ask>) => (await ask(...given)).rows as Row[],
    changes: async (...given) => (await ask(...given)).rowCount ?? 0,
    async transaction(work, crowded) {
      const inOne = (client: pg.Client) =>
        serializable(client, () =>
          work(async <Row>(...given: Parameters<Rows>) => (await client.query(queryOf(...given))).rows as Row[]),
        );
      return (await tracked(inOne, crowded))();
    },
    async close() {
      await Promise.allSettled(running);
    },
  };
}

function queryOf(statement: Statement, values: readonly unknown[] = []): pg.QueryConfig {
  return { ...statement, values: [...values] };
}

function busyError(connections: number): StoreBusyError {
  return new StoreBusyError(`PostgreSQL: all ${connections} connections are busy: see LATCHKEY_DATABASE_POOL`);
}

function crowdedError(): StoreBusyError {
  return new StoreBusyError("PostgreSQL: too many calls change the same data at once");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
