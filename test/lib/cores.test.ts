import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { availableCores } from "../../src/lib/cores.js";

const all = availableParallelism();

describe("the cores that a process may use", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "latchkey-cores-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), `${text}\n`);
    }
  }

  const v2 = (group: string, quotas: Readonly<Record<string, string>>) => ({
    "proc/self/cgroup": `0::${group}`,
    ...Object.fromEntries(Object.entries(quotas).map(([folder, quota]) => [`sys/fs/cgroup${folder}/cpu.max`, quota])),
  });
  const v1 = (controllers: string, folder: string, [quota, period]: readonly [string, string]) => ({
    "proc/self/cgroup": `4:memory:/other\n3:${controllers}:/docker/1\n1:cpuset:/\n0::/`,
    [`sys/fs/cgroup/${controllers}${folder}/cpu.cfs_quota_us`]: quota,
    [`sys/fs/cgroup/${controllers}${folder}/cpu.cfs_period_us`]: period,
  });

  it.each<[string, Readonly<Record<string, string>>, number]>([
    ["no control groups", {}, all],
    ["a group without a quota", v2("/a", { "/a": "max 100000", "": "max 100000" }), all],
    ["a quota of its group", v2("/a/b", { "/a/b": "100000 100000" }), 1],
    ["a quota of a group above its own", v2("/a/b", { "/a/b": "max 100000", "/a": "100000 100000" }), 1],
    ["the quota of a container that sees its own group as the topmost one", v2("/", { "": "100000 100000" }), 1],
    ["half a core", v2("/", { "": "50000 100000" }), 1],
    ["one core and a half", v2("/", { "": "150000 100000" }), 1],
    ["more than the machine has", v2("/", { "": "99900000 100000" }), all],
    ["files that say something else", v2("/a", { "/a": "", "": "some words" }), all],
    ["a quota of version 1", v1("cpu", "/docker/1", ["50000", "50000"]), 1],
    ["a quota of version 1, in a container that sees it as topmost", v1("cpu,cpuacct", "", ["100000", "100000"]), 1],
    ["no quota in version 1", v1("cpu,cpuacct", "/docker/1", ["-1", "100000"]), all],
  ])("%s", (_, files, cores) => {
    write(files);
    expect(availableCores(root)).toBe(cores);
  });
});

/** Made by root on a machine that lets it. CI containers may not. */
const made = [`/sys/fs/cgroup/cpu/latchkey-${process.pid}`, `/sys/fs/cgroup/latchkey-${process.pid}`].find((group) => {
  try {
    mkdirSync(group);
    const isFirstVersion = group.includes("/cpu/");
    writeFileSync(join(group, isFirstVersion ? "cpu.cfs_quota_us" : "cpu.max"), "100000");
    return true;
  } catch {
    rmSync(group, { recursive: true, force: true });
    return false;
  }
});

describe.runIf(made !== undefined)("a process in a control group with a quota of one core", () => {
  afterEach(() => rmdirSync(made!));

  it("uses one core", () => {
    const module = new URL("../../src/lib/cores.ts", import.meta.url).pathname;
    const print = `console.log(require(${JSON.stringify(module)}).availableCores())`;
    const enter = `echo $$ > ${made}/cgroup.procs && exec "$0" "$@"`;
    expect(
      Number(execFileSync("sh", ["-c", enter, process.execPath, "--import", "tsx", "-e", print], { encoding: "utf8" })),
    ).toBe(1);
  });
});
