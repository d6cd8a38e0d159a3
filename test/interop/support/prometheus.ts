import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../support/ports.js";
import { cleanEnv } from "./run.js";
import { until } from "./until.js";

/** A Prometheus of the tests' own, on loopback. */
export interface Prometheus {
  /** What its HTTP API answers at `/api/v1/<path>`. */
  api<T>(path: string): Promise<T>;
  /** The values of an instant query by one of their labels. */
  valuesBy(label: string, query: string): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

export const hasPrometheus = (): boolean =>
  ["prometheus", "promtool"].every((program) => spawnSync(program, ["--version"], { env: cleanEnv() }).status === 0);

/** Starts one by a configuration file, and resolves when it answers. */
export async function startPrometheus(configPath: string): Promise<Prometheus> {
  const data = mkdtempSync(join(tmpdir(), "latchkey-prometheus-"));
  const port = await freePort();
  const args = [
    `--config.file=${configPath}`,
    `--storage.tsdb.path=${data}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=warn",
  ];
  const child = spawn("prometheus", args, { cwd: data, env: cleanEnv(), stdio: ["ignore", "ignore", "pipe"] });
  const killed = () => void child.kill("SIGKILL");
  process.once("exit", killed);
  let printed = "";
  child.stderr.on("data", (chunk) => (printed += chunk));
  const url = `http://127.0.0.1:${port}`;
  await until("Prometheus is ready", async () => {
    if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}\n${printed}`);
    return (await fetch(`${url}/-/ready`).catch(() => null))?.ok || undefined;
  });

  async function api<T>(path: string): Promise<T> {
    const answer = (await (await fetch(`${url}/api/v1/${path}`)).json()) as { status: string; data: T };
    if (answer.status !== "success") throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer.data;
  }

  return {
    api,
    async valuesBy(label, query) {
      const { result } = await api<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
        `query?query=${encodeURIComponent(query)}`,
      );
      return Object.fromEntries(result.map(({ metric, value }) => [metric[label]!, Number(value[1])]));
    },
    async stop() {
      process.off("exit", killed);
      await end(child);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
