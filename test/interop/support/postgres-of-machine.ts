import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { freePort } from "../../support/ports.js";
import { runWell } from "./run.js";

/** A PostgreSQL server of the version that this machine's pg_dump is of. */
export interface MachinePostgres {
  /** Without a database. */
  readonly url: string;
  /** What its command-line programs find it by. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const packages = "/usr/lib/postgresql";

/** Starts one of those that Debian's packages bring, for a user `latchkey` who may make databases. A text: why there is none. */
export async function postgresOfMachine(): Promise<MachinePostgres | string> {
  const version = /\b(\d+)\./.exec(spawnSync("pg_dump", ["--version"], { encoding: "utf8" }).stdout ?? "")?.[1];
  if (version === undefined) return "there is no pg_dump here";
  const bin = join(packages, version, "bin");
  if (!existsSync(join(bin, "initdb"))) {
    const others = existsSync(packages) ? readdirSync(packages).join(", ") : "none";
    return `there is no PostgreSQL ${version} server here to go with pg_dump (in ${packages}: ${others})`;
  }
  const root = userInfo().uid === 0;
  const folder = mkdtempSync(join(tmpdir(), "latchkey-pg-"));
  if (root) {
    const [, , uid, gid] = execFileSync("getent", ["passwd", "postgres"], { encoding: "utf8" }).split(":");
    chownSync(folder, Number(uid), Number(gid));
  }
  // PostgreSQL refuses to run as root.
  const asOwner = (program: string, args: readonly string[]) =>
    root
      ? runWell("runuser", ["-u", "postgres", "--", join(bin, program), ...args], { cwd: folder })
      : runWell(join(bin, program), args, { cwd: folder });
  const data = join(folder, "data");
  const port = await freePort();
  await asOwner("initdb", ["-D", data, "--username=latchkey", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]);
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder}`;
  await asOwner("pg_ctl", ["-D", data, "-l", join(folder, "log"), "-w", "-o", settings, "start"]);
  return {
    url: `postgres://latchkey@127.0.0.1:${port}`,
    env: { PGHOST: "127.0.0.1", PGPORT: String(port), PGUSER: "latchkey" },
    async stop() {
      await asOwner("pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
