import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** With how long each may take to end. */
const running = new Map();

/**
 * Starts a script with `probe.cjs` in front, its standard output in a file of `folder`, and the environment given and no other.
 * `ask` puts a question to it over IPC.
 */
export function startProcess(script, { name, folder, env = {}, args = [], nodeArgs = [], patienceMs = 12_000 }) {
  const logPath = join(folder, `${name}.log`);
  const output = openSync(logPath, "w");
  const child = spawn(process.execPath, ["--require", here("probe.cjs"), ...nodeArgs, here(script), ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", output, "inherit", "ipc"],
  });
  closeSync(output);
  running.set(child, patienceMs);
  const asked = new Map();
  child.on("message", ({ id, reply, error }) => {
    const { resolve, reject } = asked.get(id);
    asked.delete(id);
    if (error === undefined) resolve(reply);
    else reject(new Error(`${name}: ${error}`));
  });
  child.on("exit", (code, signal) => {
    running.delete(child);
    for (const { reject } of asked.values()) reject(new Error(`${name} ended (${signal ?? code}), see its log`));
  });

  let lastId = 0;
  function ask(question, detail) {
    lastId += 1;
    const id = lastId;
    return new Promise((resolve, reject) => {
      asked.set(id, { resolve, reject });
      child.send({ id, question, detail });
    });
  }
  return { name, logPath, ask, hasEnded: () => child.exitCode !== null, stop: () => stop(child) };
}

async function stop(child) {
  if (!running.has(child)) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), running.get(child));
  await exited;
  clearTimeout(timer);
}

/** Ends whatever is left. */
export async function stopAll() {
  await Promise.all([...running.keys()].map(stop));
}

/** The first line of JSON in a process's output that `wanted` accepts. */
export async function logLine({ name, logPath, hasEnded }, wanted) {
  for (;;) {
    const ended = hasEnded();
    const text = readFileSync(logPath, "utf8");
    const line = text
      .split("\n")
      .filter((candidate) => candidate.startsWith("{"))
      .map((candidate) => JSON.parse(candidate))
      .find(wanted);
    if (line !== undefined) return line;
    if (ended) throw new Error(`${name} ended: ${text}`);
    await sleep(5);
  }
}
