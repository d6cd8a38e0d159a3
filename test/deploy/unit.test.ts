import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { table } from "../../src/config/table.js";

const unit = readFileSync(new URL("../../deploy/latchkey.service", import.meta.url), "utf8");
const settings: readonly string[] = Object.values(table).flatMap(({ name }) => [name, `${name}_FILE`]);

describe("the systemd unit", () => {
  const lines = unit.split("\n").filter((line) => /^#?\w+=/.test(line));
  const valuesOf = (key: string): string[] =>
    lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));

  it("is hardened, and leaves V8 and the drain what they need", () => {
    for (const [key, value] of [
      ["NoNewPrivileges", "yes"],
      ["ProtectSystem", "strict"],
      ["MemoryDenyWriteExecute", "no"],
      ["StateDirectory", "latchkey"],
      ["Restart", "on-failure"],
    ]) {
      expect(valuesOf(key!), key).toEqual([value]);
    }
    expect(Number(valuesOf("TimeoutStopSec")[0])).toBeGreaterThan(10);
    expect(Number(valuesOf("LimitNOFILE")[0])).toBeGreaterThan(1024);
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
