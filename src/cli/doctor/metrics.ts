import type { Settings } from "../../config/settings.js";
import { formatListen, isLoopback } from "../../lib/listen.js";
import { type Finding, ok, warning } from "./finding.js";

/** Reports which machines can read the metrics, and what those say. */
export function checkMetrics({ metricsListen, metricsToken }: Settings): Finding {
  const place = `the metrics at ${formatListen(metricsListen)}`;
  if (isLoopback(metricsListen.host)) return ok(`${place} can be read on this machine alone`);
  const content = "counts and times of calls, refusals and deliveries, and the process's memory; no users, codes or secrets";
  return metricsToken === null
    ? warning(`${place} can be read by everything that reaches that address (${content}): set LATCHKEY_METRICS_TOKEN`)
    : ok(`${place} can be read with the bearer token (${content}); it travels in the clear, so keep to a private network`);
}
