/** A record that has begun. It grows with each line. */
export interface CsvRecord {
  readonly cells: string[];
  /** The text so far of a quoted cell that has not ended. Null: none. */
  open: string | null;
}

/**
 * Adds the cells of one line to a record (RFC 4180, section 2). `line` is without its line feed. A quoted cell can go on in the
 * next line: the answer is then `open`. `broken`: a quotation mark is inside a cell without quotes, or followed by more text.
 */
export function addLine(record: CsvRecord, line: string, delimiter: string): "complete" | "open" | "broken" {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  for (let at = 0; ; at += 1) {
    if (record.open === null && text[at] === '"') {
      record.open = "";
      at += 1;
    }
    if (record.open === null) {
      const found = text.indexOf(delimiter, at);
      const cell = text.slice(at, found < 0 ? text.length : found);
      if (cell.includes('"')) return "broken";
      record.cells.push(cell);
      at += cell.length;
    } else {
      const end = closingMark(text, at);
      if (end < 0) {
        record.open += `${unescaped(line.slice(at))}\n`;
        return "open";
      }
      record.cells.push(record.open + unescaped(text.slice(at, end)));
      record.open = null;
      at = end + 1;
      if (at < text.length && text[at] !== delimiter) return "broken";
    }
    if (at >= text.length) return "complete";
  }
}

/** Returns the place of the first quotation mark that is not doubled, or -1. */
function closingMark(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}

function unescaped(text: string): string {
  return text.replaceAll('""', '"');
}
