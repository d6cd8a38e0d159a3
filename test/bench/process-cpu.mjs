import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** CPU of processes with their children, those that have ended included, in milliseconds: what `/proc` says of them. */
export function cpuMsOf(pids) {
  const parents = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((row) => row.trim().split(/\s+/).map(Number));
  const ticks = pids.map((pid) => {
    const own = ticksOf(pid);
    const children = parents.filter(([, parent]) => parent === pid).map(([child]) => ticksOf(child));
    return own.self + own.ended + children.reduce((sum, child) => sum + child.self, 0);
  });
  return (1000 * ticks.reduce((sum, one) => sum + one, 0)) / ticksPerSecond;
}

/** Fields 14 to 17 of proc(5): user and system, own and of children that were waited for. */
function ticksOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    return { self: fields[11] + fields[12], ended: fields[13] + fields[14] };
  } catch {
    return { self: 0, ended: 0 };
  }
}
