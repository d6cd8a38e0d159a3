import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../support/ports.js";
import { latchkeyBin } from "./paths.js";
import { cleanEnv, runWell } from "./run.js";
import { until } from "./until.js";

type Env = Readonly<Record<string, string>>;

/** `latchkey serve` as a process of its own, in a folder of its own, in development mode on free ports. */
export interface Latchkey {
  /** Its working directory. */
  readonly folder: string;
  readonly ports: Ports;
  /** What its tokens name as their issuer, which is where it serves HTTP. */
  readonly issuer: string;
  readonly inboxUrl: string;
  /** `localhost:port` */
  readonly grpcAddress: string;
  /** The confidential client of development that apps' backends use, from the file that the first start made. */
  readonly backend: DevelopmentClient;
  /** Runs another command of the same deployment beside it, and gives what it prints. */
  cli(...args: readonly string[]): Promise<string>;
  /** Ends it and starts it again on the same database and ports. */
  restart(env?: Env): Promise<void>;
  stop(): Promise<void>;
}

export interface DevelopmentClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface Ports {
  readonly grpc: number;
  readonly http: number;
  readonly inbox: number;
}

const startsMax = 3;

export async function startLatchkey(env: Env = {}): Promise<Latchkey> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-interop-"));
  for (let starts = 1; ; starts += 1) {
    const [grpc, http, inbox] = (await freePorts(3)) as [number, number, number];
    const ports = { grpc, http, inbox };
    const given = { ...listeners(ports), ...env };
    try {
      return wrap({ folder, ports, env: given, child: await serve(folder, given) });
    } catch (error) {
      // Somebody else may have taken a port since it was found free.
      if (starts === startsMax || !String(error).includes("taken by another process")) throw error;
    }
  }
}

interface Running {
  readonly folder: string;
  readonly ports: Ports;
  env: Env;
  child: ChildProcess;
}

function wrap(running: Running): Latchkey {
  const { folder, ports } = running;
  return {
    folder,
    ports,
    issuer: `http://localhost:${ports.http}`,
    inboxUrl: `http://localhost:${ports.inbox}`,
    grpcAddress: `localhost:${ports.grpc}`,
    get backend() {
      const made = JSON.parse(readFileSync(join(folder, ".latchkey/clients.json"), "utf8")) as Record<
        string,
        { client_id: string; client_secret: string }
      >;
      const { client_id: clientId, client_secret: clientSecret } = made["default-backend"]!;
      return { clientId, clientSecret };
    },
    cli: (...args) => runWell(process.execPath, [latchkeyBin, ...args], { cwd: folder, env: running.env }),
    async restart(env = {}) {
      await end(running.child);
      running.env = { ...running.env, ...env };
      running.child = await serve(folder, running.env);
    },
    async stop() {
      await end(running.child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when it answers that it is ready. */
async function serve(folder: string, env: Env): Promise<ChildProcess> {
  const child = spawn(process.execPath, [latchkeyBin, "serve"], {
    cwd: folder,
    env: cleanEnv(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (printed = (printed + chunk).slice(-10_000)));
  try {
    await until("the server is ready", async () => {
      if (child.exitCode !== null) throw new Error(`latchkey serve ended with ${child.exitCode}\n${printed}`);
      const response = await fetch(`http://${env.LATCHKEY_HTTP_LISTEN}/readyz`).catch(() => null);
      // Another process may answer on a port that this one could not bind.
      return response?.ok && printed.includes("serving") ? true : undefined;
    });
  } catch (error) {
    await end(child);
    throw error;
  }
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

function listeners({ grpc, http, inbox }: Ports): Env {
  return {
    LATCHKEY_MODE: "development",
    LATCHKEY_GRPC_LISTEN: `127.0.0.1:${grpc}`,
    LATCHKEY_HTTP_LISTEN: `127.0.0.1:${http}`,
    LATCHKEY_INBOX_LISTEN: `127.0.0.1:${inbox}`,
    LATCHKEY_METRICS_LISTEN: "127.0.0.1:0",
  };
}
