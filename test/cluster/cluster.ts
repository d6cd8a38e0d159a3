import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePorts } from "../support/ports.js";
import { processesIn, signal } from "../support/process-tree.js";
import { type Env, type Server, startServer, until } from "../support/server.js";
import { createAuthority } from "../support/tls.js";
import { type Balancer, startBalancer } from "./balancer.js";
import { guard } from "./guard.js";
import { type Machine, makeMachine, type Ports, ports } from "./machine.js";

/** How processes of Latchkey find the leader. */
export type Way = "hosts" | "haproxy";

/** PostgreSQL on three machines by the files of `deploy/cluster`, and HAProxy in front of it, all on loopback. */
export interface Cluster {
  /** Everything that runs for it works in here, and so should what uses it. */
  readonly folder: string;
  readonly machines: readonly Machine[];
  /** For `LATCHKEY_DATABASE_URL`. */
  url(by: Way, database?: string): string;
  /** For `LATCHKEY_DATABASE_READ_HOSTS`. */
  readHosts(by: Way): string;
  leader(): Promise<Machine>;
  synchronousStandby(): Promise<Machine>;
  /** Resolves with the leader when it has two standbys that follow it, one of them a synchronous one. */
  whole(): Promise<Machine>;
  /** A connection of the superuser. */
  connect(to: Machine, database?: string): Promise<pg.Client>;
  /** As the superuser, on a machine or on the leader. */
  query<Row>(sql: string, values?: readonly unknown[], on?: Machine, database?: string): Promise<Row[]>;
  /** Resolves with the first of the machines that takes writes. */
  promoted(among: readonly Machine[]): Promise<Machine>;
  /** Ends everything. Gives the processes that had to be killed, which are none. */
  stop(): Promise<number[]>;
}

const startTries = 3;

/** A server that works in the cluster's folder. It ends if it reaches no leader in time, and on a busy machine the first tries may be late. */
export async function startLatchkey(cluster: Cluster, env: Env): Promise<Server> {
  for (let left = startTries; ; left -= 1) {
    try {
      return await startServer(env, { folder: cluster.folder });
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}

interface Member {
  readonly name: string;
  readonly role: "leader" | "sync_standby" | "replica";
  readonly state: string;
  readonly timeline?: number;
}

const names = ["db1", "db2", "db3"];
const wholeWithinMs = 180_000;

export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-cluster-"));
  chmodSync(folder, 0o755);
  const endGuard = guard(folder);
  const authority = createAuthority("Latchkey cluster");
  const ca = join(folder, "ca.pem");
  writeFileSync(ca, authority.cert);
  const free = await freePorts(names.length * ports.length);
  const portsOf = (n: number) => Object.fromEntries(ports.map((port, m) => [port, free[n * ports.length + m]!])) as Ports;
  const all = Object.fromEntries(names.map((name, n) => [name, portsOf(n)]));
  const password = randomBytes(12).toString("hex");
  const machines = names.map((name) => makeMachine({ name, folder, authority, all, password }));
  for (const machine of machines) machine.start();
  const balancer = await startBalancer(folder, all);
  const cluster = connected({ folder, machines, ca, password, balancer, endGuard });
  await cluster.whole();
  await cluster.query(`CREATE ROLE latchkey LOGIN PASSWORD '${password}'`);
  await cluster.query("CREATE DATABASE latchkey OWNER latchkey ENCODING 'UTF8' TEMPLATE template0");
  return cluster;
}

interface Parts {
  readonly folder: string;
  readonly machines: readonly Machine[];
  readonly ca: string;
  readonly password: string;
  readonly balancer: Balancer;
  readonly endGuard: () => void;
}

function connected({ folder, machines, ca, password, balancer, endGuard }: Parts): Cluster {
  const tls = `sslmode=verify-full&sslrootcert=${ca}`;
  const hosts = machines.map((machine) => `127.0.0.1:${machine.ports.postgres}`).join(",");
  const named = (name: string): Machine => machines.find((machine) => machine.name === name)!;

  /** What most machines say: one that wakes up does not know yet. */
  async function members(): Promise<readonly Member[]> {
    const answers = machines.map(async ({ ports: { rest } }) => {
      const answer = await fetch(`http://127.0.0.1:${rest}/cluster`, { signal: AbortSignal.timeout(1_000) });
      return ((await answer.json()) as { readonly members: readonly Member[] }).members;
    });
    const given = (await Promise.all(answers.map((answer) => answer.catch(() => null)))).filter((one) => one !== null);
    const leaderIn = (list: readonly Member[]) => list.find(({ role }) => role === "leader")?.name;
    return given.find((one) => given.filter((other) => leaderIn(other) === leaderIn(one)).length > 1) ?? [];
  }

  const withRole = (role: Member["role"]) =>
    until(`a ${role}`, async () => {
      const found = (await members()).find((member) => member.role === role);
      return found === undefined ? undefined : named(found.name);
    });

  async function connect({ ports: { postgres: port } }: Machine, database = "postgres"): Promise<pg.Client> {
    const client = new pg.Client({
      host: "127.0.0.1",
      port,
      user: "postgres",
      password,
      database,
      ssl: { rejectUnauthorized: false },
    });
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  async function query<Row>(sql: string, values: readonly unknown[] = [], on?: Machine, database?: string): Promise<Row[]> {
    const client = await connect(on ?? (await withRole("leader")), database);
    try {
      return (await client.query(sql, [...values])).rows as Row[];
    } finally {
      await client.end();
    }
  }

  async function takesWrites(machine: Machine): Promise<boolean> {
    const rows = await query<{ standby: boolean }>("SELECT pg_is_in_recovery() AS standby", [], machine).catch(() => []);
    return rows[0]?.standby === false;
  }

  return {
    folder,
    machines,
    url: (by, database = "latchkey") =>
      `postgres://latchkey:${password}@${by === "hosts" ? hosts : `127.0.0.1:${balancer.leader}`}/${database}?${tls}`,
    readHosts: (by) => (by === "hosts" ? hosts : `127.0.0.1:${balancer.standbys}`),
    leader: () => withRole("leader"),
    synchronousStandby: () => withRole("sync_standby"),
    async whole() {
      let seen: readonly Member[] = [];
      const leader = await until(
        "two standbys, one of them synchronous",
        async () => {
          seen = await members();
          return leaderOfWhole(seen);
        },
        wholeWithinMs,
      ).catch((error: Error) => {
        throw new Error(
          `${error.message}: ${JSON.stringify(seen)}\n${machines.map(({ name, log }) => `== ${name}\n${log()}`).join("\n")}`,
        );
      });
      return named(leader);
    },
    connect,
    query,
    async promoted(among) {
      return await until(
        "a new leader",
        async () => {
          const answers = await Promise.all(among.map(takesWrites));
          return among.find((_, n) => answers[n]);
        },
        60_000,
      );
    },
    async stop() {
      for (const machine of machines) machine.thaw();
      await balancer.stop();
      await Promise.all(machines.map((machine) => machine.stop()));
      const left = processesIn(folder);
      signal(left, "SIGKILL");
      endGuard();
      return left;
    },
  };
}

/** Undefined while something is missing. */
function leaderOfWhole(members: readonly Member[]): string | undefined {
  const leader = members.find(({ role }) => role === "leader");
  const standbys = members.filter(
    ({ role, state, timeline }) =>
      role !== "leader" && ["running", "streaming"].includes(state) && timeline === leader?.timeline,
  );
  const isWhole = standbys.length === names.length - 1 && standbys.some(({ role }) => role === "sync_standby");
  return isWhole && leader?.state === "running" ? leader.name : undefined;
}
