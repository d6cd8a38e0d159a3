import { execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, type TestContext } from "vitest";
import { connect } from "../../src/store/sqlite/connect.js";
import { bearer, reasonOf } from "../serve/sign-in.js";
import { locationOf, query } from "../support/postgres.js";
import { type RestartableServer, startRestartableServer } from "../support/postgres-server.js";
import { developmentEnv, endServers, type Server, startServer, until } from "../support/server.js";
import { postgresContents, sqliteContents } from "./contents.js";
import { mountSmallDisk, type SmallDisk } from "./small-disk.js";
import {
  expectNotReady,
  expectRecovery,
  linesOfDatabase,
  NotRefused,
  refusedAfterMs,
  sendTo,
  type Troubled,
  watch,
} from "./trouble.js";

const closers: (() => unknown)[] = [];

afterEach(async () => {
  await endServers();
  for (const close of closers.splice(0).reverse()) await close();
});

function smallDisk(context: TestContext, megabytes: number): SmallDisk {
  const disk = mountSmallDisk(megabytes);
  if (typeof disk === "string") return context.skip(disk);
  closers.push(disk.unmount);
  return disk;
}

async function watched(databaseUrl: string): Promise<Troubled> {
  const on = await watch(await startServer({ ...developmentEnv(), LATCHKEY_DATABASE_URL: databaseUrl }));
  closers.push(() => on.close());
  return on;
}

async function postgresOf(started: Promise<RestartableServer>): Promise<RestartableServer> {
  const postgres = await started;
  closers.push(() => postgres.stop());
  return postgres;
}

/** Room that was reserved before is used up first, in each table and index, so one refusal does not mean that all is full. */
async function untilRefused({ server }: Troubled): Promise<void> {
  const allRefused = async () => {
    const reasons = await Promise.all(Array.from({ length: 32 }, () => reasonOf(sendTo(server))));
    return reasons.every((reason) => reason !== null) || undefined;
  };
  await until("refusals alone", allRefused, 30_000);
}

/**
 * Sixteen sign-ins at once are refused as unavailable and change nothing in `contents`. A round in which some are granted is followed
 * by another: PostgreSQL reclaims the rows of transactions that failed, which makes room now and then.
 */
async function expectSendsRefused({ server }: Troubled, contents: () => unknown = () => null): Promise<void> {
  const refusedRound = async () => {
    const before = await contents();
    const outcomes = await Promise.allSettled(Array.from({ length: 16 }, () => refusedAfterMs(sendTo(server))));
    const waits = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    const others = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
    for (const other of others) if (!(other instanceof NotRefused)) throw other;
    expect(Math.max(0, ...waits)).toBeLessThan(3_000);
    if (others.length > 0) return undefined;
    expect(await contents()).toEqual(before);
    return true;
  };
  await until("sixteen refusals at once", refusedRound, 30_000);
}

/** One line for the outage and one for its end, beside those of the calls that were refused, which all say why. */
function expectTold(server: Server, why: string): void {
  const lines = linesOfDatabase(server);
  expect(lines.map((line) => / (not )?ready: /.exec(line)?.[0])).toEqual([" not ready: ", " ready: "]);
  expect(lines[0]).toContain(why);
  const unclear = server.stdout.filter((line) => /store unavailable|internal error/.test(line) && !line.includes(why));
  expect(unclear).toEqual([]);
}

describe("a full disk of SQLite", () => {
  it("refuses what needs room and answers reads, health says so, nothing is half-written, and it recovers by itself", async (context) => {
    const disk = smallDisk(context, 8);
    const path = join(disk.folder, "latchkey.db");
    const on = await watched(`sqlite:${path}`);
    disk.fill();
    await untilRefused(on);
    await expectNotReady(on);
    await expectSendsRefused(on, () => sqliteContents(path));
    expect(await reasonOf(on.server.grpc.getCurrentUser({}, bearer(on.accessToken)))).toBe(null);
    disk.makeRoom();
    await expectRecovery(on);
    expectTold(on.server, "SQLite: database or disk is full (SQLITE_FULL)");
    await on.server.stop();
    expect(connect(path).pragma("integrity_check", { simple: true })).toBe("ok");
  });
});

describe("a full disk of PostgreSQL's tables", () => {
  it("refuses what needs room and goes on with sessions, health says so, nothing is half-written, and it recovers by itself", async (context) => {
    const disk = smallDisk(context, 64);
    const postgres = await postgresOf(startRestartableServer());
    const folder = join(disk.folder, "tables");
    mkdirSync(folder);
    const { uid, gid } = statSync(postgres.folder);
    for (const path of [disk.folder, folder]) chownSync(path, uid, gid);
    await query(locationOf(postgres.url), `CREATE TABLESPACE small LOCATION '${folder}'`);
    await query(locationOf(postgres.url), "CREATE DATABASE latchkey TABLESPACE small");
    const url = postgres.url.replace(/\/postgres$/, "/latchkey");
    const on = await watched(url);
    disk.fill();
    await untilRefused(on);
    await expectNotReady(on);
    await expectSendsRefused(on, () => postgresContents(url, { stuck: true }));
    expect(await reasonOf(on.server.grpc.getCurrentUser({}, bearer(on.accessToken)))).toBe(null);
    disk.makeRoom();
    await expectRecovery(on);
    expectTold(on.server, "No space left on device (53100)");
  });
});

describe("a full disk of PostgreSQL's log", () => {
  it("brings the server down, and what it acknowledged is there when it is up again, without a restart of Latchkey", async (context) => {
    const disk = smallDisk(context, 160);
    const elsewhere = await startRestartableServer();
    await elsewhere.stop();
    const folder = join(disk.folder, "data");
    execFileSync("cp", ["-a", elsewhere.folder, folder]);
    // As on a server in use: what survives a crash is the subject here.
    const flags = ["fsync=on", "synchronous_commit=on", "wal_recycle=off", "max_wal_size=32MB", "min_wal_size=32MB"];
    const postgres = await postgresOf(startRestartableServer({ folder, flags }));
    const on = await watched(postgres.url);
    disk.fill();
    const fillLog = () => query(locationOf(postgres.url), "SELECT pg_logical_emit_message(true, '', repeat('x', 4000000))");
    await until("the log to be full", async () => ((await fillLog().catch(() => null)) === null ? true : undefined), 30_000);
    await untilRefused(on);
    await expectNotReady(on);
    await expectSendsRefused(on);
    await until("the server to have ended", () => (existsSync(join(folder, "postmaster.pid")) ? undefined : true), 30_000);
    disk.makeRoom();
    await postgres.start();
    await expectRecovery(on);
  });
});
