import type { AppRecord, ReportFormat } from "../model/app.js";
import type { Actor } from "./actor.js";
import type { AppsDeps } from "./deps.js";
import { deleteHook, type PutHook, putHook } from "./hooks.js";

/** Sets or replaces the hook that is sent the delivery reports of an app, as `putHook` does. */
export function putDeliveryReportHook(
  deps: AppsDeps,
  actor: Actor,
  { appId, url, format = "latchkey" }: { readonly appId: string; readonly url: string; readonly format?: ReportFormat },
): Promise<PutHook> {
  const hook = { url, ...(format !== "latchkey" && { format }) };
  return putHook(deps, actor, { appId, name: "deliveryReportHook", hook });
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
