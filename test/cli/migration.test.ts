import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** The files that a page writes with `cat`. */
const filesOf = (page: string): readonly (readonly [name: string, content: string])[] =>
  [...readFileSync(join(docs, page), "utf8").matchAll(/^cat > (\S+) <<'END'\n([\s\S]*?)^END$/gm)].map(([, name, content]) => [
    name!,
    content!,
  ]);

describe.each(pages)("docs/%s", (page) => {
  it("has commands that work, one after the other, on a new database", async () => {
    const folder = mkdtempSync(join(tmpdir(), "latchkey-migration-"));
    const env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}` };
    try {
      await latchkey(env, ["migrate"]);
      const failed: unknown[] = [];
      const files = new Map(filesOf(page).map(([name, content]) => [name, { path: join(folder, name), content }]));
      for (const { path, content } of files.values()) writeFileSync(path, content);
      for (const argv of commandsOf(page)) {
        const { code, err } = await latchkey(
          env,
          argv.map((word) => files.get(word)?.path ?? word),
        );
        if (code !== 0) failed.push({ argv, err });
      }
      expect(failed).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
