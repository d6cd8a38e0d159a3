import { linesOf } from "./byte-lines.js";
import { lineBytesMax, type SourceLine } from "./line.js";

/** Reads one JSON object a line. Empty lines are left out. */
export async function* jsonLines(bytes: AsyncIterable<Buffer>): AsyncGenerator<SourceLine> {
  let line = 0;
  for await (const content of linesOf(bytes)) {
    line += 1;
    const read = content === null ? tooLong : parse(content, line);
    if (read !== null) yield { line, read };
  }
}

const tooLong = { problem: `is longer than ${lineBytesMax / 1024} KiB: check that each line holds one user` } as const;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns null for an empty line. */
function parse(content: Buffer, line: number): SourceLine["read"] | null {
  let text: string;
  try {
    text = utf8.decode(content);
  } catch {
    return { problem: "is not UTF-8: save the file as UTF-8" };
  }
  if (line === 1) text = text.replace(/^\ufeff/, "");
  if (text.trim() === "") return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return { record: value as Record<string, unknown> };
  } catch {
    // The problem below says what is missing.
  }
  return { problem: 'is not a JSON object: write one user a line, such as {"email": "ada@example.com"}' };
}
