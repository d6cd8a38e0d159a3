import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { endServers, killDuring, newFolder, productionEnv, type Server, startServer, until } from "../support/server.js";
import { audit, figuresOf, redeemAll, settleLost } from "./aftermath.js";
import { checkAnswers, checkMails, checkSnapshot, noteBrokenSends } from "./check.js";
import { codeTtlMs, cooldownMs, createLoad, work } from "./load.js";
import { startMailbox } from "./mail.js";
import { createPeople } from "./people.js";
import { createRandom } from "./random.js";
import { outboxLength, readSnapshot, type Snapshot } from "./snapshot.js";

const rounds = Number(process.env.LATCHKEY_KILL_ROUNDS ?? 20);
const seed = Number(process.env.LATCHKEY_KILL_SEED ?? Date.now() % 1_000_000);
const workers = 24;
const random = createRandom(seed);
let serving: Server;
const people = createPeople(() => ({ grpc: serving.grpc, web: serving.auth }));
const load = createLoad({ people, random, server: 0 });
const counts = { starts: 0, killedStarts: 0, lost: 0, audits: 0 };

let mail: Awaited<ReturnType<typeof startMailbox>>;
let snapshot: Snapshot | null = null;
let folder: string;
let path: string;
let env: ReturnType<typeof productionEnv>;

beforeAll(async () => {
  folder = newFolder();
  path = join(folder, "latchkey.db");
  mail = await startMailbox(people.receiveMail);
  env = {
    ...productionEnv(mail.port),
    LATCHKEY_CODE_LENGTH: "10",
    LATCHKEY_RESEND_COOLDOWN: `${cooldownMs}ms`,
    LATCHKEY_CODE_TTL: `${codeTtlMs}ms`,
  };
});

afterAll(async () => {
  await endServers();
  await mail.stop();
});

it(`keeps every promise through ${rounds} kills -9 under load (seed ${seed})`, async () => {
  console.log(`LATCHKEY_KILL_SEED=${seed} LATCHKEY_KILL_ROUNDS=${rounds} repeats this`);
  let server = await start();
  for (let round = 1; round <= rounds; round += 1) {
    await serveUntilKilled(server, random.between(600, 3_500));
    if (random.chance(0.3)) await killStart();
    server = await start();
    expect(people.violations, `after kill ${round}`).toEqual([]);
  }
  await eventuallyEmptyOutbox();
  load.running = true;
  await redeemAll([load]);
  expect([...people.violations, ...checkAnswers(people)], "at the end").toEqual([]);
  expect((await server.stop()).code).toBe(0);
  snapshot = readSnapshot(path);
  expect([...checkSnapshot(people, snapshot, null), ...checkMails(people, snapshot)]).toEqual([]);
  report();
});

async function serveUntilKilled(server: Server, ms: number): Promise<void> {
  load.running = true;
  load.thinkMsMax = 40;
  const working = work(load, workers);
  await new Promise((resolve) => setTimeout(resolve, ms));
  // As much as possible is under way when it dies.
  load.thinkMsMax = 0;
  await new Promise((resolve) => setTimeout(resolve, random.between(40, 80)));
  load.running = false;
  await server.kill();
  await working;
}

/** Starts the server on what the last one left, checks that, settles what was lost, and checks again through the front door. */
async function start(): Promise<Server> {
  counts.starts += 1;
  const left = counts.starts === 1 ? null : readSnapshot(path);
  if (left !== null) noteCrash(left);
  const server = await startServer(env, { folder });
  serving = server;
  load.running = true;
  if (left === null) return server;
  counts.lost += await settleLost(load, [load]);
  counts.audits += await audit([load]);
  people.violations.push(...checkAnswers(people));
  return server;
}

function noteCrash(left: Snapshot): void {
  people.violations.push(...checkSnapshot(people, left, snapshot));
  noteBrokenSends(people, left);
  snapshot = left;
}

async function killStart(): Promise<void> {
  counts.killedStarts += 1;
  await killDuring(["serve"], env, folder, random.between(50, 700));
  noteCrash(readSnapshot(path));
}

/** What was being sent when a server died is sent again when its lease of a minute has run out. */
async function eventuallyEmptyOutbox(): Promise<void> {
  await until("an empty outbox", () => (outboxLength(path) === 0 ? true : undefined), 80_000);
}

function report(): void {
  console.log(JSON.stringify({ seed, kills: rounds, ...counts, answered: load.answered, ...figuresOf(load) }));
}
