import Database from "better-sqlite3";

/** Everything of better-sqlite3 that has a native part. */
const kept: object[] = [];

interface Native {
  prepare(...args: unknown[]): object;
  backup(...args: unknown[]): object;
}

/**
 * Opens a database whose statements live as long as the process, as the database itself does. better-sqlite3 12 that was compiled for
 * Node 24.19 to 24.21, and maybe later, aborts the process when one of its objects is garbage collected in a moment without a JavaScript
 * context (nodejs/node#65446), and 13 needs more than Node 20. So a statement is prepared once and used again, and `iterate`, which
 * makes an object at every call, is not used.
 */
export function connect(path: string, options?: Database.Options): Database.Database {
  const db = keep(new Database(path, options));
  const native = nativeOf(db);
  const { prepare, backup } = native;
  // Below `prepare`, so that the statements of `pragma` and `transaction` are among them.
  native.prepare = (...args) => keep(prepare.apply(native, args));
  native.backup = (...args) => keep(backup.apply(native, args));
  return db;
}

function keep<T extends object>(object: T): T {
  kept.push(object);
  return object;
}

function nativeOf(db: Database.Database): Native {
  const parts = Object.getOwnPropertySymbols(db).map((symbol) => (db as unknown as Record<symbol, unknown>)[symbol]);
  const native = parts.find((part) => typeof part === "object" && part !== null && "prepare" in part && "backup" in part);
  if (native === undefined)
    throw new Error("better-sqlite3 keeps its native part elsewhere than version 12.11.1: see connect.ts");
  return native as Native;
}
