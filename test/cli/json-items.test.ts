import { describe, expect, it } from "vitest";
import { jsonItems } from "../../src/cli/users/import/json-items.js";

async function* inPieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function itemsIn(text: string, size: number): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  for await (const item of jsonItems(inPieces(text, size))) items.push(item);
  return items;
}

/** Reads a text in pieces of many sizes, and returns what all of them gave. */
async function itemsOf(text: string): Promise<readonly unknown[]> {
  const all = await itemsIn(text, text.length * 4);
  for (const size of [1, 2, 3, 7]) expect(await itemsIn(text, size), `${size}`).toEqual(all);
  return all;
}

const record = (line: number, item: number, fields: object) => ({ line, item, read: { record: fields } });
const problem = (line: number, item: number, text: string) => ({
  line,
  item,
  read: { problem: expect.stringContaining(text) },
});

describe("a JSON list", () => {
  it("gives each object with its line, whatever its form", async () => {
    expect(await itemsOf('\ufeff[{"id":1},{"id":2}]')).toEqual([record(1, 1, { id: 1 }), record(1, 2, { id: 2 })]);
    expect(await itemsOf('[\n  {\n    "id": 1,\n    "a": [{"b": "]}"}]\n  },\n  {"id": 2}\n]\n')).toEqual([
      record(2, 1, { id: 1, a: [{ b: "]}" }] }),
      record(6, 2, { id: 2 }),
    ]);
    expect(await itemsOf('[{"name":"a\\"]\\\\","b":"ü[\u{1f600}"}]')).toEqual([
      record(1, 1, { name: 'a"]\\', b: "ü[\u{1f600}" }),
    ]);
  });

  it("that is empty has no items, and several lists are read one after the other", async () => {
    expect(await itemsOf(" [ ] \n")).toEqual([]);
    expect(await itemsOf('[{"id":1}]\n[{"id":2}]')).toEqual([record(1, 1, { id: 1 }), record(2, 2, { id: 2 })]);
  });

  it("loses only the items that are no objects", async () => {
    const items = await itemsOf('[7, "a,]", null,\n {"id" 1}, [{"id":2}], {"id":3}]');
    expect(items).toEqual([
      ...[1, 2, 3].map((item) => problem(1, item, "is not a JSON object")),
      problem(2, 4, "is not a JSON object"),
      problem(2, 5, "is not a JSON object"),
      record(2, 6, { id: 3 }),
    ]);
  });

  it("that breaks off says so", async () => {
    expect(await itemsOf('[{"id":1},\n{"id":2,"name":"Ad')).toEqual([record(1, 1, { id: 1 }), problem(2, 2, "breaks off")]);
    expect(await itemsOf('[{"id":1},\n')).toEqual([record(1, 1, { id: 1 }), problem(2, 2, "breaks off")]);
    expect(await itemsOf('[{"id":1}] and more')).toEqual([
      record(1, 1, { id: 1 }),
      problem(1, 2, "is not a JSON object"),
      problem(1, 3, "breaks off"),
    ]);
  });

  it("has no item in memory that is too long", async () => {
    const items = await itemsIn(`[{"a":"${"x".repeat(70_000)}"},{"id":2}]`, 1_000);
    expect(items).toEqual([problem(1, 1, "longer than 64 KiB"), record(1, 2, { id: 2 })]);
  });
});
