// How many processes serve bursts of sign-ins: the wait for the event loop and for a hash, and the share refused because the hash
// queue is full. A balancer spreads calls at random, so one process is simulated with its share.
// `node simulate-processes.mjs [--rate=3000] [--burst=2] [--loop=2] [--hash=0.8] [--seed=1]`: milliseconds a call, two calls a sign-in.
import { parseArgs } from "node:util";
import { createRandom, nextArrival } from "./random.mjs";

const text = (value) => ({ type: "string", default: value });
const options = { rate: text("3000"), burst: text("2"), loop: text("2"), hash: text("0.8"), seed: text("1") };
const { values } = parseArgs({ options });
const [rate, burst, loopMs, hashMs, seed] = ["rate", "burst", "loop", "hash", "seed"].map((name) => Number(values[name]));

const lengthMs = 600_000;
/** Each minute begins with a burst. */
const burstMs = 5_000;
/** Cores that hash beside the event loop, and the places of `src/crypto/hash-queue.ts`. */
const hashers = 1;
const slots = 12;
const queueMax = 64;

const exponential = (random, mean) => nextArrival(random, 1 / mean);

/** Returns how long each call took, and how many were refused. */
function simulate(processes) {
  const random = createRandom(seed);
  const callsPerMs = (2 * rate) / processes / 1000;
  const free = new Array(hashers).fill(0);
  const waiting = [];
  const took = [];
  let loopFree = 0;
  let refused = 0;
  for (let now = 0; now < lengthMs; ) {
    const isBurst = now % 60_000 < burstMs;
    now += nextArrival(random, callsPerMs * (isBurst ? burst : 1));
    loopFree = Math.max(loopFree, now) + exponential(random, loopMs);
    while (waiting.length > 0 && waiting[0] <= loopFree) waiting.shift();
    if (waiting.length >= slots + queueMax) {
      refused += 1;
      continue;
    }
    const hasher = free.indexOf(Math.min(...free));
    free[hasher] = Math.max(free[hasher], loopFree) + exponential(random, hashMs);
    waiting.push(free[hasher]);
    took.push(free[hasher] - now);
  }
  return { took: took.toSorted((a, b) => a - b), refused };
}

function rowOf(processes) {
  const { took, refused } = simulate(processes);
  const at = (share) => took[Math.floor(took.length * share)].toFixed(0);
  const busy = (100 * 2 * rate * loopMs) / 1000 / processes;
  const refusedShare = ((100 * refused) / (took.length + refused)).toFixed(2);
  return [
    processes,
    `${busy.toFixed(0)} %`,
    `${(busy * burst).toFixed(0)} %`,
    at(0.5),
    at(0.99),
    at(0.999),
    `${refusedShare} %`,
  ];
}

const head = ["processes", "loop busy", "in a burst", "p50 ms", "p99 ms", "p99.9 ms", "refused"];
const rows = [14, 18, 20, 22, 24, 28, 32, 40].map(rowOf);
for (const row of [head, head.map(() => "---"), ...rows]) process.stdout.write(`| ${row.join(" | ")} |\n`);
