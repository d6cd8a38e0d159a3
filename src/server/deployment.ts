import type { Deployment } from "../apps/deps.js";
import type { DeploymentValues } from "../apps/snapshot.js";
import type { Settings } from "../config/settings.js";

/** What the settings say about apps, for the server and the command line. */
export function deploymentOf({ issuer, appName, mode, policy, carriers, policySettings }: Settings): Deployment {
  return { issuer, appName, isProduction: mode === "production", policy, carriers, policySettings };
}

/** What the directory takes from the settings. */
export function directoryValues({ issuer, appName, policy, mode, dialectSettings }: Settings): DeploymentValues {
  return { issuer, appName, policy, localhostAllowed: mode === "development", dialectSettings };
}
