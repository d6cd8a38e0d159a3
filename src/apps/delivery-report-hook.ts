import type { AppRecord } from "../model/app.js";
import type { Actor } from "./actor.js";
import type { AppsDeps } from "./deps.js";
import { deleteHook, type PutHook, putHook } from "./hooks.js";

/** Sets or replaces the hook that is sent the delivery reports of an app, as `putHook` does. */
export function putDeliveryReportHook(
  deps: AppsDeps,
  actor: Actor,
  { appId, url }: { readonly appId: string; readonly url: string },
): Promise<PutHook> {
  return putHook(deps, actor, { appId, name: "deliveryReportHook", hook: { url } });
}

/** Removes that hook, its secret, and the reports that wait for it. Throws APP_NOT_FOUND. */
export async function deleteDeliveryReportHook(
  deps: AppsDeps,
  actor: Actor,
  { appId }: { readonly appId: string },
): Promise<AppRecord> {
  const app = await deleteHook(deps, actor, { appId, name: "deliveryReportHook" });
  await deps.store.forwards.drop({ appId });
  return app;
}
