import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientOf, locationOf, portOf, query } from "./postgres.js";
import { type RestartableServer, startRestartableServer } from "./postgres-server.js";
import { until } from "./server.js";

/** Two PostgreSQL servers, of which one replicates the other. */
export interface Pair {
  /** The one that takes writes; the other one after each promotion. */
  primary(): RestartableServer;
  standby(): RestartableServer;
  /** Makes commits wait for the standby. Resolves when they do and it has all earlier ones. */
  synchronise(): Promise<void>;
  /** Makes the standby the primary. Resolves when it takes writes. */
  promote(): Promise<void>;
  /**
   * Starts the former primary as the standby: on its own data if it was stopped in order, since then the standby had all of it, and
   * otherwise on a copy of the new primary's.
   */
  rejoin(how: { readonly data: "kept" | "copied" }): Promise<void>;
  stop(): Promise<void>;
}

const flags = ["wal_level=replica", "wal_keep_size=256MB", "hot_standby=on", "max_wal_senders=5"];

export async function startPair(): Promise<Pair> {
  const first = await startRestartableServer({ flags });
  const folder = mkdtempSync(join(tmpdir(), "latchkey-postgres-"));
  await copyData(first, folder);
  followIn(folder, first);
  let [primary, standby] = [first, await startRestartableServer({ folder, flags })];
  return {
    primary: () => primary,
    standby: () => standby,
    async synchronise() {
      const location = locationOf(primary.url);
      await query(location, "ALTER SYSTEM SET synchronous_standby_names = '*'");
      await query(location, "SELECT pg_reload_conf()");
      await until("a synchronous standby", async () => {
        const rows = await query<{ sync_state: string }>(location, "SELECT sync_state FROM pg_stat_replication");
        return rows.some(({ sync_state }) => sync_state === "sync") || undefined;
      });
      // A commit that waits, so that the standby has everything from before it too.
      const logged = "SELECT pg_logical_emit_message(true, 'pair', '')";
      await query(location, `BEGIN; SET LOCAL synchronous_commit = on; ${logged}; COMMIT`);
    },
    async promote() {
      await query(locationOf(standby.url), "SELECT pg_promote()");
      [primary, standby] = [standby, primary];
    },
    async rejoin({ data }) {
      if (data === "copied") await copyData(primary, standby.folder);
      followIn(standby.folder, primary);
      await standby.start();
    },
    async stop() {
      await standby.stop();
      await primary.stop();
    },
  };
}

/** A base backup: what is copied while it changes is made consistent by the log from its beginning on. */
async function copyData({ url, folder }: RestartableServer, to: string): Promise<void> {
  const client = await clientOf(locationOf(url));
  try {
    await client.query("SELECT pg_backup_start('pair', true)");
    rmSync(to, { recursive: true, force: true });
    mkdirSync(to, { mode: 0o700 });
    const left = ["./postmaster.pid", "./standby.signal", "./pg_wal/*", "./pg_replslot/*"].map((name) => `--exclude=${name}`);
    const tar = `tar -C '${folder}' --warning=no-file-changed --warning=no-file-removed ${left.join(" ")} -cf - . || [ $? -eq 1 ]`;
    execFileSync("bash", ["-o", "pipefail", "-c", `{ ${tar}; } | tar -C '${to}' -xpf -`]);
    const { rows } = await client.query<{ labelfile: string }>("SELECT labelfile FROM pg_backup_stop(false)");
    writeOwned(to, "backup_label", rows[0]!.labelfile);
  } finally {
    await client.end();
  }
}

function followIn(folder: string, { url }: RestartableServer): void {
  const { user, password } = locationOf(url);
  const source = `host=127.0.0.1 port=${portOf(url)} user=${user} password=${password}`;
  writeOwned(folder, "postgresql.auto.conf", `primary_conninfo = '${source}'\n`);
  writeOwned(folder, "standby.signal", "");
}

/** As a file of the user that the server runs as. */
function writeOwned(folder: string, name: string, text: string): void {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  const { uid, gid } = statSync(join(folder, "PG_VERSION"));
  chownSync(path, uid, gid);
}
