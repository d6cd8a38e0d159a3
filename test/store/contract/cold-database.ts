import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ColdDatabase, type Steps, sql, type Value } from "../../../src/store/shared/cold-database.js";
import { bytes, times } from "./fixtures.js";

interface ThingRow {
  id: string;
  count: number;
  flag: boolean | number;
  secret: Buffer | null;
}

/** An engine's cold database, in which `things` has the columns of `ThingRow`, opened several times as by several processes. */
export interface OpenedCold {
  readonly colds: readonly ColdDatabase[];
  close(): Promise<void>;
}

const insert = "INSERT INTO things (id, count, flag, secret) VALUES ($1, $2, $3, $4)";
const select = "SELECT id, count, flag, secret FROM things ORDER BY id";

/** What operations of cold aggregates rely on, whichever engine runs them. */
export function describeColdDatabase(name: string, open: () => Promise<OpenedCold>): void {
  describe(`the cold database of ${name}`, () => {
    let opened: OpenedCold;
    let cold: ColdDatabase;
    beforeEach(async () => {
      opened = await open();
      cold = opened.colds[0]!;
    });
    afterEach(() => opened.close());

    const add = (id: string, values: { count?: number; flag?: boolean; secret?: Uint8Array | null } = {}) =>
      cold.write(() => sql(insert, [id, values.count ?? 0, values.flag ?? false, values.secret ?? null]));
    const any = (n: number): ColdDatabase => opened.colds[n % opened.colds.length]!;
    const things = () => cold.read<ThingRow>(select);
    const one = async () => (await things())[0]!;

    it("gives every kind of value back as it was stored", async () => {
      const stored = { count: Number.MAX_SAFE_INTEGER, flag: true, secret: Buffer.of(0, 1, 255) };
      await add("\"a\" 'b' \\ é 😀", stored);
      const row = await one();
      expect({ ...row, flag: Boolean(row.flag) }).toEqual({ ...stored, id: "\"a\" 'b' \\ é 😀" });
      expect(
        (await cold.read<ThingRow>("SELECT * FROM things WHERE flag = $1 AND secret = $2", [true, stored.secret])).length,
      ).toBe(1);
      await cold.write(() => sql("UPDATE things SET count = $1, flag = $2, secret = $3", [-1, false, null]));
      const changed = await one();
      expect({ ...changed, flag: Boolean(changed.flag) }).toMatchObject({ count: -1, flag: false, secret: null });
    });

    it("takes integers as integers, and one parameter as often as it is named", async () => {
      await cold.write(() =>
        sql("INSERT INTO things (id, count, flag, secret) VALUES ($1, $2 / 2, $3, $4)", ["a", 7, true, null]),
      );
      const rows = await cold.read<ThingRow>("SELECT id, count FROM things WHERE id = $1 OR id > $1 LIMIT $2", ["a", 5]);
      expect(rows).toEqual([{ id: "a", count: 3 }]);
    });

    it("orders texts by their bytes", async () => {
      const ids = ["Z", "a", "b", "é", "\uffee", "😀"];
      for (const id of ids.toReversed()) await add(id);
      expect((await things()).map(({ id }) => id)).toEqual(ids);
    });

    it("tells which rows a statement changed", async () => {
      for (const id of ["a", "b", "c"]) await add(id);
      const remove = () => cold.write(() => sql<{ id: string }>("DELETE FROM things WHERE id > $1 RETURNING id", ["a"]));
      expect((await remove()).map(({ id }) => id).sort()).toEqual(["b", "c"]);
      expect(await remove()).toEqual([]);
    });

    it("refuses a text with U+0000, which PostgreSQL can't hold, and writes nothing", async () => {
      await expect(add("a\0b")).rejects.toThrow();
      expect(await things()).toEqual([]);
    });

    it("undoes all that an operation wrote before it threw, and nothing of others in the same moment", async () => {
      function* failing(): Steps<void> {
        yield* sql(insert, ["half", 1, true, null]);
        throw new Error("half way");
      }
      const writes = times(20, (n) => (n % 2 === 0 ? add(`whole ${n}`) : cold.write(failing)));
      const outcomes = await Promise.allSettled(writes);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
      for (const outcome of outcomes) if (outcome.status === "rejected") expect(String(outcome.reason)).toBe("Error: half way");
      const rows = await things();
      expect(rows).toHaveLength(10);
      expect(rows.every(({ id }) => id.startsWith("whole"))).toBe(true);
    });

    it("20 racers that each add one to what they read come to 20", async () => {
      await add("a");
      function* count(): Steps<number> {
        const [row] = yield* sql<ThingRow>("SELECT count FROM things WHERE id = $1", ["a"]);
        yield* sql("UPDATE things SET count = $1 WHERE id = $2", [row!.count + 1, "a"]);
        return row!.count;
      }
      const seen = await Promise.all(times(20, (n) => any(n).write(count)));
      expect(seen.sort((a, b) => a - b)).toEqual(times(20, (n) => n));
      expect(await one()).toMatchObject({ count: 20 });
    });

    it("20 racers in turn, in several processes, each run once and see what the one before wrote", async () => {
      await add("a");
      let runs = 0;
      function* count(): Steps<number> {
        runs += 1;
        const [row] = yield* sql<ThingRow>("SELECT count FROM things WHERE id = $1", ["a"]);
        yield* sql("UPDATE things SET count = $1 WHERE id = $2", [row!.count + 1, "a"]);
        return row!.count;
      }
      const seen = await Promise.all(times(20, (n) => any(n).write(count, { inTurn: "things" })));
      expect(seen.sort((a, b) => a - b)).toEqual(times(20, (n) => n));
      expect(runs).toBe(20);
    });

    it("of 20 racers that each add a row where they find fewer than three, three do", async () => {
      const values = (n: number): Value[] => [`row ${n}`, n, true, bytes("secret")];
      const added = await Promise.all(
        times(20, (n) =>
          any(n).write(function* () {
            if ((yield* sql(select)).length >= 3) return false;
            yield* sql(insert, values(n));
            return true;
          }),
        ),
      );
      expect(added.filter(Boolean)).toHaveLength(3);
      expect(await things()).toHaveLength(3);
    });
  });
}
