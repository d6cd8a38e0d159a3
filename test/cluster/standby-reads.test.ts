import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { bearer, reasonOf, signIn } from "../serve/sign-in.js";
import { freePort } from "../support/ports.js";
import { developmentEnv, endServers, type Server, until } from "../support/server.js";
import { type Cluster, startCluster, startLatchkey, type Way } from "./cluster.js";
import type { Machine } from "./machine.js";

const email = "ada@example.com";
// Several sign-ins of one user, one right after the other.
const env = { ...developmentEnv(), LATCHKEY_RESEND_COOLDOWN: "0ms" };
let cluster: Cluster;
let leader: Machine;
let standbys: readonly Machine[];
const servers = new Map<Way, Server>();
let accessToken: string;

const start = (by: Way, readHosts: string) =>
  startLatchkey(cluster, { ...env, LATCHKEY_DATABASE_URL: cluster.url(by), LATCHKEY_DATABASE_READ_HOSTS: readHosts });

beforeAll(async () => {
  cluster = await startCluster();
  for (const by of ["hosts", "haproxy"] as const) servers.set(by, await start(by, cluster.readHosts(by)));
  leader = await cluster.whole();
  standbys = cluster.machines.filter((machine) => machine !== leader);
  ({ accessToken } = await signIn(servers.get("hosts")!, email));
});

afterAll(async () => {
  await endServers();
  await cluster?.stop();
});

afterEach(() => resume());

const sessionsBy = async ({ grpc }: Server) => (await grpc.listSessions({}, bearer(accessToken))).sessions.length;
const onStandbys = (sql: string) => Promise.all(standbys.map((machine) => cluster.query<{ n: number }>(sql, [], machine)));

/** Commits are not replayed until `resume`, or until Patroni restores the setting, which it does every 5 s. */
async function pause(): Promise<void> {
  await onStandbys("ALTER SYSTEM SET recovery_min_apply_delay = '1h'");
  await onStandbys("SELECT pg_reload_conf()");
  // No process tells when the one that replays has read it.
  await new Promise((resolve) => setTimeout(resolve, 300));
}

async function resume(): Promise<void> {
  await onStandbys("ALTER SYSTEM RESET recovery_min_apply_delay");
  await onStandbys("SELECT pg_reload_conf()");
}

it.each(["hosts", "haproxy"] as const)(
  "a list of sessions comes from a standby, found by %s, and may be a moment old",
  async (by) => {
    const server = servers.get(by)!;
    // The first reads may come before a standby is known; then the leader answers for 5 s.
    const old = await until(
      "a list that is a moment old",
      async () => {
        const before = await sessionsBy(server);
        await pause();
        await signIn(server, email);
        if ((await sessionsBy(server)) === before) return before;
        await resume();
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      },
      30_000,
    );
    await resume();
    await until("the new session", async () => ((await sessionsBy(server)) === old + 1 ? true : undefined));
  },
);

it("whether a session has ended is not read from a standby", async () => {
  const server = servers.get("hosts")!;
  await pause();
  const other = await signIn(server, email);
  await server.grpc.revokeToken({ token: other.refreshToken });
  expect(await reasonOf(server.grpc.listSessions({}, bearer(other.accessToken)))).toMatch(/TOKEN_INVALID|SESSION_ENDED/);
});

it("where no standby answers, the leader does, and the server is ready", async () => {
  const missing = `127.0.0.1:${await freePort()}`;
  const alone = await start("hosts", `${missing},127.0.0.1:${leader.ports.postgres}`);
  const before = await sessionsBy(alone);
  await signIn(alone, email, [alone, ...servers.values()]);
  expect(await sessionsBy(alone)).toBe(before + 1);
  await until("readiness", async () => (await fetch(`${alone.httpUrl}/readyz`)).status === 200 || undefined);
});
