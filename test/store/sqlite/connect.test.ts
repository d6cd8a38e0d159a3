import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { connect } from "../../../src/store/sqlite/connect.js";

const src = fileURLToPath(new URL("../../../src", import.meta.url));
const sources = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => ({ name, text: readFileSync(join(src, name), "utf8") }));

async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const forgotten = (() => new WeakRef({}))();
  // What a WeakRef has shown lives until the end of the turn.
  await new Promise(setImmediate);
  gc();
  expect(forgotten.deref(), "what nobody refers to").toBeUndefined();
}

/** The objects that an own `prepare` of the database's native part gives while `use` runs. */
function preparedBy(db: ReturnType<typeof connect>, use: () => unknown): WeakRef<object>[] {
  const symbol = Object.getOwnPropertySymbols(db).find((name) => typeof (db as never)[name] === "object")!;
  const native = (db as unknown as Record<symbol, { prepare(...args: unknown[]): object }>)[symbol]!;
  const { prepare } = native;
  const seen: WeakRef<object>[] = [];
  native.prepare = (...args) => {
    const statement = prepare.apply(native, args);
    seen.push(new WeakRef(statement));
    return statement;
  };
  use();
  native.prepare = prepare;
  return seen;
}

describe("a database of better-sqlite3, whose native objects must not be garbage collected", () => {
  it.each([
    ["a statement", (db: ReturnType<typeof connect>) => db.prepare("SELECT 1").get()],
    ["the statement of a pragma", (db: ReturnType<typeof connect>) => db.pragma("synchronous = FULL")],
    ["the statements of a transaction", (db: ReturnType<typeof connect>) => db.transaction(() => 1)()],
  ])("keeps %s that nobody refers to any more", async (_, use) => {
    const db = connect(":memory:");
    const statements = preparedBy(db, () => use(db));
    db.close();
    await collectGarbage();
    expect(statements.length).toBeGreaterThan(0);
    for (const statement of statements) expect(statement.deref()).toBeDefined();
  });

  it("keeps itself when it is closed", async () => {
    const open = () => {
      const db = connect(":memory:");
      db.close();
      return new WeakRef(db);
    };
    const db = open();
    await collectGarbage();
    expect(db.deref()).toBeDefined();
  });

  it("is opened in one place of the program, and no statement is iterated", () => {
    const opening = sources.filter(({ text }) => /^import (?!type\b).*"better-sqlite3"/m.test(text)).map(({ name }) => name);
    expect(opening).toEqual([join("store", "sqlite", "connect.ts")]);
    const sqlite = sources.filter(({ name }) => name.startsWith(join("store", "sqlite")));
    expect(sqlite.filter(({ text }) => /\.iterate\(/.test(text)).map(({ name }) => name)).toEqual([]);
  });
});
