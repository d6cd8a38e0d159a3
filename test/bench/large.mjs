// Measures whether a large database is slower than one of a handful of users: latency of the calls at one that holds 10 M users and
// 1 M live challenges to that at one that holds next to nothing, on both engines. `node large.mjs [--users=…] [--sessions=…]
// [--challenges=…] [--engine=sqlite|postgres] [--rounds=…] [--minutes=…] [--quick]`: --quick is a hundredth of it, to see whether
// everything works. It stops by itself after --minutes, and takes its files with it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureEngine } from "./large/measure-engine.mjs";
import { stopAll } from "./processes.mjs";
import { createReport, printReport } from "./report.mjs";
import { createStage } from "./stage.mjs";

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    users: text,
    sessions: text,
    challenges: text,
    engine: text,
    rounds: text,
    minutes: { type: "string", default: "60" },
    quick: { type: "boolean", default: false },
  },
});
const users = Number(values.users ?? (values.quick ? 100_000 : 10_000_000));
const size = {
  users,
  sessions: Number(values.sessions ?? users / 5),
  challenges: Number(values.challenges ?? users / 10),
};
if (!Object.values(size).every((count) => Number.isInteger(count) && count > 0) || !/^1[0]*$|^[25]0+$/.test(String(users))) {
  throw new Error("--users is 1, 2 or 5 and zeros, the others are numbers of rows");
}
const rounds = Number(values.rounds ?? (values.quick ? 3 : 25));
const engines = values.engine === undefined ? ["sqlite", "postgres"] : [values.engine];

const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-large-"));
const folders = new Set([folder]);
const report = createReport();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void end(1));
const limit = setTimeout(() => {
  process.stderr.write(`not done after ${values.minutes} minutes\n`);
  void end(1);
}, Number(values.minutes) * 60_000);

let ending;
/** Once, whatever fails because of it. */
function end(exitCode) {
  ending ??= finish(exitCode);
  return ending;
}

async function finish(exitCode) {
  clearTimeout(limit);
  await stopAll();
  for (const one of folders) rmSync(one, { recursive: true, force: true });
  printReport(report.lines);
  process.exit(exitCode);
}

try {
  const stage = createStage({ folder, nodeArgs: [] });
  const load = await stage.startLoad();
  for (const engine of engines) await measureEngine(engine, { stage, load, report, size, rounds, folder, folders });
  await end(0);
} catch (error) {
  if (ending === undefined) process.stderr.write(`${error.stack}\n`);
  await end(1);
}
