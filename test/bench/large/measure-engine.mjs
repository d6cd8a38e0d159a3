import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { drive, inTurns } from "../measure.mjs";
import { stride } from "./shapes.mjs";

const clients = 4;
/** Short ones, so that both databases meet the same moments of a machine that others use too. */
const windowMs = 700;
/** Sessions that refresh and look themselves up, in turn: fewer than the server remembers tokens of, more than its cache of pages holds. */
const sessionsUsed = 5_000;
/** What stands for an empty database: enough for every caller to be somebody else. */
const emptySize = { users: 1_000, sessions: sessionsUsed, challenges: 1 };
const atMost = 1.3;
/** Of the calls that manage people. */
const managingAtMost = 1.2;
const titles = { sqlite: "SQLite", postgres: "PostgreSQL" };
/** PostgreSQL while it is filled: memory, and no care for a loss of power. Measured is what it ships with. */
const fillingFlags = [
  "fsync=off",
  "full_page_writes=off",
  "wal_level=minimal",
  "max_wal_senders=0",
  "max_wal_size=30GB",
  "checkpoint_timeout=1h",
  "shared_buffers=4GB",
  "maintenance_work_mem=1GB",
  "work_mem=256MB",
  "autovacuum=off",
];

/** Fills two databases of an engine, measures both in turns, and adds what they say of each other to the report. */
export async function measureEngine(engine, { stage, load, report, size, rounds, folder, folders }) {
  const title = titles[engine];
  const tell = createTell(title);
  const postgres = engine === "postgres" ? await stage.startPostgres() : null;
  if (postgres !== null) folders.add(postgres.dataFolder);
  await postgres?.ask("restart", { flags: fillingFlags });
  const places = {};
  for (const [kind, how] of Object.entries({ empty: emptySize, large: size })) {
    const name = `${engine}-${kind}`;
    const database = postgres === null ? `sqlite:${join(folder, `${name}.db`)}` : await postgres.ask("database");
    places[kind] = { name, database, users: how.users, ...(await fill(stage, { engine, name, database, size: how })) };
    tell(`${kind}: filled`);
  }
  await postgres?.ask("restart", { flags: [] });
  const files =
    postgres === null ? Object.values(places).map(({ database }) => database.slice("sqlite:".length)) : [postgres.dataFolder];
  settle(files);
  tell("written to the disk, and read once");

  const servers = {};
  for (const [kind, { name, database, users, refreshTokens }] of Object.entries(places)) {
    const { server, target } = await stage.startLatchkey(name, "none", { database });
    servers[kind] = { server, target: { ...target, users, stride } };
    await load.ask("adopt", { target: servers[kind].target, refreshTokens });
  }
  const seen = await inTurns(rounds, await measurementsOf({ servers, load, postgres }));
  tell("measured");
  addLatencies({ report, seen, title });
  addSizes({ report, title, sizes: places.large.sizes, size });
  report.add(`memory of the server process, large, ${title}`, {
    value: (await servers.large.server.ask("usage")).rssMb,
    unit: "MB",
  });

  await Promise.all(Object.values(servers).map(({ server }) => server.stop()));
  await postgres?.stop();
  for (const { database } of Object.values(places)) if (postgres === null) removeDatabase(database);
}

/**
 * Has what was filled written, so that it is not written while something is measured, and brings it into the memory of the
 * operating system, where a server that has run for a while has it.
 */
function settle(files) {
  execFileSync("sync");
  execFileSync("find", [...files, "-type", "f", "-exec", "cat", "{}", "+"], { stdio: ["ignore", "ignore", "inherit"] });
}

/** A server makes the schema and the keys, then somebody else the people. */
async function fill(stage, { engine, name, database, size }) {
  await (await stage.startLatchkey(name, "none", { database })).server.stop();
  const filler = await stage.startFiller(engine, `${name}-filler`, database.replace(/^sqlite:/, ""));
  await filler.ask("fill", { size, stride });
  const filled = {
    sizes: await filler.ask("sizes"),
    refreshTokens: await filler.ask("refreshTokens", { count: sessionsUsed }),
  };
  await filler.stop();
  return filled;
}

async function measurementsOf({ servers, load, postgres }) {
  const measurements = {};
  for (const act of ["login", "refresh", "currentUser", "getUser", "listUsers", "searchUsers"]) {
    for (const [kind, at] of Object.entries(servers)) {
      measurements[`${act} ${kind}`] = () => driveBoth({ load, at, act, postgres });
      await measurements[`${act} ${kind}`]();
    }
  }
  return measurements;
}

/** The CPU is that of the server and the database. */
async function driveBoth({ load, at, act, postgres }) {
  const before = await postgres?.ask("databaseCpu");
  const driven = await drive({ load, ...at }, act, { clients, ms: windowMs, rampMs: 0 });
  const after = await postgres?.ask("databaseCpu");
  return { ...driven, cpuMs: driven.cpuMs + ((after?.cpuMs ?? 0) - (before?.cpuMs ?? 0)) / driven.count };
}

function addLatencies({ report, seen, title }) {
  const latencies = [
    ["SendOtp", "login", "p50 of SendOtp"],
    ["VerifyOtp", "login", "p50 of VerifyOtp"],
    ["RefreshToken", "refresh", "p50"],
    ["GetCurrentUser", "currentUser", "p50"],
  ];
  const add = (name, act, key, how) =>
    report.add(name, { value: seen[`${act} large`][key], reference: seen[`${act} empty`][key], ...how });
  for (const [method, act, key] of latencies) {
    add(`p50 of ${method}, large to empty, ${title}, ${clients} clients`, act, key, { unit: "ms", atMost });
  }
  for (const [method, act] of [
    ["GetUser by e-mail", "getUser"],
    ["ListUsers, a page of 50", "listUsers"],
    ["ListUsers, 10 by the beginning of an address", "searchUsers"],
  ]) {
    add(`p50 of ${method}, large to empty, ${title}, ${clients} clients`, act, "p50", { unit: "ms", atMost: managingAtMost });
  }
  for (const [what, act] of [
    ["GetUser", "getUser"],
    ["ListUsers", "listUsers"],
    ["ListUsers by a beginning", "searchUsers"],
    ["a login", "login"],
    ["RefreshToken", "refresh"],
    ["GetCurrentUser", "currentUser"],
  ]) {
    add(`  p99 of ${what}, large to empty, ${title}`, act, "p99", { unit: "ms" });
    add(`  CPU of ${what}, large to empty, ${title}`, act, "cpuMs", { unit: "ms CPU" });
  }
}

function addSizes({ report, title, sizes, size }) {
  const bytes = (tables) => tables.reduce((sum, table) => sum + (sizes[table] ?? 0), 0);
  const add = (what, tables, count) =>
    report.add(`on disk, ${what}, ${title}`, { value: bytes(tables) / count, unit: "bytes" });
  add("a user with one contact and one app", ["users", "contacts", "memberships"], size.users);
  add("a session", ["sessions"], size.sessions);
  add("a live challenge with its budgets", ["challenges", "budgets", "send_locks"], size.challenges);
  report.add(`on disk, all of it, ${title}`, { value: bytes(Object.keys(sizes)) / 1e9, unit: "GB" });
}

function removeDatabase(url) {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${url.slice("sqlite:".length)}${suffix}`, { force: true });
}

/** Says on standard error how far it is, and how long each step took. */
function createTell(title) {
  let since = performance.now();
  return (what) => {
    process.stderr.write(`${title}: ${what} (${Math.round((performance.now() - since) / 1000)} s)\n`);
    since = performance.now();
  };
}
