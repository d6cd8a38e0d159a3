import { followCurrentKeys, missingCurrentKey } from "../../crypto/current-keys.js";
import { type Keyrings, variableOf } from "../../crypto/key-checks.js";
import { escapeControls } from "../../lib/escape.js";
import { keyUses } from "../../model/key.js";
import type { Store } from "../../store/port/store.js";
import { liveProcesses, processNames } from "../fleet.js";
import { type Finding, ok, problem, warning } from "./finding.js";

/** Reports the processes that serve the database: whether their versions are one, and whether all have the current keys. */
export async function checkFleet(store: Store, rings: Keyrings): Promise<readonly Finding[]> {
  const current = await store.keys.findCurrent();
  const findings = followCurrentKeys(rings, current).map((key) => problem(missingCurrentKey(key)));
  const live = liveProcesses(await store.processes.list(), Date.now());
  if (live.length === 0) return [...findings, ok("no process serves the database now")];
  const versions = [...new Set(live.map(({ version }) => version))];
  for (const use of keyUses) {
    const keyId = current[use];
    const lacking = live.filter(({ keyIds }) => keyId !== null && !keyIds[use].includes(keyId));
    if (lacking.length === 0) continue;
    const verb = lacking.length === 1 ? "lacks" : "lack";
    findings.push(problem(`${processNames(lacking)} ${verb} ${variableOf[use]} id ${keyId}, the current key`));
  }
  if (versions.length > 1)
    findings.push(warning(`the processes that serve the database have versions ${escapeControls(versions.join(" and "))}`));
  const serving = live.length === 1 ? "1 process serves" : `${live.length} processes serve`;
  return [...findings, ok(`${serving} the database: \`latchkey fleet\` lists them`)];
}
