import type { Settings } from "../../config/settings.js";
import { formatListen, isLoopback } from "../../lib/listen.js";
import { type Finding, ok, warning } from "./finding.js";

/** Reports which machines can read the metrics, and what the metrics reveal. */
export function checkMetrics({ metricsListen, metricsToken }: Settings): Finding {
  const place = `the metrics at ${formatListen(metricsListen)}`;
  if (isLoopback(metricsListen.host)) return ok(`${place} can only be read on this machine`);
  const content = "counts and times of calls, refusals and deliveries, and the process's memory; no users, codes or secrets";
  return metricsToken === null
    ? warning(`${place} can be read by every machine that reaches this address (${content}): set LATCHKEY_METRICS_TOKEN`)
    : ok(`${place} can be read with the bearer token (${content}); it is sent unencrypted, so use a private network`);
}
