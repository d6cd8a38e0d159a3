import type { AppRecord } from "../model/app.js";
import type { AppsDeps } from "./deps.js";
import { type Page, type PageRequest, pageOf, rowsOf } from "./page.js";
import { appNotFound } from "./refusals.js";

/** Throws APP_NOT_FOUND. */
export async function getApp(deps: AppsDeps, { appId }: { readonly appId: string }): Promise<AppRecord> {
  const app = await deps.store.apps.findApp(appId);
  if (app === null) throw appNotFound(appId);
  return app;
}

/** Lists all apps in the order of their ids. */
export async function listApps(deps: AppsDeps, request: PageRequest): Promise<Page<AppRecord>> {
  const rows = await deps.store.apps.listApps(rowsOf(request));
  return pageOf(rows, request, ({ appId }) => appId);
}
