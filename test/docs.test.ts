import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { codeToHttpStatus, codeToString } from "@connectrpc/connect/protocol-connect";
import { describe, expect, it } from "vitest";
import { formatMarkdown } from "../src/cli/config.js";
import * as gen from "../src/client/gen.js";
import { diskFiles } from "../src/config/settings.js";
import { scopes } from "../src/model/scope.js";
import { wireErrors } from "../src/rpc/errors.js";
import { policyMarkdown } from "./support/policy-table.js";
import { servicesIn } from "./support/services.js";

const repository = new URL("../", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(repository, path), "utf8");

it("the tables of docs/configuration.md are what `latchkey config --markdown` prints", () => {
  const tables = /<!-- settings -->\n([\s\S]*?)\n<!-- \/settings -->/.exec(read("docs/configuration.md"))?.[1];
  expect(tables?.trim()).toBe(formatMarkdown(diskFiles).trim());
});

it("the policy table of docs/apps.md has the bounds, defaults and settings of the code", () => {
  const table = /<!-- policy -->\n([\s\S]*?)\n<!-- \/policy -->/.exec(read("docs/apps.md"))?.[1];
  expect(table?.trim()).toBe(policyMarkdown());
});

it("docs/apps.md has every scope in its table", () => {
  const table = /### Scopes\n([\s\S]*?)\n## /.exec(read("docs/apps.md"))?.[1] ?? "";
  const rows = Array.from(table.matchAll(/^\| `([a-z:]+)` \|/gm), ([, scope]) => scope);
  expect(rows).toEqual(scopes);
});

const below = (folder: string): string[] =>
  readdirSync(join(repository, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => join(folder, path));
const pages = ["README.md", "SECURITY.md", "CHANGELOG.md", ...below("docs")].toSorted();

/** The page without its code blocks, in which brackets mean other things. */
const prose = (page: string): string => read(page).replace(/^```[\s\S]*?^```$/gm, "");

/** The anchors that GitHub gives headings. */
const anchors = (page: string): readonly string[] =>
  [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

describe.each(pages)("%s", (page) => {
  const links = [...prose(page).matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(([, path, anchor]) => ({
    path: path === "" ? page : normalize(join(dirname(page), path!)),
    anchor,
  }));

  it("links only to files of the repository that are there", () => {
    expect(links.filter(({ path }) => path.startsWith("..") || !existsSync(join(repository, path)))).toEqual([]);
  });

  it("links only to headings that are there", () => {
    const broken = links.filter(({ path, anchor }) => anchor !== undefined && !anchors(path).includes(anchor));
    expect(broken).toEqual([]);
  });
});

it("README leads to every page of docs", () => {
  const linked = [...read("README.md").matchAll(/\]\((docs\/[^)#]+)/g)].map(([, path]) => path);
  expect(pages.filter((page) => page.startsWith("docs/") && !linked.includes(page))).toEqual([]);
});

describe("docs/api.md", () => {
  const page = read("docs/api.md");

  it.each(servicesIn(gen))("has every method of $name in its table, and no other", (service) => {
    const table = new RegExp(`\n### ${service.name}\n([\\s\\S]*?)\n##`).exec(page)?.[1] ?? "";
    const rows = Array.from(table.matchAll(/^\| `(\w+)` \|/gm), ([, name]) => name);
    expect(rows).toEqual(service.methods.map(({ name }) => name));
  });

  it("has every reason of a refusal with its code and HTTP status", () => {
    const table = /## Errors\n([\s\S]*?)\n## /.exec(page)?.[1] ?? "";
    const rows = Array.from(table.matchAll(/^\| `([A-Z_]+)` \| `(\w+)` \| (\d+) \|/gm), ([, ...row]) => row.join(" "));
    const expected = Object.entries(wireErrors).map(
      ([reason, [code]]) => `${reason} ${codeToString(code)} ${codeToHttpStatus(code)}`,
    );
    expect(rows).toEqual(expected);
  });
});

it("README has at most 250 lines", () => {
  expect(read("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(250);
});

it("every block of docs/getting-started.md that a reader pastes is run by test/interop, or says why not", () => {
  const page = read("docs/getting-started.md");
  const blocks = [...page.matchAll(/^```(?:sh|ts)\n/gm)].map(({ index }) => page.slice(0, index).trimEnd().split("\n").at(-1)!);
  expect(blocks.length).toBeGreaterThan(5);
  expect(blocks.filter((before) => !/^<!-- (run|not run): .+ -->$/.test(before))).toEqual([]);
});

it("no sentence of README and docs begins with who, whoever or nobody", () => {
  const found = pages.flatMap((page) =>
    read(page)
      .split("\n")
      .filter((line) => /(^[-|*>#\s]*|[.!?;:] |\| )(\*\*)?(who|whoever|nobody)\b/i.test(line))
      .map((line) => `${page}: ${line}`),
  );
  expect(found).toEqual([]);
});
