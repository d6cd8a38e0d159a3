import { createInterface } from "node:readline/promises";

/** How a command talks to the operator: one line a call. */
export interface Io {
  out(line: string): void;
  err(line: string): void;
  /** Asks the person at the terminal to type yes. Returns false if the answer is another one, or there is no terminal. */
  confirm(question: string): Promise<boolean>;
}

export const processIo: Io = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  confirm: async (question) => {
    if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return (await terminal.question(`${question} Type yes to go on: `)).trim().toLowerCase() === "yes";
    } finally {
      terminal.close();
    }
  },
};

/** In place of a file: standard input or output. */
export const standardStream = "-";

/** A refusal that the operator can act on; the message is one sentence a line. */
export class CliError extends Error {
  override readonly name = "CliError";
}
