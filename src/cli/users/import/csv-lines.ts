import { nearest } from "../../../config/suggest.js";
import { escapeControls, quote } from "../../../lib/escape.js";
import { CliError } from "../../io.js";
import { csvRows } from "./csv-rows.js";
import { type CellKind, columns } from "./fields.js";
import { plain } from "./from/row.js";
import type { SourceLine } from "./line.js";

/** How the columns of a source are read. */
export interface CsvForm {
  /** Returns the names of the columns. Throws `CliError` for a header that is wrong. */
  namesIn(header: readonly string[]): readonly string[];
  /** Returns the value of a cell that has a text. Undefined: none. */
  valueOf(name: string, cell: string): unknown;
}

/** Reads CSV (RFC 4180) with a header. `head` is its beginning. Throws `CliError` for a header that is wrong. */
export async function* csvLines(bytes: AsyncIterable<Buffer>, head: Buffer, form: CsvForm): AsyncGenerator<SourceLine> {
  let header: readonly string[] | null = null;
  for await (const { line, read } of csvRows(bytes, delimiterOf(head))) {
    if (header === null) {
      if ("problem" in read) throw new CliError(`The header is wrong: line ${line} ${read.problem}.`);
      header = form.namesIn(withoutTwins(read.cells));
    } else {
      yield { line, read: "problem" in read ? read : fieldsOf(form, header, read.cells) };
    }
  }
}

/** The columns of users, and of other services `id`. Names may have capital letters. */
export function ownForm({ withId }: { readonly withId: boolean }): CsvForm {
  const kinds: Readonly<Record<string, CellKind>> = withId ? { id: "text", ...columns } : columns;
  return {
    namesIn: (header) => checkHeader(header, kinds),
    valueOf: (name, cell) => cellValue(kinds[name]!, cell),
  };
}

/** Columns of any name. Databases write `NULL` or `\N` for no value. `needed`: of each list, one must be there. */
export function freeForm(title: string, needed: readonly (readonly string[])[]): CsvForm {
  return {
    namesIn(header) {
      const names = new Set(header.map(plain));
      const missing = needed.find((list) => !list.some((name) => names.has(plain(name))));
      if (missing === undefined) return header;
      throw new CliError(
        `The header has no column ${missing.join(" or ")}, so this is not a table of users of ${title}: its first line must name the columns.`,
      );
    },
    valueOf: (_name, cell) => (["NULL", "null", "\\N"].includes(cell) ? undefined : cell),
  };
}

/** Throws `CliError`. */
function withoutTwins(header: readonly string[]): readonly string[] {
  if (header.some((name) => name.trim().includes("\r"))) {
    throw new CliError("The lines of the file end with carriage returns alone: save it as CSV in UTF-8 with line feeds.");
  }
  const names = header.map((name) => name.trim());
  const lower = names.map((name) => name.toLowerCase());
  const twice = lower.find((name, index) => lower.indexOf(name) < index);
  if (twice !== undefined) throw new CliError(`The header has the column ${escapeControls(twice)} twice: remove one of them.`);
  return names;
}

function checkHeader(header: readonly string[], kinds: Readonly<Record<string, CellKind>>): readonly string[] {
  const names = header.map((name) => name.toLowerCase());
  const unknown = names.find((name) => !Object.hasOwn(kinds, name));
  if (unknown !== undefined) {
    const near = nearest(unknown, Object.keys(kinds));
    const hint = near === undefined ? `the columns are ${Object.keys(kinds).join(", ")}` : `did you mean ${near}?`;
    throw new CliError(`${quote(unknown)} is not a column of users: ${hint}${near === undefined ? "." : ""}`);
  }
  if (!names.includes("email") && !names.includes("phone")) {
    throw new CliError("The header needs a column email or phone: its first line must name the columns.");
  }
  return names;
}

/** Spreadsheets of many languages write semicolons. */
function delimiterOf(head: Buffer): string {
  const header = head.toString().split("\n", 1)[0]!;
  return [",", ";", "\t"].find((delimiter) => header.includes(delimiter)) ?? ",";
}

/** Turns cells into the values that JSON lines have. An empty cell is no value. */
function fieldsOf(form: CsvForm, header: readonly string[], cells: readonly string[]): SourceLine["read"] {
  if (cells.length !== header.length) return { problem: "has another number of values than the header has columns" };
  const fields: Record<string, unknown> = {};
  for (const [index, name] of header.entries()) {
    const cell = cells[index]!.trim();
    if (cell.includes("\ufffd")) return { problem: `${name} is not UTF-8: save the file as UTF-8` };
    if (cell !== "") fields[name] = form.valueOf(name, cell);
  }
  return { record: fields };
}

/** Returns the text itself if it is not of the kind. The check of the fields then refuses it. */
function cellValue(kind: CellKind, cell: string): unknown {
  switch (kind) {
    case "text":
      return cell;
    case "list":
      return cell.split(",").map((entry) => entry.trim());
    case "number":
      return /^[0-9]+$/.test(cell) ? Number(cell) : cell;
    case "switch":
      return { true: true, yes: true, "1": true, false: false, no: false, "0": false }[cell.toLowerCase()] ?? cell;
    case "object":
      try {
        return JSON.parse(cell);
      } catch {
        return cell;
      }
  }
}
