import { describe, expect, it } from "vitest";
import { csvRows } from "../../src/cli/users/import/csv-rows.js";

/** Reads a text in pieces of some bytes. Gives the cells or the problem of each row behind its line. */
async function rows(text: string, pieceBytes = 1 << 20): Promise<readonly (readonly [number, readonly string[] | string])[]> {
  const bytes = Buffer.from(text);
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  const found: [number, readonly string[] | string][] = [];
  for await (const { line, read } of csvRows(pieces(), ",")) found.push([line, "cells" in read ? read.cells : read.problem]);
  return found;
}

const stray = "has a quotation mark inside a value: quote the value and double the mark";
const endless = "begins a quoted value that never ends: close the quotation mark";
const endsWrongly = (line: number): string =>
  `begins a quoted value that line ${line} does not end correctly: close it, or double the marks inside it`;

describe("rows of CSV", () => {
  it.each<[string, string, readonly (readonly [number, readonly string[]])[]]>([
    [
      "plain values",
      "a,b\nc,d\n",
      [
        [1, ["a", "b"]],
        [2, ["c", "d"]],
      ],
    ],
    [
      "no line break at the end",
      "a,b\r\nc,d",
      [
        [1, ["a", "b"]],
        [2, ["c", "d"]],
      ],
    ],
    [
      "empty values",
      ",\n,,\n",
      [
        [1, ["", ""]],
        [2, ["", "", ""]],
      ],
    ],
    [
      "empty lines",
      "\ufeff\r\na\n\nb\n\n",
      [
        [2, ["a"]],
        [4, ["b"]],
      ],
    ],
    [
      "quoted values",
      '"a","b,""c""",""\n"""",x\n',
      [
        [1, ["a", 'b,"c"', ""]],
        [2, ['"', "x"]],
      ],
    ],
    [
      "line breaks in values",
      '"a\r\n\r\nb",c\r\n"d\n",""\r\n',
      [
        [1, ["a\r\n\r\nb", "c"]],
        [4, ["d\n", ""]],
      ],
    ],
  ])("%s are read as RFC 4180 says, however the bytes are cut", async (_name, text, expected) => {
    for (const pieceBytes of [1, 2, 3, 1_000]) expect(await rows(text, pieceBytes)).toEqual(expected);
  });

  it.each<[string, string, string]>([
    ["text after a closing mark", '"Ada" Lovelace,x', stray],
    ["many marks in one value", 'a"b"c"d"e"f,"g"h"i"', stray],
    ["a value that never ends", '"Ada,x', endless],
  ])("%s costs its own line alone", async (_name, bad, problem) => {
    const good = Array.from({ length: 200 }, (_, index) => `k${index},x`);
    const text = ["k,x", bad, ...good].join("\n");
    expect(await rows(text)).toEqual([[1, ["k", "x"]], [2, problem], ...good.map((row, index) => [index + 3, row.split(",")])]);
  });

  it("a value that is not closed costs its own line alone, also if a later line has quotation marks", async () => {
    expect(await rows('a,"A\nb,B\nc,"C"\n"d","D\nD"\n')).toEqual([
      [1, endsWrongly(3)],
      [2, ["b", "B"]],
      [3, ["c", "C"]],
      [4, ["d", "D\nD"]],
    ]);
  });

  it("a record of more than 64 KiB costs its own line alone", async () => {
    const long = "x".repeat(30_000);
    const found = await rows(`"a\n${long}\n${long}\n${long}\n"b",c\n`);
    expect(found.map(([line]) => line)).toEqual([1, 2, 3, 4, 5]);
    expect(found[0]).toEqual([1, "begins a record of more than 64 KiB: check its quotation marks"]);
    expect(found.slice(1)).toEqual([
      [2, [long]],
      [3, [long]],
      [4, [long]],
      [5, ["b", "c"]],
    ]);
  });
});
