import { randomBytes } from "node:crypto";
import { run } from "../../src/cli/main.js";

const key = (): string => randomBytes(32).toString("base64");

/** The keys of all databases that one test file makes on the command line. */
export const commandSecrets = { LATCHKEY_PEPPER: key(), LATCHKEY_MASTER_KEY: key() };

/** How a command ended. */
export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** What `--json` printed. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes
  json(): any;
}

/** Runs a command in this process. Questions are answered with `confirmed`, and kept. */
export async function latchkey(
  env: Readonly<Record<string, string>>,
  argv: readonly string[],
  confirmed = false,
): Promise<CommandResult> {
  const text = { out: "", err: "" };
  const io = {
    out: (line: string) => {
      text.out += `${line}\n`;
    },
    err: (line: string) => {
      text.err += `${line}\n`;
    },
    async confirm(question: string) {
      text.err += `${question}\n`;
      return confirmed;
    },
  };
  const code = await run(argv, { LATCHKEY_MODE: "development", ...commandSecrets, ...env }, io);
  return { code, ...text, json: () => JSON.parse(text.out) };
}
