import type pg from "pg";
import { StoreBusyError } from "../port/errors.js";
import type { Breaker } from "./breaker.js";
import { isAnswer, isConflict, isReadOnly, translated, unavailableError } from "./errors.js";
import type { Pool } from "./pool.js";
import { createSemaphore, createSemaphores } from "./semaphore.js";
import { serializable } from "./serializable.js";

/** A statement with a name is parsed and planned once a connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/**
 * Put it in the FROM of a statement that only counts or queues, and its commit does not wait for the disk. The server's WAL writer
 * flushes it within three times `wal_writer_delay`, 0.6 s by default, and the commit of any other statement flushes it too.
 */
export const unflushed = "set_config('synchronous_commit', 'off', true)";

/** Gives the rows that a statement returns. */
export type Rows = <Row>(statement: Statement, values?: readonly unknown[]) => Promise<Row[]>;

/**
 * Runs statements, each a transaction of its own and a single round trip, flushed to the disk when the promise resolves unless the
 * statement is `unflushed`. `crowded` names the row that a statement locks where many callers can wait for one: they wait for it
 * here, two at a time, and not each on a connection.
 */
export interface Database {
  rows<Row>(statement: Statement, values?: readonly unknown[], crowded?: string): Promise<Row[]>;
  /** How many rows a statement changed. */
  changes(statement: Statement, values?: readonly unknown[], crowded?: string): Promise<number>;
  /**
   * Runs `work` as one SERIALIZABLE transaction, again when racers were in its way. What it throws undoes all of it. Throws
   * `StoreBusyError` when racers were in its way too often.
   */
  transaction<T>(work: (rows: Rows) => Promise<T>, crowded: string): Promise<T>;
  /** Resolves when every operation that was begun has ended, also those that still wait for a connection. */
  close(): Promise<void>;
}

/** How often an operation is begun when racers are in its way, before its caller is told that the store is unavailable. */
const triesMax = 8;

/** How long to wait for one of the connections while all are busy: soon enough for the caller to come again. */
const placeWaitMs = 1_500;
/** So many callers a connection may wait; who comes then is told at once. */
const waitingPerConnection = 25;
/** One is at work while the next is on its way. */
const crowdPlaces = 2;
/** Who waits for the others of a crowd keeps nobody else waiting. */
const crowdWaitMs = 2_500;

export interface DatabaseOptions {
  readonly pool: Pool;
  /** How many connections of the pool it uses at once. */
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
      // Whatever keeps us from a connection, the database can't be reached.
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
      // A server that is set to be read-only still serves reads, which the breaker would refuse.
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
  return new StoreBusyError("PostgreSQL: too many calls change one and the same thing at once");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
