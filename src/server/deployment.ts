import type { Deployment } from "../apps/deps.js";
import type { DeploymentValues } from "../apps/snapshot.js";
import type { Settings } from "../config/settings.js";

/** What the settings say about apps, for the server and the command line. */
export function deploymentOf({ issuer, mode, policy, policySettings }: Settings): Deployment {
  return { issuer, isProduction: mode === "production", policy, policySettings };
}

/** What the directory takes from the settings. */
export function directoryValues({ issuer, appName, policy, mode }: Settings): DeploymentValues {
  return { issuer, appName, policy, localhostAllowed: mode === "development" };
}
