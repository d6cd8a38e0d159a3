import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const bin = process.env.LATCHKEY_BIN ?? fileURLToPath(new URL("../../../dist/latchkey.cjs", import.meta.url));
const startMsMax = 20_000;
const pollMs = 50;

export interface LatchkeyServer {
  /** The codes that were sent to an address, newest first. */
  codesTo(to: string): Promise<string[]>;
  /** Ends the server and starts it again on the same database and ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

interface Start {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly inboxPort: number;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs `latchkey serve` in a directory of its own until it is ready. Throws with its output if it does not get there. */
export async function startLatchkey(options: Start): Promise<LatchkeyServer> {
  if (!existsSync(bin)) throw new Error(`there is no ${bin}: run "npm run build" first`);
  const directory = mkdtempSync(join(tmpdir(), "latchkey-browser-"));
  let end = await serve(directory, options);
  return {
    async restart() {
      await end();
      end = await serve(directory, options);
    },
    async stop() {
      await end();
      rmSync(directory, { recursive: true, force: true });
    },
    async codesTo(to) {
      const response = await fetch(`http://127.0.0.1:${options.inboxPort}/messages?to=${encodeURIComponent(to)}`);
      const messages = (await response.json()) as { code: string }[];
      return messages.map(({ code }) => code);
    },
  };
}

/** Resolves when the server is ready, with a function that ends it. */
async function serve(directory: string, options: Start): Promise<() => Promise<void>> {
  const { LATCHKEY_BIN: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [bin, "serve"], {
    cwd: directory,
    env: {
      ...Object.fromEntries(Object.entries(inherited).filter(([name]) => !name.startsWith("LATCHKEY_"))),
      LATCHKEY_MODE: "development",
      LATCHKEY_HTTP_LISTEN: `127.0.0.1:${options.httpPort}`,
      LATCHKEY_GRPC_LISTEN: `127.0.0.1:${options.grpcPort}`,
      LATCHKEY_INBOX_LISTEN: `127.0.0.1:${options.inboxPort}`,
      LATCHKEY_METRICS_LISTEN: "127.0.0.1:0",
      ...options.env,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));

  async function end(): Promise<void> {
    child.kill("SIGTERM");
    await exited;
  }

  const deadline = Date.now() + startMsMax;
  while (!(await isReady(options.httpPort))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await end();
      throw new Error(`the server did not get ready:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return end;
}

async function isReady(httpPort: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).ok;
  } catch {
    return false;
  }
}
