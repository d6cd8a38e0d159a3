// How unequal shards are: the load of the busiest one to the mean, and how many calls leave the shard of the identifier. Users go to
// shards by hash, or with their pool as a whole. `node simulate-shards.mjs [--rate=3000] [--seconds=600] [--seed=1]`
import { parseArgs } from "node:util";
import { createRandom } from "./random.mjs";

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({ options: { rate: text("3000"), seconds: text("600"), seed: text("1") } });
const [rate, seconds, seed] = [values.rate, values.seconds, values.seed].map(Number);
const random = createRandom(seed);

const poolCount = 200;
/** Of 10 users, 7 have one contact and 3 have two. Those with two sign in with either. */
const secondContact = 0.3;

/** A sign-in's pool: the nth largest has a share of 1/n of the largest (Zipf). */
const weights = Array.from({ length: poolCount }, (_, nth) => 1 / (nth + 1));
const sums = [];
for (const weight of weights) sums.push((sums.at(-1) ?? 0) + weight);
const anyPool = () => {
  const at = random() * sums.at(-1);
  return sums.findIndex((sum) => at < sum);
};

/** Pools on shards, largest first, each on the shard that has least. */
function placePools(shards) {
  const loads = new Array(shards).fill(0);
  return weights.map((weight) => {
    const shard = loads.indexOf(Math.min(...loads));
    loads[shard] += weight;
    return shard;
  });
}

const p99 = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.99)];

function simulate(shards) {
  const homes = placePools(shards);
  const busiest = { hash: [], pools: [] };
  const totals = { hash: new Array(shards).fill(0), pools: new Array(shards).fill(0) };
  let calls = 0;
  let crossing = 0;
  for (let second = 0; second < seconds; second += 1) {
    const loads = { hash: new Array(shards).fill(0), pools: new Array(shards).fill(0) };
    for (let call = 0; call < rate; call += 1) {
      const byHash = Math.floor(random() * shards);
      // The user's rows are with the first contact. A second contact has a shard of its own.
      const usesSecond = random() < secondContact && random() < 0.5;
      const user = usesSecond ? Math.floor(random() * shards) : byHash;
      calls += 1;
      if (user !== byHash) crossing += 1;
      loads.hash[byHash] += 1;
      loads.pools[homes[anyPool()]] += 1;
    }
    for (const how of ["hash", "pools"]) {
      busiest[how].push(Math.max(...loads[how]));
      for (const [shard, load] of loads[how].entries()) totals[how][shard] += load;
    }
  }
  const mean = rate / shards;
  const ratio = (value) => (value / mean).toFixed(2);
  const over = (how) => [ratio(Math.max(...totals[how]) / seconds), ratio(p99(busiest[how]))];
  return [shards, mean.toFixed(0), ...over("hash"), ...over("pools"), `${((100 * crossing) / calls).toFixed(1)} %`];
}

const head = ["shards", "mean /s", "hash: all", "hash: p99 second", "pools: all", "pools: p99 second", "crossing"];
const rows = [2, 4, 8, 16, 32].map(simulate);
for (const row of [head, head.map(() => "---"), ...rows]) process.stdout.write(`| ${row.join(" | ")} |\n`);
