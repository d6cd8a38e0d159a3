import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { dist, packageRoot, repository } from "./paths.js";
import { type Finished, type RunOptions, run } from "./run.js";

/** A folder that stands for the file system of a machine. */
export interface Machine {
  readonly root: string;
  /** A clone of the repository that is built already. Commands run here. */
  readonly clone: string;
  /** Runs deploy/install.sh below `root`. */
  install(...options: readonly string[]): Promise<Finished>;
  /** Runs commands in a bash that stops at every error, with the installed `latchkey` on the PATH. */
  shell(text: string, env?: RunOptions["env"]): Promise<Finished>;
  /** The path of one of the machine's files, such as /etc/latchkey/pepper. */
  at(path: string): string;
  /** The arguments of each command that `latchkey` ran, as the list of processes shows them. */
  processes(): string;
  remove(): void;
}

/** The PATH in which the service finds the Node.js that runs these tests. */
export const servicePath = `${dirname(process.execPath)}:/usr/bin:/bin`;

/**
 * Two programs are replaced. `npm` only prints its arguments: the clone is built. `runuser` runs the command as the present user: there is
 * no user latchkey here.
 */
export function newMachine(): Machine {
  const root = mkdtempSync(join(tmpdir(), "latchkey-machine-"));
  const at = (path: string) => join(root, path);
  const clone = at("clone");
  for (const folder of ["clone", "stubs"]) mkdirSync(at(folder));
  for (const name of ["package.json", "README.md", "deploy"])
    cpSync(join(repository, name), join(clone, name), { recursive: true });
  cpSync(dist, join(clone, "dist"), { recursive: true });
  symlinkSync(join(packageRoot, "node_modules"), join(clone, "node_modules"));
  stub("npm", 'echo "npm $*"');
  stub("runuser", `echo "$*" >> '${at("processes")}'; [ "$1 $2 $3" = "-u latchkey --" ] || exit 64; shift 3; exec "$@"`);

  function stub(name: string, body: string): void {
    writeFileSync(at(`stubs/${name}`), `#!/bin/sh\n${body}\n`);
    chmodSync(at(`stubs/${name}`), 0o755);
  }
  const env = { PATH: `${at("stubs")}:${at("usr/local/bin")}:${process.env.PATH ?? ""}` };
  return {
    root,
    clone,
    at,
    processes: () => readFileSync(at("processes"), "utf8"),
    install: (...options) =>
      run("/bin/sh", [join(clone, "deploy/install.sh"), "--root", root, ...options], { cwd: clone, env: { ...env } }),
    shell: (text, added = {}) => run("bash", ["-euo", "pipefail", "-c", text], { cwd: clone, env: { ...env, ...added } }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The environment that systemd would give the service that was installed, and the program that it would start. */
export function serviceOf(machine: Machine): { readonly env: Readonly<Record<string, string>>; readonly program: string } {
  const { at } = machine;
  const credentials = at("run/credentials/latchkey.service");
  mkdirSync(credentials, { recursive: true });
  const env: Record<string, string> = {};
  let program = "";
  const set = (line: string) => {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) env[name] = value!.replaceAll("%d", credentials);
  };
  for (const line of unitOf(machine).split("\n")) {
    const [, key, value = ""] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === "ExecStart") program = at(value.split(" ")[0]!);
    if (key === "Environment") set(value);
    if (key === "EnvironmentFile") for (const one of readFileSync(at(value), "utf8").split("\n")) set(one);
    if (key !== "LoadCredential") continue;
    const [name, path] = value.split(":");
    writeFileSync(join(credentials, name!), readFileSync(at(path!)), { mode: 0o600 });
  }
  return { env, program };
}

/** The installed unit with its drop-ins. */
function unitOf({ at }: Machine): string {
  const units = "etc/systemd/system";
  const dropIns = at(`${units}/latchkey.service.d`);
  const files = existsSync(dropIns) ? readdirSync(dropIns).map((name) => join(dropIns, name)) : [];
  return [at(`${units}/latchkey.service`), ...files].map((file) => readFileSync(file, "utf8")).join("\n");
}
