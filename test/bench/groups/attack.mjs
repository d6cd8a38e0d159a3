import { setTimeout as sleep } from "node:timers/promises";
import { drive, inTurns } from "../measure.mjs";

const attackMs = 10_000;

/** One sign-in after another, alone and while a hostile caller does its worst, and what the server then holds. */
export async function measureAttack({ stage, load, rounds, report }) {
  const at = { load, ...(await stage.startLatchkey("attacked", "fast")) };
  const attacker = await stage.startAttacker();
  const signIns = (ms) => drive(at, "login", { clients: 1, ms });
  await signIns(1000);
  const idleMb = (await at.server.ask("usage")).rssMb;
  const seen = await inTurns(rounds === 1 ? 1 : 2, {
    idle: () => signIns(attackMs / 2),
    attacked: async () => {
      const { port: grpcPort, webPort } = at.target;
      const attack = attacker.ask("attack", { grpcPort, webPort, ms: attackMs });
      const [result, rssMb, { sizes, seen }] = await Promise.all([
        signIns(attackMs - 500),
        peakMemory(at.server, attack),
        attack,
      ]);
      const attackCpuMs = result.cpuMs * result.count;
      process.stderr.write(`attack with ${JSON.stringify(sizes)} bytes: ${JSON.stringify(seen)}\n`);
      return { ...result, rssMb, busy: attackCpuMs / attackMs };
    },
  });
  await Promise.all([at.server, attacker].map((server) => server.stop()));

  report.add("p50 of a sign-in under attack, to one alone", { value: seen.attacked.p50, unit: "ms", reference: seen.idle.p50 });
  report.add("p99 of a sign-in under attack, to one alone", {
    value: seen.attacked.p99,
    unit: "ms",
    reference: seen.idle.p99,
    atMost: 3,
  });
  report.add("a core's time that the server spends under attack", { value: seen.attacked.busy, unit: "cores" });
  report.add("memory before the attack", { value: idleMb, unit: "MB" });
  report.add("memory under attack, at most", { value: seen.attacked.rssMb, unit: "MB", atMost: 300 });
}

/** The most that a server holds until `end`, in megabytes. */
async function peakMemory(server, end) {
  let ended = false;
  void end.finally(() => {
    ended = true;
  });
  let peak = 0;
  while (!ended) {
    peak = Math.max(peak, (await server.ask("usage")).rssMb);
    await sleep(100);
  }
  return peak;
}
