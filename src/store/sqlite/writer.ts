import type { Database } from "better-sqlite3";
import { codeOf } from "../../lib/error-code.js";
import { StoreUnavailableError } from "../port/errors.js";
import { createFlushing } from "./flushing.js";

/** Runs steps that write. Each is all-or-nothing, and those of one moment share one commit. */
export interface Writer {
  /**
   * Runs `step` in a transaction and gives its result once that is flushed to the disk, with every earlier write. A step touches
   * nothing but the database: it may run twice.
   */
  write<T>(step: () => T): Promise<T>;
  /**
   * The same for a step that only counts or queues: its result comes once the transaction is committed. A loss of power can undo it,
   * as if it had never run, until the next flush: within a second.
   */
  writeUnflushed<T>(step: () => T): Promise<T>;
  /** Resolves when everything committed so far is on the disk, which a write of its own makes sure of. */
  flush(): Promise<void>;
  read<T>(query: () => T): Promise<T>;
  /** Runs several reads on one state of the database. SQLite locks and unlocks its files once instead of once a read. */
  readTogether<T>(query: () => T): Promise<T>;
  /** Resolves when nothing is waiting any more, and flushes what is not flushed yet. */
  idle(): Promise<void>;
}

/** What keeps steps from being run. */
export interface Guard {
  /** Asked in the transaction of every write; null: nothing. */
  refusalOfWrite(): Error | null;
  /** Asked before every read, so it has to cost nothing; null: nothing. */
  refusalOfRead(): Error | null;
}

const noGuard: Guard = { refusalOfWrite: () => null, refusalOfRead: () => null };

interface Waiting {
  readonly step: () => unknown;
  readonly flushes: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** How long a commit waits for company while other calls are under way: most of their writes arrive one hash apart. */
const windowMs = 2;
/** Bounds how long one commit can keep the event loop. */
const batchMax = 256;
/** How long SQLite itself waits for another process's write, holding up the event loop; the writer waits on without it. */
const busyTimeoutMs = 50;
/** How long another process may hold the write lock before callers are told that the store is unavailable. */
const busyLimitMs = 3_000;

/**
 * @param inFlight How many calls are under way in this process: while all of them already wait for the commit, waiting longer for
 *   company is in vain, so a lone call never waits.
 * @param options.begun Runs in the transaction of every write, before its steps. It may return what to call once that is committed.
 * @param options.noteFailure Told of each step that fails, before its caller is.
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
  // When it fails, readiness tries again: its ping flushes too.
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
      // One step's failure must not cost the others: each gets a transaction of its own.
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
      // Another process came in between: this one waits like everybody else.
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

/** Errors of the database itself become the port's; anything else is a fault of ours and stays what it is. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const unavailable = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|NOMEM|PROTOCOL)/.test(
    String(error.code),
  );
  return unavailable ? new StoreUnavailableError(`SQLite: ${error.message} (${String(error.code)})`, { cause: error }) : error;
}
