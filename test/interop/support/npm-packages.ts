import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { cache } from "./paths.js";
import { runWell } from "./run.js";

/** Returns `require` of a folder with these packages from npm, by name and version. They are downloaded once. */
export async function requireOf(name: string, dependencies: Readonly<Record<string, string>>): Promise<NodeJS.Require> {
  const folder = join(cache, "npm", name);
  const manifest = join(folder, "package.json");
  const wanted = JSON.stringify({ name, private: true, dependencies });
  // Written last: a folder without it was not finished.
  const installed = join(folder, "installed.json");
  if (!existsSync(installed) || readFileSync(installed, "utf8") !== wanted) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(manifest, wanted);
    const install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await runWell("npm", install, { cwd: folder, timeoutMs: 180_000 });
    writeFileSync(installed, wanted);
  }
  return createRequire(manifest);
}
