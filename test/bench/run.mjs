// Measures the numbers of the design, as ratios within one run. `node run.mjs [group…] [--quick] [--profile=<folder>]`:
// groups are start, speed, hashing, mail, outbox, defaults, engines, checkpoints, attack, dialects, directory and people, all but people if none is named; --quick is one short round, to see
// whether everything works; --profile leaves a CPU profile of every server in a folder. `--against=<url of a supabase/auth>
// --against-mail=<port> [--against-pids=<pid>,<pid>]` measures Latchkey on PostgreSQL beside a supabase/auth that is running: it sends its
// mails to that port of this machine, and its CPU is that of those processes and their children.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stopAll } from "./processes.mjs";
import { createReport, printReport } from "./report.mjs";
import { createStage } from "./stage.mjs";

const { values, positionals } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    profile: { type: "string" },
    against: { type: "string" },
    "against-mail": { type: "string", default: "2525" },
    "against-pids": { type: "string", default: "" },
  },
  allowPositionals: true,
});
const here = fileURLToPath(new URL(".", import.meta.url));
if (!existsSync(join(here, "node_modules"))) execFileSync("npm", ["ci"], { cwd: here, stdio: "inherit" });

const groups = {
  start: async () => (await import("./groups/start.mjs")).measureStart,
  speed: async () => (await import("./groups/speed.mjs")).measureSpeed,
  hashing: async () => (await import("./groups/hashing.mjs")).measureHashing,
  mail: async () => (await import("./groups/mail.mjs")).measureMail,
  outbox: async () => (await import("./groups/outbox.mjs")).measureOutbox,
  defaults: async () => (await import("./groups/defaults.mjs")).measureDefaults,
  engines: async () => (await import("./groups/engines.mjs")).measureEngines,
  checkpoints: async () => (await import("./groups/checkpoints.mjs")).measureCheckpoints,
  attack: async () => (await import("./groups/attack.mjs")).measureAttack,
  dialects: async () => (await import("./groups/dialects.mjs")).measureDialects,
  directory: async () => (await import("./groups/directory.mjs")).measureDirectory,
  people: async () => (await import("./groups/people.mjs")).measurePeople,
};
/** Groups that need no people. */
const withoutSeed = ["checkpoints", "directory", "people"];
/** Takes as long as all others together. */
const onlyIfNamed = ["people"];
if (values.against !== undefined) {
  const pids = values["against-pids"].split(",").filter(Boolean).map(Number);
  const peer = { url: values.against, mailPort: Number(values["against-mail"]), pids };
  groups.against = async () => (await import("./groups/against.mjs")).measureAgainst(peer);
}
const all = Object.keys(groups).filter((name) => !onlyIfNamed.includes(name));
const wanted = positionals.length > 0 ? positionals : values.against === undefined ? all : ["against"];
const unknown = wanted.filter((name) => !(name in groups));
if (unknown.length > 0) throw new Error(`no such group: ${unknown.join(", ")}; there are ${Object.keys(groups).join(", ")}`);

const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
const nodeArgs = values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${resolve(values.profile)}`];
const report = createReport();
const size = values.quick ? { rounds: 1, windowMs: 1000, people: 20_000 } : { rounds: 3, windowMs: 1800, people: 1_000_000 };
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void end(1));

async function end(exitCode) {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
  printReport(report.lines);
  process.exit(exitCode);
}

async function measureAll() {
  const stage = createStage({ folder, nodeArgs });
  const load = await stage.startLoad();
  if (wanted.some((name) => !withoutSeed.includes(name))) await stage.makeSeed(load);
  for (const name of wanted) {
    const startedAt = performance.now();
    const measure = await groups[name]();
    await measure({ stage, load, report, ...size });
    process.stderr.write(`${name}: ${Math.round((performance.now() - startedAt) / 1000)} s\n`);
  }
}

try {
  await measureAll();
  await end(0);
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  await end(1);
}
