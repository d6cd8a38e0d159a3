import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { credentials } from "@grpc/grpc-js";
import { createGrpcClient, type GrpcClient } from "../../src/client/grpc.js";
import { brakesTable } from "../../src/config/brakes-table.js";
import type { InboxMessage } from "../../src/delivery/taps/inbox.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";

export type Env = Readonly<Record<string, string>>;

/** How a process ended (code null: by a signal), and all it printed. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** What a client needs where the server does TLS. */
export interface Trust {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** `latchkey serve` as a process of its own. */
export interface Server {
  readonly pid: number;
  /** Its working directory, where its database is. */
  readonly folder: string;
  readonly env: Env;
  /** `127.0.0.1:port` */
  readonly grpcAddress: string;
  readonly httpUrl: string;
  /** Null in production. */
  readonly inboxUrl: string | null;
  readonly metricsUrl: string;
  readonly grpc: GrpcClient;
  readonly auth: Client<typeof AuthService>;
  /** Lines as they were printed so far. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly exited: Promise<Exit>;
  /** What the developer inbox shows, newest first. */
  inbox(to?: string): Promise<readonly InboxMessage[]>;
  /** Ends it as a loss of power would. */
  kill(): Promise<Exit>;
  /** Ends it as an operator would. */
  stop(): Promise<Exit>;
  /** Starts it again in the same folder, where it has ended. */
  restart(env?: Env): Promise<Server>;
}

export interface ServerOptions {
  /** A new one by default. */
  readonly folder?: string;
  readonly trust?: Trust;
  /** The program and its first arguments: by default Node with `latchkeyBin`, which the `latchkey` command starts. */
  readonly program?: readonly [string, ...string[]];
}

/** The program under test: `LATCHKEY_TEST_DIST` names another build than the one in `dist`. */
export const latchkeyBin = resolve(
  process.env.LATCHKEY_TEST_DIST ?? fileURLToPath(new URL("../../dist", import.meta.url)),
  "latchkey.cjs",
);

export const newKey = (): string => randomBytes(32).toString("base64");

/** Free ports, secrets of its own, and no waiting for slow hashes. */
const commonEnv = (): Env => ({
  LATCHKEY_GRPC_LISTEN: "127.0.0.1:0",
  LATCHKEY_HTTP_LISTEN: "127.0.0.1:0",
  LATCHKEY_METRICS_LISTEN: "127.0.0.1:0",
  LATCHKEY_CODE_HASH: "fast",
  LATCHKEY_PEPPER: newKey(),
  LATCHKEY_MASTER_KEY: newKey(),
});

export const developmentEnv = (): Env => ({
  ...commonEnv(),
  LATCHKEY_MODE: "development",
  LATCHKEY_INBOX_LISTEN: "127.0.0.1:0",
  LATCHKEY_ISSUER: "http://localhost:8080",
});

/** As high as the limits of the deployment go, for tests that send more than one address may. */
export const raisedLimits: Env = Object.fromEntries(Object.values(brakesTable).map(({ name }) => [name, "1000000/1m"]));

/** Behind a proxy that does TLS, with a mail server on this machine, and without a balancer to wait for. */
export const productionEnv = (smtpPort = 1): Env => ({
  ...commonEnv(),
  ...raisedLimits,
  LATCHKEY_MODE: "production",
  LATCHKEY_DRAIN_DELAY: "0",
  LATCHKEY_ISSUER: "https://auth.example.com",
  LATCHKEY_SMTP_URL: `smtp://127.0.0.1:${smtpPort}?from=codes@example.com&starttls=never`,
  LATCHKEY_TLS: "terminated",
  LATCHKEY_DEFAULT_CLIENT: "on",
  LATCHKEY_AUTO_REGISTRATION: "on",
});

/** Where the run has a pooler in front of PostgreSQL. */
const poolerEnv: Env = process.env.LATCHKEY_TEST_POOLER === undefined ? {} : { LATCHKEY_DATABASE_POOLER: "transaction" };

const children = new Set<ChildProcess>();
const folders = new Set<string>();

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Ends every process that was started here and removes their folders. */
export async function endServers(): Promise<void> {
  await Promise.all(
    [...children].map(async (child) => {
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
    }),
  );
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

/** A folder that `endServers` removes. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-server-"));
  folders.add(folder);
  return folder;
}

/** Starts a server and waits until it serves. Throws with what it printed when it ends instead. */
export async function startServer(env: Env, options: ServerOptions = {}): Promise<Server> {
  const folder = options.folder ?? newFolder();
  const running = run(["serve"], { env, folder, program: options.program });
  const ports = await Promise.race([running.ports, running.exited]);
  if (!("grpc" in ports)) {
    throw new Error(`the server ended with ${ports.code ?? ports.signal}\n${[...ports.stdout, ...ports.stderr].join("\n")}`);
  }
  return wrap(running, ports, { ...options, env, folder });
}

/** Runs a command of the program to its end. */
export async function runLatchkey(
  args: readonly string[],
  env: Env,
  folder = newFolder(),
  program?: ServerOptions["program"],
): Promise<Exit> {
  return await run(args, { env, folder, program }).exited;
}

/** Runs a command and kills it `ms` later, unless it has ended. */
export async function killDuring(args: readonly string[], env: Env, folder: string, ms: number): Promise<Exit> {
  const { child, exited } = run(args, { env, folder });
  const timer = setTimeout(() => child.kill("SIGKILL"), ms);
  return await exited.finally(() => clearTimeout(timer));
}

/** Asks again and again until there is an answer, for up to `ms`. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined, ms = 10_000): Promise<T> {
  const giveUpAt = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > giveUpAt) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface Ports {
  readonly grpc: number;
  readonly http: number;
  readonly inbox: number | null;
  readonly metrics: number;
}

type Started = ServerOptions & { readonly env: Env; readonly folder: string };

interface Running {
  readonly child: ChildProcess;
  readonly stdout: string[];
  readonly stderr: string[];
  readonly exited: Promise<Exit>;
  readonly ports: Promise<Ports>;
}

function run(args: readonly string[], { env, folder, program = [process.execPath, latchkeyBin] }: Started): Running {
  const options = { cwd: folder, env: { PATH: process.env.PATH, ...poolerEnv, ...env } };
  const [command, ...first] = program;
  const child = spawn(command, [...first, ...args], { ...options, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  const stdout: string[] = [];
  const stderr: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => stderr.push(line));
  const ports = new Promise<Ports>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      stdout.push(line);
      const found = portsIn(line);
      if (found !== null) resolve(found);
    });
  });
  const exited = once(child, "close").then(([code, signal]): Exit => {
    children.delete(child);
    return { code, signal, stdout, stderr };
  });
  return { child, stdout, stderr, exited, ports };
}

/** Of the line that says that it serves, in either form of the log. */
function portsIn(line: string): Ports | null {
  if (!/"msg":"serving"| serving grpc=/.test(line)) return null;
  const port = (name: string) => new RegExp(`\\b${name}"?[=:](\\d+)`).exec(line)?.[1];
  const inbox = port("inbox");
  return {
    grpc: Number(port("grpc")),
    http: Number(port("http")),
    inbox: inbox === undefined ? null : Number(inbox),
    metrics: Number(port("metrics")),
  };
}

function wrap({ child, stdout, stderr, exited }: Running, ports: Ports, started: Started): Server {
  const { env, folder, trust } = started;
  const grpcAddress = `127.0.0.1:${ports.grpc}`;
  const httpUrl = `${trust === undefined ? "http" : "https"}://127.0.0.1:${ports.http}`;
  const inboxUrl = ports.inbox === null ? null : `http://127.0.0.1:${ports.inbox}`;
  const metricsUrl = `http://127.0.0.1:${ports.metrics}/metrics`;
  const grpc = createGrpcClient(grpcAddress, grpcCredentials(trust), { channel: { "grpc.use_local_subchannel_pool": 1 } });
  const transport = createConnectTransport({ baseUrl: httpUrl, httpVersion: "1.1", nodeOptions: trust });
  async function end(signal: NodeJS.Signals): Promise<Exit> {
    child.kill(signal);
    const exit = await exited;
    grpc.close();
    return exit;
  }
  return {
    pid: child.pid!,
    folder,
    env,
    grpcAddress,
    httpUrl,
    inboxUrl,
    metricsUrl,
    grpc,
    auth: createClient(AuthService, transport),
    stdout,
    stderr,
    exited,
    async inbox(to) {
      const query = to === undefined ? "" : `?to=${encodeURIComponent(to)}`;
      return (await (await fetch(`${inboxUrl}/messages${query}`)).json()) as InboxMessage[];
    },
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    async restart(changed = {}) {
      await exited;
      return await startServer({ ...env, ...changed }, started);
    },
  };
}

export function grpcCredentials(trust: Trust | undefined) {
  if (trust === undefined) return credentials.createInsecure();
  const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
  return credentials.createSsl(pem(trust.ca), pem(trust.key), pem(trust.cert));
}
