import type { Database } from "better-sqlite3";
import { codeOf } from "../../lib/error-code.js";
import { StoreUnavailableError } from "../port/errors.js";
import { createFlushing } from "./flushing.js";

/** Runs steps that write. Each step is atomic, and steps that arrive close together share one commit. */
export interface Writer {
  /**
   * Runs `step` in a transaction. Resolves with its result when it and every earlier write are flushed to the disk. A step
   * touches only the database, because it may run twice.
   */
  write<T>(step: () => T): Promise<T>;
  /**
   * Like `write`, for a step that only counts or queues. Resolves when the transaction is committed. Until the next flush,
   * within a second, a loss of power can undo the step as if it had never run.
   */
  writeUnflushed<T>(step: () => T): Promise<T>;
  /** Resolves when everything committed so far is on the disk. Makes a write of its own for that. */
  flush(): Promise<void>;
  read<T>(query: () => T): Promise<T>;
  /** Runs several reads on one state of the database. SQLite then locks and unlocks its files once instead of once a read. */
  readTogether<T>(query: () => T): Promise<T>;
  /** Resolves when no step is waiting. Flushes commits that are not flushed yet. */
  idle(): Promise<void>;
}

/** Decides whether steps may run. */
export interface Guard {
  /** Called in the transaction of every write. Returns null if the write may proceed. */
  refusalOfWrite(): Error | null;
  /** Called before every read, so it must be cheap. Returns null if the read may proceed. */
  refusalOfRead(): Error | null;
}

const noGuard: Guard = { refusalOfWrite: () => null, refusalOfRead: () => null };

interface Waiting {
  readonly step: () => unknown;
  readonly flushes: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** How long a commit waits for more writes while other calls are running. Most of their writes arrive one hash apart. */
const windowMs = 2;
/** Bounds how long one commit can block the event loop. */
const batchMax = 256;
/**
 * How long SQLite itself waits for another process's write, which blocks the event loop. The writer then retries without
 * blocking it.
 */
export const busyTimeoutMs = 50;
/** How long another process may hold the write lock before calls fail with `StoreUnavailableError`. */
const busyLimitMs = 3_000;

/**
 * @param inFlight Returns how many calls are running in this process. If all of them already wait for the commit, no more
 *   writes can come, so a lone call never waits.
 * @param options.begun Runs in the transaction of every write, before its steps. May return a function to call after the
 *   commit.
 * @param options.noteFailure Called with the error of each failed step, before the step's promise rejects.
 */
export function createWriter(
  db: Database,
  inFlight: () => number,
  options: {
    readonly guard?: Guard;
    readonly begun?: () => (() => void) | null;
    readonly noteFailure?: (error: unknown) => void;
  } = {},
): Writer {
  const { guard = noGuard, begun = () => null, noteFailure = () => {} } = options;
  db.pragma(`busy_timeout = ${busyTimeoutMs}`);
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  const inOneTransaction = db.transaction((query: () => unknown) => query());
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  let busySince: number | undefined;
  let idlers: (() => void)[] = [];
  let committed: (() => void) | null = null;
  // If a flush fails, readiness tries again: its ping flushes too.
  const flushing = createFlushing(db, () => void flush().catch(() => {}));

  function enqueue<T>(step: () => T, flushes: boolean): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      waiting.push({ step, flushes, resolve: resolve as (value: unknown) => void, reject });
      schedule();
    });
  }

  function flush(): Promise<void> {
    return enqueue(flushing.writePage, true);
  }

  function schedule(): void {
    if (busySince !== undefined || immediate !== undefined) return;
    if (waiting.length >= Math.min(inFlight(), batchMax)) {
      clearTimeout(timer);
      timer = undefined;
      immediate = setImmediate(commitWaiting);
    } else {
      timer ??= setTimeout(commitWaiting, windowMs);
    }
  }

  function beginGuarded(batch: readonly Waiting[]): void {
    flushing.set(batch.some(({ flushes }) => flushes));
    begin.run();
    try {
      const refusal = guard.refusalOfWrite();
      if (refusal !== null) throw refusal;
      committed = begun();
    } catch (error) {
      if (db.inTransaction) rollback.run();
      throw error;
    }
  }

  function commitWaiting(): void {
    clearTimeout(timer);
    timer = undefined;
    immediate = undefined;
    const batch = waiting.length > batchMax ? waiting.slice(0, batchMax) : waiting;
    try {
      beginGuarded(batch);
    } catch (error) {
      if (isBusy(error)) retryLater(error);
      else rejectAll(error);
      return;
    }
    busySince = undefined;
    waiting = waiting === batch ? [] : waiting.slice(batchMax);
    commitBatch(batch);
    if (waiting.length > 0) schedule();
    else settleIdlers();
  }

  function commitBatch(batch: readonly Waiting[]): void {
    const results: unknown[] = [];
    try {
      for (const one of batch) results.push(one.step());
      commit.run();
    } catch (error) {
      if (db.inTransaction) rollback.run();
      // A failing step must not fail the others, so each gets its own transaction.
      if (batch.length > 1) for (const one of batch) commitAlone(one);
      else fail(batch[0]!, error);
      return;
    }
    noteCommit();
    for (const [index, one] of batch.entries()) one.resolve(results[index]);
  }

  function commitAlone(one: Waiting): void {
    try {
      beginGuarded([one]);
    } catch (error) {
      // Another process took the lock in between: this step waits like the others.
      if (isBusy(error)) waiting.push(one);
      else fail(one, error);
      return;
    }
    let result: unknown;
    try {
      result = one.step();
      commit.run();
    } catch (error) {
      if (db.inTransaction) rollback.run();
      fail(one, error);
      return;
    }
    noteCommit();
    one.resolve(result);
  }

  function noteCommit(): void {
    flushing.noteCommit();
    committed?.();
  }

  function fail(one: Waiting, error: unknown): void {
    noteFailure(error);
    one.reject(translated(error));
  }

  function retryLater(error: unknown): void {
    const now = performance.now();
    busySince ??= now;
    if (now - busySince > busyLimitMs) rejectAll(error);
    else timer = setTimeout(commitWaiting, 5 + Math.random() * 20);
  }

  function rejectAll(error: unknown): void {
    busySince = undefined;
    const rejected = waiting;
    waiting = [];
    for (const one of rejected) fail(one, error);
    settleIdlers();
  }

  function settleIdlers(): void {
    const settled = idlers;
    idlers = [];
    for (const resolve of settled) resolve();
  }

  async function read<T>(query: () => T): Promise<T> {
    const refusal = guard.refusalOfRead();
    if (refusal !== null) throw refusal;
    try {
      return query();
    } catch (error) {
      throw translated(error);
    }
  }

  return {
    write: (step) => enqueue(step, true),
    writeUnflushed: (step) => enqueue(step, false),
    flush,
    read,
    readTogether: (query) => read(() => inOneTransaction(query) as ReturnType<typeof query>),
    async idle() {
      if (waiting.length > 0) await new Promise<void>((resolve) => idlers.push(resolve));
      if (flushing.isPending()) await flush().catch(() => {});
    },
  };
}

export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith("SQLITE_BUSY");
}

/** Turns errors of the database itself into the port's errors. Returns any other error unchanged, because it is a bug. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const unavailable = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|NOMEM|PROTOCOL)/.test(
    String(error.code),
  );
  return unavailable ? new StoreUnavailableError(`SQLite: ${error.message} (${String(error.code)})`, { cause: error }) : error;
}
