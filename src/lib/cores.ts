import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";

/**
 * Returns how many cores this process may use: those that the system gives it, or fewer if the CPU quota of its control group
 * (cgroup) is smaller. Node.js 24 reads quotas itself; Node.js 20 does not.
 * @param root The folder below which `proc` and `sys` are.
 */
export function availableCores(root = "/"): number {
  return Math.max(1, Math.floor(Math.min(availableParallelism(), quotaOf(root))));
}

/** Returns the smallest quota, in cores, of this process's control group and those above it. Infinity if there is none. */
function quotaOf(root: string): number {
  const groups = read(root, "proc/self/cgroup") ?? "";
  const quotas = groups.split("\n").flatMap((line) => {
    const found = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (found === null) return [];
    const [controllers, group] = [found[1]!, found[2]!];
    const isFirstVersion = controllers.split(",").includes("cpu");
    if (controllers !== "" && !isFirstVersion) return [];
    // In a container the group may be named as its host sees it, while the container sees its own group as the topmost one.
    return withAncestors(group).map((folder) => {
      const at = join("sys/fs/cgroup", controllers, folder);
      if (!isFirstVersion) return quota(read(root, at, "cpu.max")?.split(" ") ?? []);
      return quota([read(root, at, "cpu.cfs_quota_us"), read(root, at, "cpu.cfs_period_us")]);
    });
  });
  return Math.min(Infinity, ...quotas);
}

function withAncestors(folder: string): string[] {
  return folder === "/" ? [folder] : [folder, ...withAncestors(dirname(folder))];
}

/** No quota is `max` in version 2 and -1 in version 1. */
function quota([quotaUs, periodUs]: readonly (string | null | undefined)[]): number {
  const cores = Number(quotaUs ?? Number.NaN) / Number(periodUs ?? Number.NaN);
  return cores > 0 ? cores : Infinity;
}

function read(...parts: readonly string[]): string | null {
  try {
    return readFileSync(join(...parts), "utf8").trim();
  } catch {
    return null;
  }
}
