import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What the outbox needs to settle the last deliveries, which the logins of a window are charged with. */
const settlingMs = 150;

/**
 * Enough callers to keep the machine busy in production, where codes leave up to a second after they were asked for; they need two
 * seconds to spread.
 */
export const busyCallers = { owasp: { clients: 96, rampMs: 2000 }, fast: { clients: 384, rampMs: 2000 } };

/**
 * Drives a server for a while. Gives what the load saw, with the CPU (user and system) that the server's process used, by its own
 * account, for each call that succeeded.
 */
export async function drive({ load, server, target }, act, how) {
  const before = await server.ask("usage");
  const result = noteFailures(server.name, await load.ask("closedLoop", { target, act, ...how }));
  await sleep(settlingMs);
  const after = await server.ask("usage");
  if (result.count === 0) throw new Error(`${server.name}: no ${act} succeeded`);
  return { ...result, cpuMs: (after.cpuMs - before.cpuMs) / result.count };
}

/** Tells of calls that failed for another reason than that they were turned away: none should. */
export function noteFailures(name, result) {
  const { count, failed, failure } = result;
  if (failed > 0) process.stderr.write(`${name}: ${failed} failed, ${count} did not: ${failure}\n`);
  return result;
}

/**
 * Runs all measurements `rounds` times, one after the other in turn, so that a slow moment of the machine hits each alike. Every other
 * round goes backwards: what one leaves behind is not always met by the same other one.
 */
export async function inTurns(rounds, measurements) {
  const seen = Object.fromEntries(Object.keys(measurements).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const entries = Object.entries(measurements);
    for (const [name, measure] of round % 2 === 0 ? entries : entries.reverse()) seen[name].push(await measure());
  }
  return Object.fromEntries(Object.entries(seen).map(([name, results]) => [name, medians(results)]));
}

/** The median of every number of the results. */
function medians(results) {
  return Object.fromEntries(Object.keys(results[0]).map((key) => [key, median(results.map((result) => result[key]))]));
}

export function median(values) {
  const numbers = values.filter((value) => typeof value === "number").sort((a, b) => a - b);
  return numbers[Math.floor(numbers.length / 2)] ?? null;
}

/** How long logins take at half of the rate that the server can do, beside one login after another. */
export function halfOfPeak({ load, target, server }, { peak, windowMs, name = server.name }) {
  const alone = `${name} alone`;
  const half = `${name} at half`;
  return {
    measurements: {
      [alone]: () => drive({ load, server, target }, "login", { clients: 1, ms: windowMs }),
      [half]: async () =>
        noteFailures(server.name, await load.ask("openLoop", { target, act: "login", perSecond: peak / 2, ms: 2 * windowMs })),
    },
    report(report, { seen, title, atMost }) {
      report.add(`p99 of a login at half of the peak rate to the p50 of one alone, ${title}`, {
        value: seen[half].p99,
        unit: "ms",
        reference: seen[alone].p50,
        atMost,
      });
    },
  };
}

/** Runs work and adds to its result which share of the machine's cores had nothing to do meanwhile. */
export async function idleCores(work) {
  const before = machineTicks();
  const result = await work();
  const after = machineTicks();
  return { ...result, idle: (after.idle - before.idle) / (after.all - before.all) };
}

/** Of all cores, see proc(5): user, nice, system, idle, iowait, irq, softirq and steal. */
function machineTicks() {
  const ticks = readFileSync("/proc/stat", "utf8").split("\n")[0].trim().split(/\s+/).slice(1, 9).map(Number);
  return { idle: ticks[3] + ticks[4], all: ticks.reduce((sum, one) => sum + one, 0) };
}
