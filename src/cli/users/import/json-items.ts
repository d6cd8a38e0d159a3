import { recordIn } from "./json-lines.js";
import { lineBytesMax, type SourceLine } from "./line.js";

const [quote, backslash, comma, lineFeed] = [0x22, 0x5c, 0x2c, 0x0a];
const opening: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const closing: ReadonlySet<number> = new Set([0x5d, 0x7d]);
/** White space, and the bytes of a byte order mark. */
const blank: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d, lineFeed, 0xef, 0xbb, 0xbf]);

/**
 * Reads the objects of a JSON list, or of several lists one after the other, with the memory of one object. An item that is no object
 * is a problem of its own.
 */
export async function* jsonItems(bytes: AsyncIterable<Buffer>): AsyncGenerator<SourceLine> {
  const scan = createScan();
  let item = 0;
  let line = 1;
  let content: Buffer[] = [];
  let size = 0;
  /** The line in which the item begins. Null: between items. */
  let begun: number | null = null;

  function end(): SourceLine {
    item += 1;
    const read = size > lineBytesMax ? tooLong : (recordIn(Buffer.concat(content), { isFirst: false }) ?? "no_object");
    const place = { line: begun!, item };
    [content, size, begun] = [[], 0, null];
    return { ...place, read: read === "no_object" ? noObject : read };
  }
  function take(part: Buffer): void {
    size += part.length;
    if (size <= lineBytesMax) content.push(part);
  }

  for await (const chunk of bytes) {
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      const step = scan(byte);
      if (step === "inside" && begun === null) [begun, from] = [line, at];
      if (byte === lineFeed) line += 1;
      if (begun === null || step === "inside") continue;
      take(chunk.subarray(from, step === "last" ? at + 1 : at));
      yield end();
    }
    if (begun !== null) take(chunk.subarray(from));
  }
  if (begun !== null || !scan.isOver()) yield { line: begun ?? line, item: item + 1, read: unfinished };
}

const tooLong = { problem: `is longer than ${lineBytesMax / 1024} KiB: check that each item of the list is one user` } as const;
const noObject = { problem: 'is not a JSON object: each item of the list is one user, such as {"id": 7}' } as const;
const unfinished = {
  problem: "is where the JSON breaks off: the file has no more users, so check that it is complete",
} as const;

/** What a byte is: `inside` an item, its `last` one, or `between` items. */
type Step = "inside" | "last" | "between";

interface Scan {
  (byte: number): Step;
  /** Whether all lists have ended. */
  isOver(): boolean;
}

/** Looks at the bytes of JSON lists, one after the other. */
function createScan(): Scan {
  /** How many brackets are open: 1 in a list, more in an item. */
  let depth = 0;
  let inText = false;
  let isEscaped = false;

  function scan(byte: number): Step {
    if (inText) {
      if (isEscaped) isEscaped = false;
      else if (byte === backslash) isEscaped = true;
      else inText = byte !== quote;
      return "inside";
    }
    if (byte === quote) inText = true;
    if (opening.has(byte)) {
      depth += 1;
      return depth === 1 ? "between" : "inside";
    }
    if (closing.has(byte)) {
      depth = Math.max(0, depth - 1);
      if (depth === 1) return "last";
      return depth === 0 ? "between" : "inside";
    }
    if (depth > 1) return "inside";
    return byte === comma || blank.has(byte) ? "between" : "inside";
  }
  return Object.assign(scan, { isOver: () => depth === 0 });
}
