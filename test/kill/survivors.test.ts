import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RestartableServer, startRestartableServer } from "../support/postgres-server.js";
import { endServers, killDuring, newFolder, productionEnv, type Server, startServer, until } from "../support/server.js";
import { newKey, send } from "./acts.js";
import { audit, figuresOf, redeemAll, settleLost } from "./aftermath.js";
import { checkAnswers, checkMails, checkSnapshot, noteBrokenSends } from "./check.js";
import { codeTtlMs, cooldownMs, createLoad, type Load, liveSessions, perform, work } from "./load.js";
import { startMailbox } from "./mail.js";
import { createPeople } from "./people.js";
import { readPostgresSnapshot } from "./postgres-snapshot.js";
import { createRandom } from "./random.js";
import type { Snapshot } from "./snapshot.js";
import { mayBeDeleted, toldOfChallenge, toldOfSession, toldUser } from "./told.js";

const rounds = Number(process.env.LATCHKEY_KILL_ROUNDS ?? 20);
const seed = Number(process.env.LATCHKEY_KILL_SEED ?? Date.now() % 1_000_000);
const callersEach = 8;
const leaseMs = 60_000;

/** One of the servers, and the callers that call no other one. */
interface Pinned {
  /** Its own at the database, by which its connections are known there. */
  readonly role: string;
  readonly env: ReturnType<typeof productionEnv>;
  readonly load: Load;
  server: Server;
  working: Promise<void>;
}

const random = createRandom(seed);
const serverOf = (process: number) => ({ grpc: all[process]!.server.grpc, web: all[process]!.server.auth });
const people = createPeople(serverOf);
const roles = ["first", "second", "third"];
const counts = { killedStarts: 0, lost: 0, answeredByOthersMeanwhile: 0, audits: 0 };
const folder = newFolder();

let postgres: RestartableServer;
let database: pg.Client;
let mail: Awaited<ReturnType<typeof startMailbox>>;
let all: Pinned[];
let snapshot: Snapshot | null = null;

