import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as open from "../../src/store/open.js";
import { migrations } from "../../src/store/postgres/schema.js";
import type { OtherProgram } from "./other-program.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const schema = "src/store/postgres/schema.ts";
const git = (...args: readonly string[]) =>
  execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "pipe"] });

/**
 * Compiles the newest program of the repository whose tables are those of the schema version before this one. Returns null if the
 * history is not here.
 */
export async function earlierProgram(): Promise<OtherProgram | null> {
  const commit = earlierCommit();
  if (commit === null) return null;
  const folder = mkdtempSync(join(tmpdir(), "latchkey-earlier-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const files = git("ls-tree", "-r", "--name-only", commit, "src", "tsconfig.json", "package.json").trim().split("\n");
  const archive = join(folder, "archive.tar");
  git("archive", "--output", archive, commit, "--", ...new Set(files.map((file) => file.split("/")[0]!)));
  execFileSync("tar", ["-xf", archive, "-C", folder]);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], { stdio: "inherit" });
  mkdirSync(join(folder, "dist/gen"), { recursive: true });
  copyFileSync(join(folder, "src/gen/openapi.json"), join(folder, "dist/gen/openapi.json"));
  const store = (await import(join(folder, "dist/store/open.js"))) as typeof open;
  return { bin: join(folder, "dist/latchkey.cjs"), openStore: store.openStore };
}

function earlierCommit(): string | null {
  const newest = `version: ${migrations.at(-1)!.version},`;
  let commits: string[];
  try {
    commits = git("log", "--format=%H", "--", schema).trim().split("\n");
  } catch {
    return null;
  }
  for (const commit of commits) {
    if (git("show", `${commit}:${schema}`).includes(newest)) continue;
    // What came between this commit and the change of the schema belongs to the earlier program too.
    const next = commits[commits.indexOf(commit) - 1];
    return next === undefined ? commit : `${next}~1`;
  }
  return null;
}
