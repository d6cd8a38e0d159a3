import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache, interop, python } from "./paths.js";
import { runWell } from "./run.js";

/** Makes the virtual environment with the pinned requirements, unless it is there. */
export async function preparePython(): Promise<void> {
  const folder = join(cache, "venv");
  const requirements = join(interop, "python/requirements.txt");
  // Written last: a venv without it was not finished.
  const installed = join(folder, "installed.txt");
  const wanted = readFileSync(requirements, "utf8");
  if (existsSync(installed) && readFileSync(installed, "utf8") === wanted) return;
  rmSync(folder, { recursive: true, force: true });
  await runWell("python3", ["-m", "venv", folder], { timeoutMs: 300_000 });
  await runWell(python, ["-m", "pip", "install", "--quiet", "--no-deps", "-r", requirements], { timeoutMs: 300_000 });
  writeFileSync(installed, wanted);
}