beforeAll(async () => {
  postgres = await startRestartableServer();
  database = new pg.Client(postgres.url);
  database.on("error", () => {});
  await database.connect();
  mail = await startMailbox(people.receiveMail);
  const env = {
    ...productionEnv(mail.port),
    LATCHKEY_CODE_LENGTH: "10",
    LATCHKEY_RESEND_COOLDOWN: `${cooldownMs}ms`,
    LATCHKEY_CODE_TTL: `${codeTtlMs}ms`,
  };
  all = [];
  for (const role of roles) {
    await database.query(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD 'postgres'`);
    const url = new URL(postgres.url);
    Object.assign(url, { username: role, search: "?sslmode=disable" });
    const own = { ...env, LATCHKEY_DATABASE_URL: url.href };
    const server = await startServer(own, { folder });
    const load = createLoad({ people, random, server: all.length });
    all.push({ role, env: own, load, server, working: Promise.resolve() });
  }
}, 120_000);

afterAll(async () => {
  await endServers();
  await database.end().catch(() => {});
  await postgres.stop();
  await mail.stop();
});

it(`keeps every promise through ${rounds} kills -9 of one of three servers, and callers of the two others see no error (seed ${seed})`, async () => {
  console.log(`LATCHKEY_KILL_SEED=${seed} LATCHKEY_KILL_ROUNDS=${rounds} repeats this`);
  for (let round = 1; round <= rounds; round += 1) {
    for (const one of all) begin(one);
    await sleep(random.between(600, 2_500));
    const victim = random.pick(all)!;
    const killedAt = await killUnderLoad(victim);
    await sleep(random.between(0, 1_000));
    for (const one of all) await rest(one);
    await settle(victim, killedAt);
    if (people.violations.length > 0) console.log(troubles().join("\n"));
    expect(people.violations, `after kill ${round}, of the ${victim.role}`).toEqual([]);
  }
  expect(all.flatMap(({ load }) => load.lost)).toEqual([]);
  await until("an empty outbox", async () => ((await read()).outbox.length === 0 ? true : undefined), 80_000);
  await redeemAll(all.map(({ load }) => load));
  expect([...people.violations, ...checkAnswers(people)], "at the end").toEqual([]);
  snapshot = await read();
  expect([...checkSnapshot(people, snapshot, null), ...checkMails(people, snapshot)]).toEqual([]);
  const answered = all.reduce((sum, { load }) => sum + load.answered, 0);
  console.log(JSON.stringify({ seed, kills: rounds, ...counts, answered, ...figuresOf(all[0]!.load) }));
  expect(counts.lost).toBeGreaterThan(0);
  expect(counts.answeredByOthersMeanwhile).toBeGreaterThan(rounds * 10);
}, 900_000);

function begin(one: Pinned): void {
  Object.assign(one.load, { running: true, resting: false, thinkMsMax: 40 });
  one.working = work(one.load, callersEach);
}

/** Lets a server's callers finish what they are at. Its calls are answered, to the last of them. */
async function rest(one: Pinned): Promise<void> {
  one.load.resting = true;
  await one.working;
}

/** Kills a server and starts its successor while the others go on. Gives the time of the kill. */
async function killUnderLoad(victim: Pinned): Promise<number> {
  const { load, env, role } = victim;
  const others = all.filter((one) => one !== victim);
  const answered = () => others.reduce((sum, one) => sum + one.load.answered, 0);
  // As much as possible is under way when it dies.
  load.thinkMsMax = 0;
  await sleep(random.between(40, 80));
  load.running = false;
  const before = answered();
  const killedAt = Date.now();
  await victim.server.kill();
  await victim.working;
  if (random.chance(0.3)) {
    counts.killedStarts += 1;
    await killDuring(["serve"], env, folder, random.between(50, 1_000));
  }
  // PostgreSQL finishes what a client asked for that is gone; only then it is known what there is.
  await until("the end of its connections", async () => ((await connections(role)) === 0 ? true : undefined));
  victim.server = await startServer(env, { folder });
  counts.answeredByOthersMeanwhile += answered() - before;
  return killedAt;
}

/** Checks what the killed server left, settles its lost calls at any server, and checks again through the front doors. */
async function settle(victim: Pinned, killedAt: number): Promise<void> {
  const left = await read();
  people.violations.push(...checkSnapshot(people, left, snapshot));
  // What was leased later is being sent by a server that lives.
  noteBrokenSends(people, { ...left, outbox: left.outbox.filter(({ dueAt }) => dueAt <= killedAt + leaseMs) });
  snapshot = left;
  const servers = all.map(({ load }) => load);
  victim.load.running = true;
  counts.lost += await settleLost(victim.load, servers);
  counts.audits += await audit(servers);
  people.violations.push(...checkAnswers(people));
}

/** What the servers that live now logged beyond their daily business. */
function troubles(): string[] {
  return all.flatMap(({ role, server }) =>
    server.stdout.filter((line) => /"level":"(?:warn|error)"/.test(line)).map((line) => `${role}: ${line}`),
  );
}

async function connections(role: string): Promise<number> {
  const { rows } = await database.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = $1", [role]);
  return rows[0].n;
}

/** What the database holds at one moment; with `tamper`, as it would be after that. */
async function read(tamper?: string): Promise<Snapshot> {
  await database.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  try {
    if (tamper !== undefined) expect((await database.query(tamper)).rowCount).toBe(1);
    return await readPostgresSnapshot(database);
  } finally {
    await database.query("ROLLBACK");
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** That the check can fail: the same ledger, after the run, against a database that broke a promise. */
describe("the check finds", () => {
  const text = (value: string | undefined) => pg.escapeLiteral(value!);
  const sessionsOf = (state: "live" | "ended") =>
    people.all
      .filter(({ recorder }) => !mayBeDeleted(recorder.calls))
      .flatMap(({ world, recorder }) =>
        world.sessions.filter(({ session }) => toldOfSession(recorder.calls, session).state === state),
      )
      .map(({ session }) => session);
  const liveSession = () => people.all.flatMap(liveSessions)[0]!;
  const endedSession = () => sessionsOf("ended")[0]!;
  const signedIn = () => toldUser(people.all.find((person) => liveSessions(person).length > 0)!.recorder.calls)!;
  const redeemed = () =>
    people.all
      .flatMap(({ world, recorder }) => world.challenges.map(({ challenge }) => ({ challenge, calls: recorder.calls })))
      .find(({ challenge, calls }) => toldOfChallenge(calls, challenge).state === "redeemed")!.challenge;

  it.each<[string, () => string, RegExp]>([
    ["a lost registration", () => `DELETE FROM users WHERE user_id = ${text(signedIn())}`, /the user is lost/],
    ["a lost session", () => `DELETE FROM sessions WHERE session_id = ${text(liveSession())}`, /session \S+ is lost/],
    [
      "a revocation undone",
      () => `
        INSERT INTO sessions SELECT ${text(endedSession())}, sha256(family), key_id, user_id, client_id, generation, rotation_mac, ip,
          user_agent, amr, created_at, last_used_at, idle_expires_at, expires_at, sweep_at, app_id
        FROM sessions WHERE session_id = ${text(liveSession())}`,
      /was revoked and is there/,
    ],
    [
      "a code that can buy again",
      () => `UPDATE challenges SET consumed_at = NULL WHERE challenge_id = ${text(redeemed())}`,
      /was redeemed and is not consumed/,
    ],
  ])("%s", async (_, tamper, expected) => {
    expect(checkSnapshot(people, await read(), snapshot)).toEqual([]);
    expect(checkSnapshot(people, await read(tamper()), snapshot).join("\n")).toMatch(expected);
  });

  async function violationsOf(load: Load): Promise<readonly string[]> {
    load.running = true;
    const person = load.people.add();
    await perform(load, person, send(person, "login", newKey()));
    return load.people.violations;
  }

  it("a call that a surviving server leaves unanswered", async () => {
    const load = createLoad({ people: createPeople(serverOf), random, server: 0 });
    expect(await violationsOf(load)).toEqual([]);
    process.kill(all[0]!.server.pid, "SIGKILL");
    await all[0]!.server.exited;
    expect((await violationsOf(load)).join("\n")).toMatch(/send got no answer from a live server/);
  });

  it("a call that a surviving server refuses as UNAVAILABLE", async () => {
    const load = createLoad({ people: createPeople(serverOf), random, server: 1 });
    expect(await violationsOf(load)).toEqual([]);
    await postgres.stop();
    expect((await violationsOf(load)).join("\n")).toMatch(/send failed: UNAVAILABLE/);
  });
});
