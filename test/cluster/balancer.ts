import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../support/ports.js";
import { example } from "./example.js";
import type { MachineOptions } from "./machine.js";
import { libraries, path } from "./programs.js";

/** HAProxy by the file of `deploy/cluster`. Ports on loopback. */
export interface Balancer {
  readonly leader: number;
  readonly standbys: number;
  stop(): Promise<void>;
}

export async function startBalancer(folder: string, all: MachineOptions["all"]): Promise<Balancer> {
  const [leader, standbys] = (await freePorts(2)) as [number, number];
  const machines = Object.entries(all).map(([name, { postgres, rest }]) => [
    `${name}.example.com:5432 port 8008`,
    `127.0.0.1:${postgres} port ${rest}`,
  ]);
  const text = example("haproxy.cfg", {
    ...Object.fromEntries(machines),
    "127.0.0.1:5000": `127.0.0.1:${leader}`,
    "127.0.0.1:5001": `127.0.0.1:${standbys}`,
  });
  const file = join(folder, "haproxy.cfg");
  writeFileSync(file, text);
  const log = openSync(join(folder, "haproxy.log"), "a");
  const env = { PATH: path, LD_LIBRARY_PATH: libraries };
  const child = spawn("haproxy", ["-db", "-f", file], { cwd: folder, env, stdio: ["ignore", log, log] });
  return {
    leader,
    standbys,
    async stop() {
      const end = once(child, "exit");
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await end;
      }
    },
  };
}
