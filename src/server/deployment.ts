import type { Deployment } from "../apps/deps.js";
import type { Settings } from "../config/settings.js";

/** What the settings say about apps, for the server and the command line. */
export function deploymentOf({ issuer, mode, policy, policySettings }: Settings): Deployment {
  return { issuer, isProduction: mode === "production", policy, policySettings };
}
