import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { latchkey } from "../support/command-line.js";

const docs = new URL("../../docs/", import.meta.url).pathname;
const pages = ["dialects.md", ...readdirSync(join(docs, "migration")).map((name) => `migration/${name}`)];

/** The commands of a page that start with `latchkey`, as lists of arguments. */
const commandsOf = (page: string): readonly (readonly string[])[] =>
  [
    ...readFileSync(join(docs, page), "utf8")
      .replaceAll("\\\n", "")
      .matchAll(/^latchkey (.*)$/gm),
  ].map(([, line]) => [...line!.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!));

describe.each(pages)("docs/%s", (page) => {
  it("has commands that work, one after the other, on a new database", async () => {
    const folder = mkdtempSync(join(tmpdir(), "latchkey-migration-"));
    const env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}` };
    try {
      await latchkey(env, ["migrate"]);
      const failed: unknown[] = [];
      for (const argv of commandsOf(page)) {
        const { code, err } = await latchkey(env, argv);
        if (code !== 0) failed.push({ argv, err });
      }
      expect(failed).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
