import { type AppPolicy, withChannelsOf } from "../model/app-policy.js";
import { type PolicyKey, policyFields } from "../model/policy-fields.js";
import { policyViolations } from "../model/policy-rules.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import type { AppsDeps } from "./deps.js";
import { appNotFound, refuseViolations } from "./refusals.js";

/** New values of a policy. What is left out stays as it is; what is null falls back to the setting or default. */
export type PolicyChanges = { readonly [K in PolicyKey]?: AppPolicy[K] | null };

/** Changes the policy of an app. Returns what the app then decides. Throws APP_NOT_FOUND and REQUEST_INVALID. */
export async function updatePolicy(
  deps: AppsDeps,
  actor: Actor,
  { appId, changes }: { readonly appId: string; readonly changes: PolicyChanges },
): Promise<AppPolicy> {
  const keys = Object.keys(changes) as PolicyKey[];
  const changed = await deps.store.apps.changeApp({
    appId,
    apply(app) {
      const policy = applied(app.policy, changes);
      const deployment = { ...deps.deployment, policy: withChannelsOf(app.carriers, deps.deployment.policy) };
      const violations = policyViolations(policy, keys, deployment);
      refuseViolations(violations.map(({ field, description }) => ({ field: `policy.${field}`, description })));
      return { ...app, policy };
    },
  });
  if (changed === null) throw appNotFound(appId);
  const names = keys.map((key) => policyFields[key].name);
  await announce(deps, actor, { message: "changed the policy of an app", app: appId, changed: names });
  return changed.policy;
}

function applied(policy: AppPolicy, changes: PolicyChanges): AppPolicy {
  const entries = Object.entries({ ...policy, ...changes });
  return Object.fromEntries(entries.filter(([, value]) => value !== null && value !== undefined));
}
