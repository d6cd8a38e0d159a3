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
