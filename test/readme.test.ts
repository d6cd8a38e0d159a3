import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { formatMarkdown } from "../src/cli/config.js";
import { diskFiles } from "../src/config/settings.js";

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const readme = read("README.md");

it("README's table of settings is what `latchkey config --markdown` prints", () => {
  const table = /<!-- settings -->\n([\s\S]*?)\n<!-- \/settings -->/.exec(readme)?.[1];
  expect(table?.trim()).toBe(formatMarkdown(diskFiles).trim());
});

it("README's shell function gives commands each secret that the unit can give the service", () => {
  const secrets = [...read("deploy/latchkey.service").matchAll(/^#?Environment=(LATCHKEY_\w+)_FILE=%d\/(\S+)$/gm)];
  expect(secrets.length).toBeGreaterThan(3);
  const shellFunction = /^latchkey\(\) \([\s\S]*?^\)$/m.exec(readme)?.[0];
  for (const [, variable, file] of secrets) expect(shellFunction).toContain(`${variable}=$(cat /etc/latchkey/${file})`);
});

it("README writes every file with a secret in it where others can't read it", () => {
  const block = /^\(umask 077\n([\s\S]*?)\)$/m.exec(readme)?.[1];
  for (const file of ["pepper", "master-key", "smtp-url", "latchkey.env"]) expect(block).toContain(`> /etc/latchkey/${file}`);
});
