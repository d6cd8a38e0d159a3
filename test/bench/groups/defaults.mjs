import { availableParallelism } from "node:os";
import { busyCallers, drive, inTurns } from "../measure.mjs";

const cores = availableParallelism();

/** What somebody might turn; the hash queue's length is no setting, so it is turned by pretending another number of cores. */
const variants = {
  "as shipped": {},
  "half of the hashes at once": { BENCH_PARALLELISM: String(Math.max(1, cores / 2)) },
  "twice the hashes at once": { BENCH_PARALLELISM: String(2 * cores) },
};

/** What is shipped, beside the same with other settings. */
export async function measureDefaults({ stage, load, rounds, windowMs, report }) {
  const mail = await stage.startMail("mail", 0);
  for (const [codeHash, callers] of Object.entries(busyCallers)) {
    const servers = [];
    const measurements = {};
    for (const [name, env] of Object.entries(variants)) {
      const label = `shipped-${codeHash}-${name.replaceAll(" ", "-")}`;
      const started = await stage.startShipped(label, { mailPort: mail.port, env: { LATCHKEY_CODE_HASH: codeHash, ...env } });
      servers.push(started.server);
      const at = { load, ...started };
      await drive(at, "login", { ...callers, ms: windowMs / 2 });
      measurements[name] = () => drive(at, "login", { ...callers, ms: windowMs });
    }
    reportVariants(report, codeHash, await inTurns(rounds, measurements));
    await Promise.all(servers.map((server) => server.stop()));
  }
  await mail.server.stop();
}

function reportVariants(report, codeHash, seen) {
  const { "as shipped": shipped, ...others } = seen;
  const best = Math.max(...Object.values(seen).map(({ perSecond }) => perSecond));
  report.add(`logins as shipped, to the best settings found, ${codeHash}`, {
    value: shipped.perSecond,
    unit: "/s",
    reference: best,
    atLeast: 0.97,
  });
  for (const [name, { perSecond }] of Object.entries(others)) {
    report.add(`  with ${name}, ${codeHash}`, { value: perSecond, unit: "/s", reference: shipped.perSecond });
  }
}
