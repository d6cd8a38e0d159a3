import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { table } from "../../src/config/table.js";

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));
const path = `${deploy}latchkey.service`;
const dropIns = ["smtp", "sms", "whatsapp", "voice", "ussd", "postgres"];
/** With all that install.sh adds to it for carriers and PostgreSQL. */
const unit = [path, ...dropIns.map((name) => `${deploy}latchkey-${name}.conf`)]
  .map((file) => readFileSync(file, "utf8"))
  .join("");
const settings: readonly string[] = Object.values(table).flatMap(({ name }) => [name, `${name}_FILE`]);

describe("the systemd unit", () => {
  const lines = unit.split("\n").filter((line) => /^\w+=/.test(line));
  const valuesOf = (key: string): string[] =>
    lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));

  // systemd's own judgement; on a machine without systemd there is none.
  it.skipIf(spawnSync("systemd-analyze", ["--version"]).status !== 0)("exposes little: less than 2 of 10 points", () => {
    const judged = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=20", path], { encoding: "utf8" });
    expect(judged.status, judged.stdout + judged.stderr).toBe(0);
  });

  it("sets settings that exist, and secrets by files that it loads", () => {
    const environment = valuesOf("Environment").join(" ");
    const named = [...environment.matchAll(/LATCHKEY_\w+/g)].map(([name]) => name);
    expect(named.filter((name) => !settings.includes(name))).toEqual([]);
    const loaded = valuesOf("LoadCredential").flatMap((value) => /^([\w-]+):\/etc\/latchkey\//.exec(value)?.[1] ?? []);
    const used = [...environment.matchAll(/=%d\/([\w-]+)/g)].map(([, name]) => name!);
    expect(used.toSorted()).toEqual(loaded.toSorted());
    expect(loaded.length).toBeGreaterThan(3);
    expect(valuesOf("Environment").filter((one) => /_(PEPPER|MASTER_KEY|URL)=/.test(one))).toEqual([]);
  });

  it("needs only the secrets that every deployment has, so a deployment without mail starts", () => {
    const required = [...readFileSync(path, "utf8").matchAll(/^LoadCredential=([\w-]+):/gm)].map(([, name]) => name);
    expect(required).toEqual(["pepper", "master-key"]);
  });

  it("has the secrets of the carriers of every channel", () => {
    const ofCarriers = settings.filter((name) => /^LATCHKEY_(SMTP|SMS|WHATSAPP|VOICE|USSD)_URL_FILE$/.test(name));
    expect(ofCarriers).toHaveLength(5);
    for (const name of ofCarriers) expect(unit).toContain(`\nEnvironment=${name}=%d/`);
  });

  it("gives the service the secrets that the command `latchkey` gives its commands", () => {
    const bySystemd = valuesOf("Environment").flatMap(
      (value) => /^(LATCHKEY_\w+)_FILE=%d\/(\S+)$/.exec(value)?.slice(1, 3) ?? [],
    );
    const byCommand = [...readFileSync(`${deploy}latchkey`, "utf8").matchAll(/^secret (LATCHKEY_\w+) (\S+)$/gm)];
    expect(byCommand.flatMap((match) => match.slice(1, 3))).toEqual(bySystemd);
  });
});
