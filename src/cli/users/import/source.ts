import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { codeOf } from "../../../lib/error-code.js";
import { CliError, refuseUrl, standardStream } from "../../io.js";
import { type CsvForm, csvLines } from "./csv-lines.js";
import { jsonItems } from "./json-items.js";
import { jsonLines } from "./json-lines.js";
import { lineBytesMax, type SourceLine } from "./line.js";

export const formats = ["jsonl", "csv"] as const;
export type Format = (typeof formats)[number];

/** A source that is open. It is read once, piece by piece. */
export interface OpenSource {
  readonly lines: AsyncIterable<SourceLine>;
  close(): Promise<void>;
}

/** What a source may hold. */
export interface SourceForm {
  /** Undefined: that of the file's name, otherwise that of the first character. */
  readonly format: Format | undefined;
  /** A sentence instead of a form: these users do not come as CSV. */
  readonly csv: CsvForm | string;
}

/**
 * Opens a file, or standard input for `-`. JSON is one object a line, or a list. Throws `CliError` for a file that cannot be read or
 * has another format.
 */
export async function openSource(path: string, form: SourceForm): Promise<OpenSource> {
  refuseUrl(path, "--file");
  const { input, close } = await openInput(path);
  try {
    const { head, bytes } = await peek(input);
    refuseOtherFormats(head);
    const format = form.format ?? formatOf(path, head);
    if (format !== "csv") return { lines: isList(head) ? jsonItems(bytes) : jsonLines(bytes), close };
    if (isList(head) || textOf(head).startsWith("{")) {
      throw new CliError("The first line is JSON, not the names of CSV columns: add --format jsonl.");
    }
    if (typeof form.csv === "string") throw new CliError(form.csv);
    return { lines: csvLines(bytes, head, form.csv), close };
  } catch (error) {
    await close();
    throw readError(error, path);
  }
}

/** Turns an error of the source into a refusal. Returns other errors as they are. */
export function readError(error: unknown, path: string): unknown {
  if (error instanceof CliError) return error;
  const sentence = readErrors[codeOf(error)];
  return sentence === undefined ? error : new CliError(`${path === standardStream ? "Standard input" : path} ${sentence}`);
}

const readErrors: Readonly<Record<string, string>> = {
  ENOENT: "does not exist: correct the path of --file.",
  ENOTDIR: "does not exist: correct the path of --file.",
  EACCES: "cannot be read: check its permissions.",
  EPERM: "cannot be read: check its permissions.",
  EISDIR: "is a directory: name a file with JSON lines or CSV.",
  EIO: "cannot be read to its end: check the disk it is on.",
};

/** Whether a source can be read twice. */
export function isRegularFile(path: string): boolean {
  return path !== standardStream && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

async function openInput(path: string): Promise<{ readonly input: AsyncIterable<Buffer>; close(): Promise<void> }> {
  if (path === standardStream) {
    if (process.stdin.isTTY) throw new CliError("--file - reads standard input: pipe a file into the command.");
    return { input: process.stdin, close: async () => void process.stdin.destroy() };
  }
  try {
    const handle = await open(path, "r");
    const stream = handle.createReadStream({ highWaterMark: 256 * 1024 });
    return { input: stream, close: async () => void stream.destroy() };
  } catch (error) {
    throw readError(error, path);
  }
}

/** Returns the beginning of a source with its first line, and all of the source. */
async function peek(input: AsyncIterable<Buffer>): Promise<{ readonly head: Buffer; readonly bytes: AsyncGenerator<Buffer> }> {
  const chunks = input[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < lineBytesMax && !head.includes("\n")) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield head;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  return { head, bytes: all() };
}

function formatOf(path: string, head: Buffer): Format {
  if (/\.csv$/i.test(path)) return "csv";
  if (/\.(jsonl|ndjson|json)$/i.test(path)) return "jsonl";
  return isList(head) || textOf(head).startsWith("{") ? "jsonl" : "csv";
}

function isList(head: Buffer): boolean {
  return textOf(head).startsWith("[");
}

function refuseOtherFormats(head: Buffer): void {
  const other = otherFormats.find(({ bytes }) => head.subarray(0, bytes.length).equals(Buffer.from(bytes)));
  if (other !== undefined) throw new CliError(`The file ${other.sentence}`);
}

function textOf(head: Buffer): string {
  return head
    .toString()
    .replace(/^\ufeff/, "")
    .trimStart();
}

const otherFormats = [
  { bytes: [0xff, 0xfe], sentence: "is in UTF-16: save it as UTF-8." },
  { bytes: [0xfe, 0xff], sentence: "is in UTF-16: save it as UTF-8." },
  { bytes: [0x50, 0x4b, 0x03, 0x04], sentence: "is a spreadsheet or an archive: save it as CSV in UTF-8." },
  { bytes: [0x1f, 0x8b], sentence: "is compressed: pipe `gunzip --stdout <file>` into the command with --file -." },
] as const;
