import type { AppRecord } from "../model/app.js";
import { type Dialect, dialectPolicies, dialectTexts } from "../model/dialect.js";
import type { Actor } from "./actor.js";
import { type CreateAppInput, createApp } from "./create-app.js";
import type { AppsDeps } from "./deps.js";
import { getApp } from "./read-apps.js";
import { putText } from "./texts.js";
import { updatePolicy } from "./update-policy.js";

/** As `createApp`, with what a vendor documents about its service as the app's own policy and texts. */
export async function createPreset(
  deps: AppsDeps,
  actor: Actor,
  { preset, ...input }: CreateAppInput & { readonly preset: Dialect },
): Promise<AppRecord> {
  const { appId } = await createApp(deps, actor, input);
  // Apps have no such value: the dialect has it.
  const { defaultSources: _, ...changes } = dialectPolicies[preset];
  if (Object.keys(changes).length > 0) await updatePolicy(deps, actor, { appId, changes });
  for (const text of dialectTexts[preset] ?? []) await putText(deps, actor, { appId, text });
  return await getApp(deps, { appId });
}
