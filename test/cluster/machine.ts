import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { processesIn, signal } from "../support/process-tree.js";
import { until } from "../support/server.js";
import type { Authority } from "../support/tls.js";
import { example, exampleEnv } from "./example.js";
import { path } from "./programs.js";

export const ports = ["postgres", "rest", "etcd", "etcdPeer"] as const;
export type Ports = Readonly<Record<(typeof ports)[number], number>>;

/** A machine of the cluster: a folder with etcd, Patroni and the PostgreSQL that Patroni runs. */
export interface Machine {
  readonly name: string;
  readonly ports: Ports;
  /** Starts what does not run. */
  start(): void;
  /** Ends everything as a loss of power would. */
  kill(): Promise<void>;
  /** Nothing runs until `thaw`, and nothing is closed: a machine that hangs. */
  freeze(): Promise<void>;
  thaw(): void;
  stop(): Promise<void>;
  /** Runs `patronictl` with the machine's configuration. */
  patronictl(...args: readonly string[]): Promise<string>;
  /** The end of what it has logged. */
  log(): string;
}

export interface MachineOptions {
  readonly name: string;
  readonly folder: string;
  readonly authority: Authority;
  /** By the names of all machines. */
  readonly all: Readonly<Record<string, Ports>>;
  readonly password: string;
}

/** PostgreSQL refuses to run as root: there it runs as the user of Debian's package. */
const user = userInfo().uid === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};

const binaries = `/usr/lib/postgresql/${/ (\d+)\./.exec(execFileSync("pg_dump", ["--version"], { encoding: "utf8" }))?.[1]}/bin`;

export function makeMachine(options: MachineOptions): Machine {
  const { name, all } = options;
  const folder = join(options.folder, name);
  const env = writeFiles(folder, options);
  const config = join(folder, "patroni.yml");
  const children = new Map<string, ChildProcess>();

  function run(program: string, args: readonly string[], how: { readonly uid?: number; readonly gid?: number }): void {
    const running = children.get(program);
    if (running !== undefined && !hasEnded(running)) return;
    const log = openSync(join(folder, `${program}.log`), "a");
    const child = spawn(program, args, { cwd: folder, env: { PATH: path, ...env }, stdio: ["ignore", log, log], ...how });
    children.set(program, child);
  }

  const running = (): number[] => processesIn(folder);

  return {
    name,
    ports: all[name]!,
    start() {
      run("etcd", [], {});
      run("patroni", [config], user);
    },
    async kill() {
      // What was just being started shows up in the next look.
      await until(`the end of ${name}`, () => {
        signal(running(), "SIGKILL");
        return (running().length === 0 && [...children.values()].every(hasEnded)) || undefined;
      });
    },
    async freeze() {
      await until(`${name} to stand still`, () => {
        const awake = running().filter((pid) => !isStopped(pid));
        signal(awake, "SIGSTOP");
        return awake.length === 0 || undefined;
      });
    },
    thaw: () => signal(running(), "SIGCONT"),
    async stop() {
      const patroni = children.get("patroni");
      // It ends PostgreSQL first.
      if (patroni !== undefined) await ended(patroni, 20_000);
      const etcd = children.get("etcd");
      if (etcd !== undefined) await ended(etcd, 5_000);
    },
    async patronictl(...args) {
      const child = spawn("patronictl", ["-c", config, ...args], {
        cwd: folder,
        env: { PATH: path, LC_ALL: "C.UTF-8", ...env },
      });
      let printed = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (printed += String(chunk)));
      const [code] = await once(child, "close");
      if (code !== 0) throw new Error(`patronictl ${args.join(" ")} ended with ${code}\n${printed}`);
      return printed;
    },
    log: () => readFileSync(join(folder, "patroni.log"), "utf8").split("\n").slice(-40).join("\n"),
  };
}

/** The environment of everything that runs there. */
function writeFiles(folder: string, { name, authority, all, password }: MachineOptions): Record<string, string> {
  mkdirSync(folder);
  const write = (file: string, text: string) => {
    const path = join(folder, file);
    writeFileSync(path, text, { mode: 0o600 });
    if (user.uid !== undefined) chownSync(path, user.uid, user.gid);
  };
  const { cert, key } = authority.issue(["127.0.0.1", "localhost"]);
  write("ca.pem", authority.cert);
  write("cert.pem", cert);
  write("key.pem", key);
  const places = {
    "/etc/patroni/ca": `${folder}/ca`,
    "/etc/patroni/cert": `${folder}/cert`,
    "/etc/patroni/key": `${folder}/key`,
  };
  const directories = {
    "/var/lib/postgresql/latchkey": `${folder}/data`,
    "/usr/lib/postgresql/15/bin": binaries,
    "/var/run/postgresql": folder,
  };
  write("patroni.yml", example("patroni.yml", { ...places, ...directories }));
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  chmodSync(folder, 0o755);
  return { ...etcdEnv(folder, name, all), ...patroniEnv(name, all, password) };
}

function etcdEnv(folder: string, name: string, all: MachineOptions["all"]): Record<string, string> {
  const own = all[name]!;
  return exampleEnv("etcd.env", {
    "/var/lib/etcd/latchkey": join(folder, "etcd"),
    ...replacedIn(all, "etcdPeer", 2380),
    "db1.example.com:2379": `127.0.0.1:${own.etcd}`,
    "0.0.0.0:2379": `127.0.0.1:${own.etcd}`,
    "0.0.0.0:2380": `127.0.0.1:${own.etcdPeer}`,
    "ETCD_NAME=db1": `ETCD_NAME=${name}`,
    [`ETCD_INITIAL_ADVERTISE_PEER_URLS=http://127.0.0.1:${all.db1!.etcdPeer}`]: `ETCD_INITIAL_ADVERTISE_PEER_URLS=http://127.0.0.1:${own.etcdPeer}`,
  });
}

function patroniEnv(name: string, all: MachineOptions["all"], password: string): Record<string, string> {
  const own = all[name]!;
  return exampleEnv("patroni.env", {
    "PATRONI_NAME=db1": `PATRONI_NAME=${name}`,
    ...replacedIn(all, "etcd", 2379),
    "0.0.0.0:8008": `127.0.0.1:${own.rest}`,
    "db1.example.com:8008": `127.0.0.1:${own.rest}`,
    "0.0.0.0:5432": `127.0.0.1:${own.postgres}`,
    "db1.example.com:5432": `127.0.0.1:${own.postgres}`,
    "change-me": password,
  });
}

/** Where the examples name a machine by a port: where it is. */
export function replacedIn(all: MachineOptions["all"], port: keyof Ports, of: number): Record<string, string> {
  return Object.fromEntries(Object.entries(all).map(([name, own]) => [`${name}.example.com:${of}`, `127.0.0.1:${own[port]}`]));
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function ended(child: ChildProcess, ms: number): Promise<void> {
  if (hasEnded(child)) return;
  const end = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), ms);
  await end.finally(() => clearTimeout(timer));
}

function isStopped(pid: number): boolean {
  try {
    return /^State:\t[TtZ]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}

function idOf(flag: "-u" | "-g"): number {
  return Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
}
