import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { cacheBin } from "./paths.js";

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** This process's environment without the settings of any Latchkey, and with the tools of the cache on the path. */
export function cleanEnv(added: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(LATCHKEY_|VITEST|NODE_ENV$|NODE_OPTIONS$|GOFLAGS$)/.test(name),
  );
  return { ...Object.fromEntries(kept), PATH: `${cacheBin}:${process.env.PATH ?? ""}`, ...added };
}

/** Runs a program to its end, without input. What it leaves running is ended with it when the time is up. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { cwd, env = {}, timeoutMs = 60_000 } = options;
  const child = spawn(command, args, { cwd, env: cleanEnv(env), detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, timeoutMs);
  try {
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    const [exitCode, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { exitCode, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

/** As `run`, and throws with everything that was printed unless the program ends well. Gives its standard output. */
export async function runWell(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, args, options);
  if (exitCode === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")} ended with ${exitCode}\n${stdout}\n${stderr}`);
}
