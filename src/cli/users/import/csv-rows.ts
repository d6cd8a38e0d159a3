import { linesOf } from "./byte-lines.js";
import { addLine, type CsvRecord } from "./csv-cells.js";
import { lineBytesMax } from "./line.js";

/** One record of CSV, or why it cannot be read. */
export interface CsvRow {
  /** The line that it begins in, from 1. */
  readonly line: number;
  readonly read: { readonly cells: readonly string[] } | { readonly problem: string };
}

/**
 * Reads the records of CSV (RFC 4180). Empty lines are left out. A record that cannot be read is one row with a problem, and
 * reading goes on in the line after its first one: a wrong quotation mark costs its own line alone.
 */
export async function* csvRows(bytes: AsyncIterable<Buffer>, delimiter: string): AsyncGenerator<CsvRow> {
  const source = linesOf(bytes);
  const ahead: (Buffer | null)[] = [];
  const peek = async (index: number): Promise<Buffer | null | undefined> => {
    while (ahead.length <= index) {
      const { done, value } = await source.next();
      if (done === true) return undefined;
      ahead.push(value);
    }
    return ahead[index];
  };
  for (let line = 1; (await peek(0)) !== undefined; ) {
    const { read, lines } = await nextRecord({ peek, line, delimiter });
    if (!("cells" in read) || !isEmpty(read.cells)) yield { line, read };
    ahead.splice(0, lines);
    line += lines;
  }
}

interface Place {
  /** Returns a line from the current one on. Null: it is too long. Undefined: there is none. */
  readonly peek: (index: number) => Promise<Buffer | null | undefined>;
  /** The number of the current line. */
  readonly line: number;
  readonly delimiter: string;
}

/** Reads the record that begins in the current line. `lines` says how many lines are done with. */
async function nextRecord({
  peek,
  line,
  delimiter,
}: Place): Promise<{ readonly read: CsvRow["read"]; readonly lines: number }> {
  const broken = (problem: string) => ({ read: { problem }, lines: 1 });
  const record: CsvRecord = { cells: [], open: null };
  for (let lines = 1, bytes = 0; ; lines += 1) {
    const content = await peek(lines - 1);
    if (content === undefined) return broken("begins a quoted value that never ends: close the quotation mark");
    bytes += content?.length ?? lineBytesMax + 1;
    if (content === null || bytes > lineBytesMax) {
      return broken(`begins a record of more than ${lineBytesMax / 1024} KiB: check its quotation marks`);
    }
    const text = line === 1 && lines === 1 ? content.toString().replace(/^\ufeff/, "") : content.toString();
    const end = addLine(record, text, delimiter);
    if (end === "complete") return { read: { cells: record.cells }, lines };
    if (end === "open") continue;
    return broken(
      lines === 1
        ? "has a quotation mark inside a value: quote the value and double the mark"
        : `begins a quoted value that line ${line + lines - 1} does not end correctly: close it, or double the marks inside it`,
    );
  }
}

function isEmpty(cells: readonly string[]): boolean {
  return cells.length === 1 && cells[0] === "";
}
