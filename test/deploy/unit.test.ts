import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { table } from "../../src/config/table.js";

const path = fileURLToPath(new URL("../../deploy/latchkey.service", import.meta.url));
const unit = readFileSync(path, "utf8");
const settings: readonly string[] = Object.values(table).flatMap(({ name }) => [name, `${name}_FILE`]);

describe("the systemd unit", () => {
  const lines = unit.split("\n").filter((line) => /^#?\w+=/.test(line));
  const valuesOf = (key: string): string[] =>
    lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));

  // systemd's own judgement; on a machine without systemd there is none.
  it.skipIf(spawnSync("systemd-analyze", ["--version"]).status !== 0)("exposes little: less than 2 of 10 points", () => {
    const judged = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=20", path], { encoding: "utf8" });
    expect(judged.status, judged.stdout + judged.stderr).toBe(0);
  });

  it("sets settings that exist, and secrets by files that it loads, the commented ones too", () => {
    const all = lines.map((line) => line.replace(/^#/, ""));
    const environment = all.filter((line) => line.startsWith("Environment=")).join(" ");
    const named = [...environment.matchAll(/LATCHKEY_\w+/g)].map(([name]) => name);
    expect(named.filter((name) => !settings.includes(name))).toEqual([]);
    const loaded = all.flatMap((line) => /^LoadCredential=([\w-]+):\/etc\/latchkey\//.exec(line)?.[1] ?? []);
    const used = [...environment.matchAll(/=%d\/([\w-]+)/g)].map(([, name]) => name!);
    expect(used.toSorted()).toEqual(loaded.toSorted());
    expect(valuesOf("Environment").filter((one) => /_(PEPPER|MASTER_KEY|URL)=/.test(one))).toEqual([]);
  });
});
