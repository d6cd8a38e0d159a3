import Database from "better-sqlite3";

/** Native objects of better-sqlite3, kept from garbage collection. */
const kept: object[] = [];

interface Native {
  prepare(...args: unknown[]): object;
  backup(...args: unknown[]): object;
}

/**
 * Opens a database whose statements live as long as the process.
 * better-sqlite3 12 compiled for Node 24.19 to 24.21, and maybe later, aborts the process if one of its objects is garbage
 * collected while no JavaScript context is active (nodejs/node#65446). Version 13 needs a newer Node than 20. So each statement
 * is prepared once and reused, and `iterate`, which creates an object at every call, is not used.
 */
export function connect(path: string, options?: Database.Options): Database.Database {
  const db = keep(new Database(path, options));
  const native = nativeOf(db);
  const { prepare, backup } = native;
  // Wraps the native `prepare`, so that the statements of `pragma` and `transaction` are kept too.
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
    throw new Error("better-sqlite3 hides its native part differently from version 12.11.1: see src/store/sqlite/connect.ts");
  return native as Native;
}
