import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CsvError, type Info, parse } from "csv-parse";
import { nearest } from "../../../config/suggest.js";
import { quote } from "../../../lib/escape.js";
import { CliError } from "../../io.js";
import { type CellKind, columns } from "./fields.js";
import { lineBytesMax, type SourceLine } from "./line.js";

/** Reads CSV (RFC 4180) with a header. `head` is its beginning. Throws `CliError` for a header that is wrong. */
export async function* csvLines(bytes: AsyncIterable<Buffer>, head: Buffer): AsyncGenerator<SourceLine> {
  const broken: SourceLine[] = [];
  const parser = parse({
    bom: true,
    columns: checkHeader,
    delimiter: delimiterOf(head),
    info: true,
    skip_empty_lines: true,
    max_record_size: lineBytesMax,
    skip_records_with_error: true,
    on_skip: (error) => void broken.push(brokenLine(error)),
  });
  // An error of the source reaches the reader of the parser.
  pipeline(Readable.from(bytes), parser).catch(() => {});
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: Record<string, string>; info: Info }>) {
      const line = firstLineOf(record, info);
      // The parser is ahead of its reader, so it can have met broken lines that come after this one.
      while (broken.length > 0 && broken[0]!.line < line) yield broken.shift()!;
      yield { line, read: fieldsOf(record) };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    broken.push(brokenLine(error));
  }
  yield* broken;
}

/** The parser names the last line of a record, and values can hold line breaks. */
function firstLineOf(record: Readonly<Record<string, string>>, { lines }: Info): number {
  const inside = Object.values(record).reduce((sum, value) => sum + value.split("\n").length - 1, 0);
  return lines - inside;
}

function brokenLine(error: CsvError | undefined): SourceLine {
  const problems: Readonly<Record<string, string>> = {
    CSV_RECORD_INCONSISTENT_COLUMNS: "has another number of values than the header has columns",
    CSV_QUOTE_NOT_CLOSED: "begins a quoted value that never ends: close the quotation mark",
    CSV_MAX_RECORD_SIZE: `begins a record of more than ${lineBytesMax / 1024} KiB: check its quotation marks`,
  };
  const problem = problems[error?.code ?? ""] ?? "has a quotation mark inside a value: quote the value and double the mark";
  return { line: Number(error?.lines ?? 0), read: { problem } };
}

/** Throws `CliError`. Names may have capital letters. */
function checkHeader(header: readonly string[]): string[] {
  const names = header.map((name) => name.trim().toLowerCase());
  const unknown = names.find((name) => !Object.hasOwn(columns, name));
  if (unknown !== undefined) {
    const near = nearest(unknown, Object.keys(columns));
    const hint = near === undefined ? `the columns are ${Object.keys(columns).join(", ")}` : `did you mean ${near}?`;
    throw new CliError(`${quote(unknown)} is not a column of users: ${hint}${near === undefined ? "." : ""}`);
  }
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new CliError(`The header has the column ${twice} twice: remove one of them.`);
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
function fieldsOf(record: Readonly<Record<string, string>>): SourceLine["read"] {
  const fields: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(record)) {
    const cell = text.trim();
    if (cell.includes("\ufffd")) return { problem: `${name} is not UTF-8: save the file as UTF-8` };
    if (cell !== "") fields[name] = cellValue(columns[name]!, cell);
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
