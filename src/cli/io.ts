import { createInterface } from "node:readline/promises";

/** Output and questions of a command. Each call writes one line. */
export interface Io {
  out(line: string): void;
  err(line: string): void;
  /** Asks the person at the terminal to type yes. Returns false for any other answer, or if there is no terminal. */
  confirm(question: string): Promise<boolean>;
}

export const processIo: Io = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  confirm: async (question) => {
    if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return (await terminal.question(`${question} Type yes to continue: `)).trim().toLowerCase() === "yes";
    } finally {
      terminal.close();
    }
  },
};

/** Asks before something that can't be undone; `--yes` is the answer too. Throws with `refusal`, such as "Nothing was deleted". */
export async function requireYes(
  io: Io,
  { yes = false }: { readonly yes?: boolean },
  { question, refusal }: { readonly question: string; readonly refusal: string },
): Promise<void> {
  if (!yes && !(await io.confirm(question))) throw new CliError(`${refusal}: type yes at a terminal, or add --yes.`);
}

/** Stands for standard input or output instead of a file. */
export const standardStream = "-";

/** Throws if a path is a URL, without repeating it: it may hold a password. */
export function refuseUrl(path: string, name: string): void {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) throw new CliError(`${name} takes the path of a file, not a URL.`);
}

/** A refusal that the operator can act on. The message has one sentence on each line. */
export class CliError extends Error {
  override readonly name = "CliError";
}
