import { type AppPolicy, resolvePolicy } from "../model/app-policy.js";
import { effectivePolicy, type PolicyOrigin, policyOrigins } from "../model/policy-fields.js";
import type { AppsDeps } from "./deps.js";
import { getApp } from "./read-apps.js";

/** Returns the policy that applies to an app's calls, and where each value comes from. Throws APP_NOT_FOUND. */
export async function getEffectivePolicy(
  deps: AppsDeps,
  input: { readonly appId: string },
): Promise<{ readonly policy: AppPolicy; readonly origins: readonly PolicyOrigin[] }> {
  const { policy: own } = await getApp(deps, input);
  const { policy, policySettings } = deps.deployment;
  return { policy: effectivePolicy(resolvePolicy(own, policy)), origins: policyOrigins(own, policySettings) };
}
