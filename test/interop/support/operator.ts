import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dist, packageRoot, repository } from "./paths.js";
import { type Finished, run } from "./run.js";

/** A folder that stands for a machine's file system, with what an operator's commands need and must not reach. */
export interface Machine {
  readonly root: string;
  /** As a clone of the repository: commands are run here. */
  readonly clone: string;
  /** The commands that were only noted: those that would change this machine, or need systemd. */
  noted(): readonly string[];
  /** Runs commands in a bash that stops at every error, their paths below `root`. */
  shell(text: string, env?: Readonly<Record<string, string>>): Promise<Finished>;
  /** A text with its absolute paths below `root`. */
  moved(text: string): string;
  remove(): void;
}

const systemFolders = /(?<![\w.:/$-])\/(?=(?:opt\/latchkey|etc\/(?:latchkey|systemd)|var\/lib\/latchkey)\b)/g;

export function newMachine(): Machine {
  const root = mkdtempSync(join(tmpdir(), "latchkey-machine-"));
  const clone = join(root, "clone");
  const stubs = join(root, "stubs");
  const notes = join(root, "notes");
  for (const folder of ["clone", "stubs", "opt", "etc/systemd/system", "var/lib/latchkey"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(notes, "");
  for (const name of ["package.json", "README.md", "deploy"])
    cpSync(join(repository, name), join(clone, name), { recursive: true });
  cpSync(dist, join(clone, "dist"), { recursive: true });
  symlinkSync(join(packageRoot, "node_modules"), join(clone, "node_modules"));
  for (const name of ["npm", "useradd", "systemctl", "journalctl"]) stub(name, `echo "${name} $*" >> '${notes}'`);
  stub("runuser", '[ "$1 $2 $3" = "-u latchkey --" ] || exit 64; shift 3; exec "$@"');

  function stub(name: string, body: string): void {
    writeFileSync(join(stubs, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(stubs, name), 0o755);
  }
  const moved = (text: string) => text.replaceAll(systemFolders, `${root}/`);
  return {
    root,
    clone,
    noted: () => readFileSync(notes, "utf8").trim().split("\n"),
    moved,
    shell: (text, env = {}) =>
      run("bash", ["-euo", "pipefail", "-c", moved(text)], {
        cwd: clone,
        env: { ...env, PATH: `${stubs}:${process.env.PATH ?? ""}` },
      }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** What systemd would give a service of this unit as its environment, and where it would start it. */
export function environmentOf(unit: string, { root, moved }: Machine): Readonly<Record<string, string>> {
  const env: Record<string, string> = {};
  const credentials = join(root, "run/credentials/latchkey.service");
  mkdirSync(credentials, { recursive: true });
  const set = (line: string) => {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) env[name] = value!.replaceAll("%d", credentials);
  };
  for (const line of unit.split("\n")) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === "Environment") set(value!);
    if (key === "EnvironmentFile") for (const one of readFileSync(moved(value!), "utf8").split("\n")) set(one);
    if (key !== "LoadCredential") continue;
    const [name, path] = value!.split(":");
    writeFileSync(join(credentials, name!), readFileSync(moved(path!)), { mode: 0o400, flag: "w" });
  }
  return env;
}
