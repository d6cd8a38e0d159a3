import { type AppPolicy, resolvePolicy, withChannelsOf } from "../model/app-policy.js";
import { effectivePolicy, type PolicyOrigin, policyOrigins } from "../model/policy-fields.js";
import type { AppsDeps } from "./deps.js";
import { getApp } from "./read-apps.js";

/** Returns the policy that applies to an app's calls, and where each value comes from. Throws APP_NOT_FOUND. */
export async function getEffectivePolicy(
  deps: AppsDeps,
  input: { readonly appId: string },
): Promise<{ readonly policy: AppPolicy; readonly origins: readonly PolicyOrigin[] }> {
  const { policy: own, carriers } = await getApp(deps, input);
  const { policy, policySettings } = deps.deployment;
  const effective = resolvePolicy(own, withChannelsOf(carriers, policy));
  return { policy: effectivePolicy(effective), origins: policyOrigins(own, policySettings) };
}
