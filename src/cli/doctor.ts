import { diskFiles, type Env, readMode, type Settings } from "../config/settings.js";
import { checkCarriers } from "./doctor/carriers.js";
import { checkHashing, guessing } from "./doctor/codes.js";
import { checkDatabase } from "./doctor/database.js";
import { type Finding, problem } from "./doctor/finding.js";
import { checkMetrics } from "./doctor/metrics.js";
import { checkNode } from "./doctor/node-version.js";
import { explain } from "./explain.js";
import type { Io } from "./io.js";
import { loadSettings } from "./load-settings.js";

/**
 * Checks everything that a deployment depends on and prints one line for each finding. Returns false if there is a problem; a
 * warning is not one.
 */
export async function doctor(env: Env, io: Io): Promise<boolean> {
  let healthy = true;
  const report = (findings: readonly Finding[]): void => {
    for (const { kind, text } of findings) {
      io.out(`${kind.padEnd(7)} ${text}`);
      if (kind === "problem") healthy = false;
    }
  };

  report(checkNode(process.versions.node, readMode(env, diskFiles)));
  let settings: Settings;
  try {
    settings = await loadSettings(env, io);
  } catch (error) {
    report(explain(error).split("\n").map(problem));
    return false;
  }
  report([{ kind: "ok", text: "the settings are complete and consistent" }, guessing(settings.policy), checkMetrics(settings)]);
  for (const check of [checkDatabase, checkHashing, checkCarriers]) report(await guarded(check, settings));
  return healthy;
}

/** A failing check is reported as a problem, and the other checks still run. */
async function guarded(
  check: (settings: Settings) => Promise<readonly Finding[]> | readonly Finding[],
  settings: Settings,
): Promise<readonly Finding[]> {
  try {
    return await check(settings);
  } catch (error) {
    return [problem(explain(error))];
  }
}
