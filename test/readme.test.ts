import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { formatMarkdown } from "../src/cli/config.js";
import { diskFiles } from "../src/config.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

it("README's table of settings is what `latchkey config --markdown` prints", () => {
  const table = /<!-- settings -->\n([\s\S]*?)\n<!-- \/settings -->/.exec(readme)?.[1];
  expect(table?.trim()).toBe(formatMarkdown(diskFiles).trim());
});
