import { linesOf } from "./byte-lines.js";
import { lineBytesMax, type SourceLine } from "./line.js";

/** Reads one JSON object a line. Empty lines are left out. */
export async function* jsonLines(bytes: AsyncIterable<Buffer>): AsyncGenerator<SourceLine> {
  let line = 0;
  for await (const content of linesOf(bytes)) {
    line += 1;
    const read = content === null ? tooLong : recordIn(content, { isFirst: line === 1 });
    if (read === null) continue;
    yield { line, read: read === "no_object" ? { problem: noObject } : read };
  }
}

const tooLong = { problem: `is longer than ${lineBytesMax / 1024} KiB: check that each line holds one user` } as const;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const noObject = 'is not a JSON object: write one user a line, such as {"email": "ada@example.com"}';

/** Reads a JSON object. Returns null for white space. `isFirst`: a byte order mark may come before it. */
export function recordIn(content: Buffer, { isFirst }: { readonly isFirst: boolean }): SourceLine["read"] | "no_object" | null {
  let text: string;
  try {
    text = utf8.decode(content);
  } catch {
    return { problem: "is not UTF-8: save the file as UTF-8" };
  }
  if (isFirst) text = text.replace(/^\ufeff/, "");
  if (text.trim() === "") return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return { record: value as Record<string, unknown> };
  } catch {
    // It is no object.
  }
  return "no_object";
}
