import type { Mode } from "../../config/settings.js";
import { type Finding, ok, warning } from "./finding.js";

/** The first version of each line that fixes CVE-2026-56846. Older lines that are not listed never got the fix. */
const fixed: Readonly<Record<number, readonly [number, number]>> = { 22: [23, 2], 24: [18, 1] };
const newestFixedLine = 24;

/** Warns in production about Node.js versions with known vulnerabilities. */
export function checkNode(version: string, mode: Mode | null): readonly Finding[] {
  if (mode !== "production" || isFixed(version)) return [ok(`Node.js ${version}`)];
  return [warning(`Node.js ${version} has known vulnerabilities: run 22.23.2, 24.18.1 or later in production`)];
}

function isFixed(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  const first = fixed[major];
  if (first === undefined) return major > newestFixedLine;
  return minor > first[0] || (minor === first[0] && patch >= first[1]);
}
