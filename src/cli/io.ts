/** Where a command writes to: one line a call. */
export interface Io {
  out(line: string): void;
  err(line: string): void;
}

export const processIo: Io = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
};

/** In place of a file: standard input or output. */
export const standardStream = "-";

/** A refusal that the operator can act on; the message is one sentence a line. */
export class CliError extends Error {
  override readonly name = "CliError";
}
