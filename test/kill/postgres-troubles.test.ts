import type pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { bearer, reasonOf } from "../serve/sign-in.js";
import { clientOf, locationOf, portOf, query } from "../support/postgres.js";
import { startPair } from "../support/postgres-pair.js";
import { type DatabaseServerOptions, type RestartableServer, startRestartableServer } from "../support/postgres-server.js";
import { developmentEnv, endServers, type Server, startServer, until } from "../support/server.js";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.js";
import { postgresContents } from "./contents.js";
import { expectNotReady, expectRecovery, expectRefusals, linesOfDatabase, sendTo, type Troubled, watch } from "./trouble.js";

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await endServers();
});

async function database(options?: DatabaseServerOptions): Promise<RestartableServer> {
  const started = await startRestartableServer(options);
  closers.push(() => started.stop());
  return started;
}

async function latchkey(url: string): Promise<Server> {
  return await startServer({ ...developmentEnv(), LATCHKEY_DATABASE_URL: url });
}

async function watched(server: Server): Promise<Troubled> {
  const on = await watch(server);
  closers.push(() => on.close());
  return on;
}

async function proxyTo({ url }: RestartableServer): Promise<TcpProxy> {
  const proxy = await startTcpProxy(portOf(url));
  closers.push(() => proxy.stop());
  return proxy;
}

const through = ({ url }: RestartableServer, { port }: TcpProxy): string =>
  url.replace(/:\d+\//, `:${port}/`).concat("?sslmode=disable");

describe("a PostgreSQL server that becomes read-only", () => {
  it("has writes refused at once while reads are answered, health says so, nothing is written, and it recovers by itself", async () => {
    const postgres = await database();
    const on = await watched(await latchkey(postgres.url));
    const before = await postgresContents(postgres.url);
    await query(locationOf(postgres.url), "ALTER SYSTEM SET default_transaction_read_only = on");
    await query(locationOf(postgres.url), "SELECT pg_reload_conf()");
    await expectNotReady(on);
    const longestMs = await expectRefusals(on, { withinMs: 2_000 });
    expect(await reasonOf(on.server.grpc.getCurrentUser({}, bearer(on.accessToken)))).toBe(null);
    expect(await postgresContents(postgres.url)).toEqual(before);
    await query(locationOf(postgres.url), "ALTER SYSTEM RESET default_transaction_read_only");
    await query(locationOf(postgres.url), "SELECT pg_reload_conf()");
    const recoveryMs = await expectRecovery(on);
    expect(linesOfDatabase(on.server)).toHaveLength(2);
    expect(linesOfDatabase(on.server)[0]).toContain("read-only transaction (25006)");
    console.log(`read-only: longest refusal ${longestMs.toFixed(0)} ms, ready ${recoveryMs.toFixed(0)} ms after the end`);
  });
});

describe("a PostgreSQL primary that dies", () => {
  it("has everything refused until its standby is promoted, and what was acknowledged is there then, without a restart", async () => {
    const pair = await startPair();
    closers.push(() => pair.stop());
    const [primary, standby] = [pair.primary(), pair.standby()];
    const proxy = await proxyTo(primary);
    const on = await watched(await latchkey(through(primary, proxy)));
    // A message that still has to be settled would stay in the outbox of a read-only standby.
    await postgresContents(primary.url);
    await pair.synchronise();

    await primary.die();
    await expectRefusals(on, { withinMs: 5_000 });
    proxy.switchTo(portOf(standby.url));
    const before = await postgresContents(standby.url);
    const longestMs = await expectRefusals(on, { withinMs: 2_000 });
    // What was revoked could still be live on a standby.
    expect(await reasonOf(on.server.grpc.getCurrentUser({}, bearer(on.accessToken)))).toBe("UNAVAILABLE");
    expect(await postgresContents(standby.url)).toEqual(before);

    await pair.promote();
    const recoveryMs = await expectRecovery(on);
    expect(linesOfDatabase(on.server)).toHaveLength(2);
    console.log(
      `failover: longest refusal of the standby ${longestMs.toFixed(0)} ms, ready ${recoveryMs.toFixed(0)} ms after promotion`,
    );
  });
});

describe("a network to PostgreSQL that is cut without a word", () => {
  it("holds callers up for a bounded time at first and then not at all, and it recovers by itself", async () => {
    const postgres = await database();
    const proxy = await proxyTo(postgres);
    const on = await watched(await latchkey(through(postgres, proxy)));
    const before = await postgresContents(postgres.url);
    proxy.cut();
    await expectRefusals(on, { withinMs: 10_000 });
    const longestMs = await expectRefusals(on, { withinMs: 3_000 });
    expect(await postgresContents(postgres.url)).toEqual(before);
    proxy.mend();
    const recoveryMs = await expectRecovery(on);
    console.log(`cut: longest refusal later on ${longestMs.toFixed(0)} ms, ready ${recoveryMs.toFixed(0)} ms after the end`);
  });
});

describe("a PostgreSQL server whose connections are all taken by others", () => {
  it("has everything refused at once, nothing is written, and it recovers by itself when one is free", async () => {
    const postgres = await database({ flags: ["max_connections=15", "superuser_reserved_connections=5"] });
    const admin = await clientOf(locationOf(postgres.url));
    closers.push(() => admin.end());
    for (const role of ["latchkey", "others"]) await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'password'`);
    await admin.query("CREATE DATABASE latchkey OWNER latchkey");
    const url = postgres.url.replace("postgres:postgres@", "latchkey:password@").replace(/\/postgres$/, "/latchkey");
    const on = await watched(await latchkey(url));
    const adminUrl = postgres.url.replace(/\/postgres$/, "/latchkey");
    const before = await postgresContents(adminUrl);

    const others: pg.Client[] = [];
    const takeAll = async () => {
      const other = { ...locationOf(adminUrl), user: "others", password: "password" };
      for (;;) {
        const client = await clientOf(other).catch((error: { code?: string }) => {
          expect(error.code).toBe("53300");
          return null;
        });
        if (client === null) return;
        others.push(client);
      }
    };
    const ended = "SELECT count(pg_terminate_backend(pid))::int AS held FROM pg_stat_activity WHERE usename = 'latchkey'";
    await until("others to hold every connection", async () => {
      const [{ held }] = (await admin.query<{ held: number }>(ended)).rows as [{ held: number }];
      await takeAll();
      return held === 0 || undefined;
    });
    const longestMs = await expectRefusals(on, { withinMs: 3_000 });
    expect(linesOfDatabase(on.server).at(-1)).toContain("(53300)");
    expect(await postgresContents(adminUrl)).toEqual(before);

    await others.pop()!.end();
    await until("one connection to be used", async () => (await sendTo(on.server).then(Boolean, () => undefined)) || undefined);
    await Promise.all(others.splice(0).map((client) => client.end()));
    const recoveryMs = await expectRecovery(on);
    console.log(`no connections: longest refusal ${longestMs.toFixed(0)} ms, ready ${recoveryMs.toFixed(0)} ms after the end`);
  });
});
