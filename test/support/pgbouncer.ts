import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.js";
import { until } from "./server.js";

/** PgBouncer in front of a PostgreSQL server on this machine. */
export interface Pgbouncer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Where `.ci/run` unpacks PgBouncer and its libraries. */
const cache = fileURLToPath(new URL("../interop/.cache", import.meta.url));
/** PgBouncer refuses to run as root. */
const nobody = 65_534;

/**
 * Starts PgBouncer in a folder of its own, with 20 connections to the server for each database.
 * @param settings Lines of the section `[pgbouncer]` beside and instead of those of all tests.
 */
export async function startPgbouncer(
  serverPort: number,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<Pgbouncer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "latchkey-pgbouncer-"));
  const lines = {
    listen_addr: "127.0.0.1",
    listen_port: port,
    unix_socket_dir: "",
    auth_type: "scram-sha-256",
    auth_file: join(folder, "users.txt"),
    // Roles that tests make. Their passwords are known to no other program than the server.
    auth_user: "postgres",
    admin_users: "postgres",
    pool_mode: "transaction",
    default_pool_size: 20,
    max_client_conn: 1_000,
    // Tests make hundreds of databases, and servers that are stopped and started.
    server_idle_timeout: 5,
    server_login_retry: 1,
    ...settings,
  };
  writeFileSync(join(folder, "users.txt"), '"postgres" "postgres"\n');
  writeFileSync(
    join(folder, "pgbouncer.ini"),
    ["[databases]", `* = host=127.0.0.1 port=${serverPort}`, "[pgbouncer]"]
      .concat(Object.entries(lines).map(([name, value]) => `${name} = ${value}`))
      .join("\n"),
  );
  const program = reachableProgram(folder);
  const isRoot = userInfo().uid === 0;
  if (isRoot) for (const name of ["", ...readdirSync(folder)]) chownSync(join(folder, name), nobody, nobody);
  const child = spawn(program, ["-q", join(folder, "pgbouncer.ini")], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { LD_LIBRARY_PATH: folder },
    ...(isRoot && { uid: nobody, gid: nobody }),
  });
  const discard = () => {
    rmSync(folder, { recursive: true, force: true });
    return child.kill("SIGKILL");
  };
  process.on("exit", discard);
  let printed = "";
  child.stderr!.on("data", (data: Buffer) => (printed += data.toString()));
  await until("PgBouncer", () => {
    if (child.exitCode !== null) throw new Error(`PgBouncer ended with ${child.exitCode}\n${printed}`);
    return accepts(port);
  });
  return {
    port,
    async stop() {
      process.off("exit", discard);
      if (discard()) await once(child, "exit");
    },
  };
}

/** Copies the program into the folder, because its user may not get to a clone. */
function reachableProgram(folder: string): string {
  const paths = [join(cache, "bin"), ...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"];
  const found = paths.map((path) => join(path, "pgbouncer")).find((path) => existsSync(path));
  if (found === undefined) throw new Error("pgbouncer is missing: install it, or run .ci/run, which unpacks it");
  const program = join(folder, "pgbouncer");
  copyFileSync(found, program);
  const libraries = join(cache, "lib");
  const unpacked = existsSync(libraries) ? readdirSync(libraries).filter((name) => /^lib(?:cares|event)/.test(name)) : [];
  for (const name of unpacked) copyFileSync(join(libraries, name), join(folder, name));
  execFileSync("chmod", ["755", program]);
  return program;
}

async function accepts(port: number): Promise<true | undefined> {
  const socket = createConnection(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
